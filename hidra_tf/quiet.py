"""Imports TensorFlow without its greetings."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from types import ModuleType


def quietly_import(name: str) -> ModuleType:
    """Imports a module; what native code then writes to stderr is shown only if it fails.

    TensorFlow's C++ side announces its build options before any log level can be set. A user of
    this program needs none of it; TF_CPP_MIN_LOG_LEVEL=0 brings it back.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return import_module(name)
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            return import_module(name)
        except Exception:
            written.seek(0)
            os.write(stderr, written.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
