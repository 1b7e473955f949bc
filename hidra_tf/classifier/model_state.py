"""Whether a Keras model is still what it was when it was last looked at."""

from __future__ import annotations

import hashlib

import keras
import numpy as np


def state_of(model: keras.Model) -> bytes | None:
    """A digest of a model's layers, settings and weights, which differs once one of these does.

    What code of a layer keeps outside of its weights and its configuration is not seen.

    Args:
        model: a model of anybody's; a hundred megabytes of weights take a quarter of a second.

    Returns:
        The digest; None if a layer cannot tell its configuration.
    """
    try:
        told = repr(model.get_config())
    except Exception:  # whatever a layer of somebody's own raises
        return None
    digest = hashlib.sha256(told.encode())
    for variable in model.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).reshape(-1).view(np.uint8))
    return digest.digest()
