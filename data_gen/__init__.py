"""Data rooms: every data set comes out as three pools of classes.

A data set is one module with a function `load(data_dir, cache_dir, invert) -> Splits`, named in
`DATASETS`. Importing this package imports none of them, so it costs neither TensorFlow nor
Pillow.
"""

import importlib

from data_gen.class_pool import ClassPool, Splits, join
from data_gen.errors import UserError

__all__ = ["DATASETS", "ClassPool", "Splits", "UserError", "load"]

DATASETS: dict[str, str] = {
    "omniglot": "data_gen.omniglot",
    "glyphs": "data_gen.glyphs",
}


def load(
    name: str,
    *,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    invert: bool = True,
    train_on_validation: bool = False,
) -> Splits:
    """Loads a data set by name.

    Args:
        name: a key of `DATASETS`.
        data_dir: folder holding the data set's files; None lets the data set find or make its own.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: True for bright strokes on black, False for the published dark strokes on white.
        train_on_validation: adds the validation classes to the training classes, as published
            results do (Omniglot: 1100 + 100 = 1200); the validation split itself stays as it is.

    Returns:
        The train, validation and test pools.

    Raises:
        UserError: if the name is unknown, or the data is missing, incomplete or damaged.
    """
    if name not in DATASETS:
        raise UserError(f"expected a data set out of {', '.join(DATASETS)}; got {name!r}")
    module = importlib.import_module(DATASETS[name])
    splits = module.load(data_dir=data_dir, cache_dir=cache_dir, invert=invert)
    if train_on_validation:
        splits = splits._replace(train=join(splits.train, splits.val))
    return splits
