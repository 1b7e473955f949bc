"""A backbone that begins where another run's ended: the papers' pre-trained setting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras

from data_gen.errors import UserError
from hidra_tf.methods.interface import Method
from hidra_tf.runs.checkpoints import Checkpoints


def load_backbone(path: Path, source: Method, target: Method, warn: Callable[[str], None]) -> None:
    """Gives `target` the backbone weights of the best checkpoint of the run at `path`.

    Args:
        path: the run's folder.
        source: the run's method, untrained; it is restored.
        target: whose backbone is set, by the names of its variables.
        warn: told of damaged checkpoints.

    Raises:
        UserError: if there is no checkpoint, or the backbones differ.
    """
    theirs, ours = ({_name(v): v for v in method.backbone.variables} for method in (source, target))
    for name in sorted({*theirs, *ours}):
        there, here = (_shape(variables.get(name)) for variables in (theirs, ours))
        if there != here:
            raise UserError(
                f"pretrained: expected the same backbone in {path}; {name} is {there} there and "
                f"{here} here"
            )
    if not Checkpoints(path, source, None, warn).restore_best():
        raise UserError(f"pretrained: expected a checkpoint in {path}, found none")
    for name, variable in ours.items():
        variable.assign(theirs[name].value)


def _name(variable: keras.Variable) -> str:
    """Layers and variable, without the model's name, which Keras may number."""
    return variable.path.split("/", 1)[1]


def _shape(variable: keras.Variable | None) -> str:
    return "missing" if variable is None else " × ".join(map(str, variable.shape))
