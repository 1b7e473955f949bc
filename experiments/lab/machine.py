"""What computes, for those who report times."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from data_gen.sources import has_gpu
from hidra_tf.runs.assembly import device


def processor() -> str:
    """The name of the processor, such as `AMD EPYC`."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def in_words() -> str:
    """The GPU if TensorFlow has one, or else the processor and its number of threads."""
    return device() if has_gpu() else f"{processor()}, {os.cpu_count()} threads"
