"""Omniglot: 1623 handwritten characters of 50 alphabets, each drawn by 20 people.

Lake, Salakhutdinov and Tenenbaum (2015), "Human-level concept learning through probabilistic
program induction". The pictures come from the official folders or zips, or else from TensorFlow
Datasets; names, pixels and the split of the classes are the same whichever it is.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from data_gen import cache, damage
from data_gen.class_pool import ClassPool, Splits, split_by_name
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import PictureError, decode_picture, recipe, resize
from data_gen.request import DataRequest
from data_gen.room import check_fits
from data_gen.tfds_builder import prepare

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

SPLIT_SEED = "hidra-omniglot-1"
TRAIN_CLASSES = 1100
VAL_CLASSES = 100  # The other 423 characters are for testing.
EXPECTED_CHARACTERS = {"images_background": 964, "images_evaluation": 659}
DRAWINGS = 20  # per character
IMAGE_SIZE = (28, 28)
CHANNELS = 1

_TFDS_SPLITS = {"images_background": "train", "images_evaluation": "test"}
_DOWNLOAD_HOST = "https://github.com"

_Drawings = dict[str, list[np.ndarray]]  # per character, by name


def load(request: DataRequest) -> Splits:
    """Loads Omniglot.

    Args:
        request: what is wanted. Its `data_dir` is a folder that holds `images_background` and
            `images_evaluation`, each a folder or a .zip, or a folder whose subfolder `omniglot`
            does; None is TensorFlow Datasets, which downloads. The size and the channels are
            28 × 28 and 1 unless it names others.

    Returns:
        Pools of 1100, 100 and 423 characters named `Alphabet/characterNN`, 20 drawings each,
        uint8 [N, H, W, channels].

    Raises:
        UserError: if the data is missing, incomplete or damaged, or cannot be downloaded, or if
            there is no memory for so large pictures.
    """
    shape = request.shape(IMAGE_SIZE, CHANNELS)
    drawings = DRAWINGS * sum(EXPECTED_CHARACTERS.values())
    # Decoded pictures, with their channels, inverted, and dealt out to the splits.
    check_fits("omniglot", drawings, shape, copies=4, disk=None)
    sets = locate(request.data_dir)
    source = _from_tfds(shape[:2]) if sets is None else _from_files(sets, shape[:2], request)
    key = {"source": source.key, "size": list(shape[:2]), **recipe()}
    arrays = cache.cached(key, lambda: _as_arrays(source.decode()), request.cache_dir, "omniglot")
    images = np.repeat(arrays["images"], shape[2], axis=-1)
    pool = ClassPool(
        255 - images if request.invert else images,
        tuple(arrays["counts"].tolist()),
        tuple(arrays["names"].tolist()),
    )
    return split_by_name(pool, SPLIT_SEED, train=TRAIN_CLASSES, val=VAL_CLASSES)


def locate(data_dir: str | None = None) -> dict[str, Path] | None:
    """The folder, or else the zip, of each set; None is TensorFlow Datasets.

    Raises:
        UserError: if one is missing.
    """
    if data_dir is None:
        return None
    found: dict[str, Path] = {}
    for parent in (Path(data_dir), Path(data_dir, "omniglot")):
        for name in EXPECTED_CHARACTERS:
            for candidate in (parent / name, parent / f"{name}.zip"):
                if candidate.exists():
                    found.setdefault(name, candidate)
    missing = [name for name in EXPECTED_CHARACTERS if name not in found]
    if missing:
        raise UserError(
            f"{data_dir}: expected the Omniglot sets {' and '.join(EXPECTED_CHARACTERS)}, each a "
            f"folder or a .zip, there or in its subfolder omniglot; {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing"
        )
    return found


class _Source(NamedTuple):
    """A place that the pictures come from.

    Attributes:
        key: a text that changes when the pictures might have changed.
        decode: a function that returns the drawings of each character, uint8 [H, W] and dark on
            white.
    """

    key: str
    decode: Callable[[], _Drawings]


def _as_arrays(drawings: _Drawings) -> dict[str, np.ndarray]:
    """Packs characters in the order of their names: images [N, H, W, 1], counts, names."""
    names = sorted(drawings)
    return {
        "images": np.stack([image for name in names for image in drawings[name]])[..., None],
        "counts": np.array([len(drawings[name]) for name in names]),
        "names": np.array(names),
    }


def _check_complete(where: str, set_name: str, drawings: Mapping[str, int]) -> None:
    """Raises `UserError` unless a set has all its characters, and each its number of drawings."""
    expected = EXPECTED_CHARACTERS[set_name]
    if len(drawings) != expected:
        raise UserError(
            f"{where}: expected {expected} Omniglot characters, got {len(drawings)}; "
            "copy or unpack it again"
        )
    for character in sorted(drawings):
        if drawings[character] != DRAWINGS:
            raise UserError(
                f"{where}: expected {DRAWINGS} drawings of {character}, "
                f"got {drawings[character]}; copy or unpack it again"
            )


def _from_files(sets: Mapping[str, Path], size: tuple[int, int], request: DataRequest) -> _Source:
    """Takes the pictures from the official folders or zips.

    Raises:
        UserError: if they are incomplete or damaged.
    """
    trees = {name: PictureTree(root) for name, root in sets.items()}
    for set_name, tree in trees.items():
        tree.warn_of_special()
        _check_complete(str(tree.root), set_name, Counter(map(_character, tree.names)))
    parts = [(tree, tree.names) for tree in trees.values()]
    if request.skip_damaged:
        whole = damage.leave_out(parts, request.cache_dir, "omniglot")
        parts = [(tree, names) for (tree, _), names in zip(parts, whole, strict=True)]

    def decode() -> _Drawings:
        try:
            return _decoded(parts, size)
        except PictureError as error:
            raise damage.complaint(error, parts, request.cache_dir, "omniglot") from error

    # What was left out is no longer listed, so that other arrays have another key.
    listed = hashlib.sha256(json.dumps([names for _, names in parts]).encode()).hexdigest()
    return _Source("+".join([*(tree.fingerprint() for tree, _ in parts), listed]), decode)


def _decoded(
    parts: Sequence[tuple[PictureTree, Sequence[str]]], size: tuple[int, int]
) -> _Drawings:
    """The drawings of each character, given the names of their files in each set."""
    drawings: _Drawings = {}
    for tree, names in parts:
        for file, data in zip(names, tree.read(names), strict=True):
            image = decode_picture(data, tree.path(file), size)
            drawings.setdefault(_character(file), []).append(image)
    return drawings


def _character(file: str) -> str:
    """`Alphabet/characterNN` of a path `[<set>/]<Alphabet>/<characterNN>/<drawing>.png`."""
    return "/".join(PurePosixPath(file).parts[-3:-1])


def _from_tfds(size: tuple[int, int]) -> _Source:
    """Takes the pictures from TensorFlow Datasets, prepared when they are decoded."""
    import tensorflow_datasets as tfds  # Brings in TensorFlow, which official files do not need.

    builder = tfds.builder("omniglot")

    def decode() -> _Drawings:
        prepare(builder, "Omniglot", _DOWNLOAD_HOST)
        drawings: dict[str, list[np.ndarray]] = {}
        for set_name, split in _TFDS_SPLITS.items():
            part = _read_tfds_split(builder, split, size)
            counts = {character: len(images) for character, images in part.items()}
            _check_complete(f"{builder.info.full_name} {split}", set_name, counts)
            drawings.update(part)
        return drawings

    return _Source(builder.info.full_name, decode)


def _read_tfds_split(
    builder: "tfds.core.DatasetBuilder", split: str, size: tuple[int, int]
) -> _Drawings:
    """Reads one prepared split; the drawings of a character come sorted by their pixels."""
    import tensorflow_datasets as tfds

    drawings: dict[str, list[np.ndarray]] = {}
    alphabets = builder.info.features["alphabet"]
    for example in tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)):
        alphabet = alphabets.int2str(int(example["alphabet"]))
        character = f"{alphabet}/character{int(example['alphabet_char_id']) + 1:02d}"
        image = resize(Image.fromarray(example["image"]), size)
        drawings.setdefault(character, []).append(image)
    # The files' names are not kept there, and the order depends on how the data was prepared.
    return {name: sorted(images, key=np.ndarray.tobytes) for name, images in drawings.items()}
