"""Cases as calls, where PyTorch is what they need."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

from benchmarks import inputs, torch_baselines
from benchmarks.cases import PRODUCT_SIDE, Case

LEARNING_RATE = 0.4

# Some installations count virtual cores differently from TensorFlow, which takes all it may.
torch.set_num_threads(len(os.sched_getaffinity(0)))


def build(case: Case) -> Callable[[], object]:
    """A call that does once what `case` says, and returns when it is done."""
    if case.variant == "torch_product":
        return matrix_product(PRODUCT_SIDE)
    tasks = torch_baselines.tasks_of(inputs.episodes(case))
    arguments = (inputs.initial_weights(case), case.steps, LEARNING_RATE, case.norm)
    if case.variant == "torch_vmap":
        step = torch_baselines.vmapped(*arguments)
    elif case.variant == "torch_channels_last":
        step = torch_baselines.looped(*arguments, torch.channels_last)
    else:
        step = torch_baselines.looped(*arguments)
    return lambda: step(tasks)


def matrix_product(side: int) -> Callable[[], object]:
    """The product of two side × side float32 matrices."""
    matrix = torch.randn((side, side), generator=torch.Generator().manual_seed(0))
    return lambda: matrix @ matrix
