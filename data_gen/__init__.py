"""Data rooms: every data set comes out as three pools of classes.

A data set is one module, named in `DATASETS`, with two functions: `locate(data_dir)`, which raises
`UserError` unless its files are there, and decodes none; and `load(data_dir, cache_dir, invert,
image_size, channels, per_class, split_seed) -> Splits`. Importing this package imports no such
module, so it costs neither TensorFlow nor Pillow.
"""

import importlib
import types

from data_gen.class_pool import ClassPool, Splits, join
from data_gen.errors import UserError
from data_gen.image_size import ImageSize

__all__ = [
    "DATASETS",
    "PICTURES",
    "STROKES",
    "ClassPool",
    "ImageSize",
    "Splits",
    "UserError",
    "load",
]

DATASETS: dict[str, str] = {
    "omniglot": "data_gen.omniglot",
    "glyphs": "data_gen.glyphs",
    "mini_imagenet": "data_gen.mini_imagenet",
    "cub": "data_gen.cub",
    "cifar_fs": "data_gen.cifar_fs",
    "emnist": "data_gen.emnist",
    "folder": "data_gen.folder",
}

# Of these, drawings: strokes on a plain ground, whose polarity `invert` is about.
STROKES = ("omniglot", "glyphs", "emnist")

# Where a pool's pictures are while it is used; see `data_gen.sources`.
PICTURES = ("auto", "device", "host")

# Tested on the second, the first is trained on with all its classes but those whose names begin
# like this, as in the literature: EMNIST's letters are Latin.
_ALL_BUT = {("omniglot", "emnist"): "Latin/"}


def load(
    name: str,
    *,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    invert: bool = True,
    train_on_validation: bool = False,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    per_class: int = 1,
    split_seed: int = 0,
    eval_name: str | None = None,
    eval_data_dir: str | None = None,
) -> Splits:
    """Loads a data set by name, or two: one to train on, another to validate and test on.

    Args:
        name: a key of `DATASETS`.
        data_dir: folder holding the data set's files; None lets the data set find or make its own.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: True for bright strokes on black, False for the published dark strokes on white;
            photographs stay as they are.
        train_on_validation: adds the validation classes to the training classes, as published
            results do (Omniglot: 1100 + 100 = 1200); the validation split itself stays as it is.
        image_size: height and width of the pictures; None is the data set's own.
        channels: 1 for grey, 3 for colour; None is the data set's own.
        per_class: pictures that a class must have; `folder` leaves out smaller ones.
        split_seed: ≥ 0, chooses the classes of each split of `folder`, unless its folders do.
        eval_name: the data set whose validation and test classes are taken, in the size and with
            the channels of the first; None is the first itself. With Omniglot and EMNIST, the
            training classes are all of Omniglot's but the Latin alphabet.
        eval_data_dir: folder of that one's files.

    Returns:
        The train, validation and test pools.

    Raises:
        UserError: if the name is unknown, or the data is missing, incomplete or damaged.
    """
    options = {
        "cache_dir": cache_dir,
        "invert": invert,
        "per_class": per_class,
        "split_seed": split_seed,
    }
    if eval_name is not None:
        # Before the first data set is decoded, which may take minutes.
        _module(eval_name).locate(eval_data_dir)
    splits = _module(name).load(
        data_dir=data_dir, image_size=image_size, channels=channels, **options
    )
    if not splits.train.num_classes:
        raise UserError(
            f"expected a data set with training classes, received {name}, which is for tests only; "
            f"take another to train on, such as `dataset=omniglot` with `eval_dataset={name}`"
        )
    train = _training_pool(name, eval_name, splits, train_on_validation)
    if eval_name is None:
        return splits._replace(train=train)
    height, width, channels = splits.train.image_shape
    others = _module(eval_name).load(
        data_dir=eval_data_dir,
        image_size=(height, width),
        channels=channels,
        **options,
    )
    return others._replace(train=train)


def _module(name: str) -> types.ModuleType:
    """The data set of that name.

    Raises:
        UserError: if there is none.
    """
    if name not in DATASETS:
        raise UserError(f"expected a data set out of {', '.join(DATASETS)}; got {name!r}")
    return importlib.import_module(DATASETS[name])


def _training_pool(
    name: str, eval_name: str | None, splits: Splits, train_on_validation: bool
) -> ClassPool:
    """The classes to train on, given what is tested on."""
    excluded = _ALL_BUT.get((name, eval_name))
    if excluded is not None:
        pool = join(join(splits.train, splits.val), splits.test)
        return pool.select(sorted(c for c in pool.names if not c.startswith(excluded)))
    return join(splits.train, splits.val) if train_on_validation else splits.train
