"""Data rooms: every data set comes out as three pools of classes.

A data set is one module, named in `DATASETS`, with its own `IMAGE_SIZE` and `CHANNELS` and two
functions: `locate(data_dir)`, which raises `UserError` unless its files are there, and decodes
none; and `load(request) -> Splits`, which takes a `DataRequest`. Importing this package imports no
such module, so it costs neither TensorFlow nor Pillow.
"""

import dataclasses
import importlib
import types

from data_gen.class_pool import ClassPool, Splits, empty_pool, join
from data_gen.errors import UserError
from data_gen.image_size import ImageSize
from data_gen.request import DataRequest

__all__ = [
    "DATASETS",
    "PICTURES",
    "STANDARDS",
    "STROKES",
    "ClassPool",
    "DataRequest",
    "ImageSize",
    "Splits",
    "UserError",
    "image_shape",
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

# Those of them that are drawings: strokes on a plain ground, whose polarity `invert` decides.
STROKES = ("omniglot", "glyphs", "emnist")

# The places that may hold a pool's pictures while it is used; see `data_gen.sources`.
PICTURES = ("auto", "device", "host")

# Mean and standard deviation of red, green and blue, by which numbers in [0, 1] are standardised:
# those of ImageNet, which most programs take, and those of mini-ImageNet, which programs with a
# ResNet-12 take.
STANDARDS: dict[str, tuple[tuple[float, ...], tuple[float, ...]] | None] = {
    "none": None,
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mini_imagenet": (
        (120.39586422 / 255, 115.59361427 / 255, 104.54012653 / 255),
        (70.68188272 / 255, 68.27635443 / 255, 72.54505529 / 255),
    ),
}

# For tests on the second data set, training takes all classes of the first but those whose names
# begin like this, as in the literature: EMNIST's letters are Latin.
_ALL_BUT = {("omniglot", "emnist"): "Latin/"}


def load(
    name: str,
    request: DataRequest | None = None,
    *,
    train_on_validation: bool = False,
    eval_name: str | None = None,
    eval_data_dir: str | None = None,
    split: str | None = None,
) -> Splits:
    """Loads a data set by name, or two: one to train on, another to validate and test on.

    Example:
        >>> from hidra_tf import DataRequest, load
        >>> splits = load("glyphs", DataRequest(image_size=(20, 20)))
        >>> splits.train.num_classes, splits.train.image_shape
        (280, (20, 20, 1))

    Args:
        name: a key of `DATASETS`.
        request: the pictures that are wanted; None is `DataRequest()`.
        train_on_validation: adds the validation classes to the training classes, as published
            results do (Omniglot: 1100 + 100 = 1200); the validation split itself stays as it is.
        eval_name: the data set whose validation and test classes are taken, in the size and with
            the channels of the first; None is the first itself. With Omniglot and EMNIST, the
            training classes are all of Omniglot's but the Latin alphabet.
        eval_data_dir: the folder of that one's files.
        split: the one split that is needed, `train`, `val`, `test` or `all` (`Splits.all`), where
            nothing is to be trained; None is all of them. The training pool may then come empty:
            with `eval_name`, only that data set is looked for, unless `split` is `train`. `all`
            are the classes of that data set alone, and those of `folder` are not divided, so that
            two are enough.

    Returns:
        The train, validation and test pools.

    Raises:
        UserError: if the name is unknown, or the data is missing, incomplete or damaged.
        ValueError: if there is no such split.
    """
    _check_split(split)
    request = dataclasses.replace(request or DataRequest(), divided=split != "all")
    trains = split in (None, "train")
    if eval_name is None:
        splits = _module(name).load(request)
        if not trains:
            return splits
        return splits._replace(train=_training_pool(name, None, splits, train_on_validation))
    # Before the first data set is decoded, which may take minutes.
    _module(eval_name).locate(eval_data_dir)
    train = empty_pool(image_shape(name, request))
    if trains:
        train = _training_pool(name, eval_name, _module(name).load(request), train_on_validation)
    height, width, channels = train.image_shape
    other = dataclasses.replace(
        request, data_dir=eval_data_dir, image_size=(height, width), channels=channels
    )
    splits = _module(eval_name).load(other)
    return splits if split == "all" else splits._replace(train=train)


def image_shape(name: str, request: DataRequest | None = None) -> tuple[int, int, int]:
    """Height, width and channels of a data set's pictures, which are not looked for.

    Args:
        name: a key of `DATASETS`.
        request: the size and channels that are wanted; None is the data set's own.

    Raises:
        UserError: if the name is unknown.
    """
    module = _module(name)
    return (request or DataRequest()).shape(module.IMAGE_SIZE, module.CHANNELS)


def _check_split(split: str | None) -> None:
    """Raises `ValueError` unless it is None or a split's name."""
    if split not in (None, "all", *Splits._fields):
        raise ValueError(
            f"split: expected one of {', '.join(Splits._fields)}, all; received {split!r}"
        )


def _module(name: str) -> types.ModuleType:
    """The module of a data set.

    Raises:
        UserError: if there is none.
    """
    if name not in DATASETS:
        raise UserError(f"expected a data set out of {', '.join(DATASETS)}; got {name!r}")
    return importlib.import_module(DATASETS[name])


def _training_pool(
    name: str, eval_name: str | None, splits: Splits, train_on_validation: bool
) -> ClassPool:
    """The classes to train on, given the data set to test on.

    Raises:
        UserError: if there are none.
    """
    if not splits.train.num_classes:
        raise UserError(
            f"expected a data set with training classes, received {name}, which is for tests only; "
            f"take another to train on, such as `dataset=omniglot` with `eval_dataset={name}`"
        )
    excluded = _ALL_BUT.get((name, eval_name))
    if excluded is not None:
        pool = join(join(splits.train, splits.val), splits.test)
        return pool.select(sorted(c for c in pool.names if not c.startswith(excluded)))
    return join(splits.train, splits.val) if train_on_validation else splits.train
