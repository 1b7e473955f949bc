"""CUB-200-2011: photographs of 200 species of birds, 41 to 60 of each.

Wah et al. (2011), "The Caltech-UCSD Birds-200-2011 dataset"; the species are split as in Chen et
al. (2019), "A closer look at few-shot classification". The whole pictures are used, not the
bounding boxes. They come from the official folder, or else from TensorFlow Datasets.
"""

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from data_gen import cache
from data_gen.class_folders import SplitFiles, check_same_files, decoded, read_list
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import MODES, decode_picture, recipe
from data_gen.request import DataRequest
from data_gen.room import check_fits
from data_gen.tfds_builder import prepare

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

SPECIES = 200
PICTURES = 11788  # of all species
IMAGE_SIZE = (84, 84)
CHANNELS = 3

_SUBFOLDERS = ("", "CUB_200_2011", "cub", "cub/CUB_200_2011")
_DOWNLOAD_HOST = "https://drive.google.com"

_Class = TypeVar("_Class")


def load(request: DataRequest) -> Splits:
    """Loads CUB.

    Args:
        request: what is wanted. Its `data_dir` is the official folder `CUB_200_2011` with
            `images`, `images.txt` and `image_class_labels.txt`, or a folder that has it; None is
            TensorFlow Datasets, which downloads. The size and the channels are 84 × 84 and 3
            unless it names others.

    Returns:
        Pools of 100, 50 and 50 species. Counting from 0, the even ones are for training; of the
        odd ones, every other one is for validation.

    Raises:
        UserError: if the data is missing, incomplete or damaged, or cannot be downloaded.
    """
    shape = request.shape(IMAGE_SIZE, CHANNELS)
    root = locate(request.data_dir)
    if root is None:
        return _from_tfds(shape, request.cache_dir)
    tree, species = _listed(root)
    _check_complete(str(tree.root), species)
    splits = [SplitFiles(tree, part) for part in _dealt(species)]
    return decoded(splits, shape, request, "cub")


def locate(data_dir: str | None = None) -> Path | None:
    """The official folder; None is TensorFlow Datasets.

    Raises:
        UserError: if it is not in `data_dir`.
    """
    if data_dir is None:
        return None
    for root in (Path(data_dir, subfolder) for subfolder in _SUBFOLDERS):
        if (root / "images.txt").is_file():
            return root
    raise UserError(f"{data_dir}: expected the folder CUB_200_2011 with images.txt, there or in it")


def _dealt(species: Mapping[str, _Class]) -> list[dict[str, _Class]]:
    """Deals the species out to the three splits."""
    items = list(species.items())
    return [dict(items[0::2]), dict(items[1::4]), dict(items[3::4])]


def _check_complete(where: str, species: Mapping[str, Collection[str]]) -> None:
    """Raises `UserError` unless all the pictures of all the species are there."""
    pictures = sum(map(len, species.values()))
    if (len(species), pictures) != (SPECIES, PICTURES):
        raise UserError(
            f"{where}: expected {PICTURES} pictures of {SPECIES} species, got {pictures} of "
            f"{len(species)}; copy or unpack it again"
        )


def _listed(root: Path) -> tuple[PictureTree, dict[str, list[str]]]:
    """The pictures of each species in the official folder, in the order of the official numbers.

    Raises:
        UserError: if the official files are missing or do not fit the pictures.
    """
    tree = PictureTree(root / "images")
    files = _read_table(root / "images.txt")
    labels = _read_table(root / "image_class_labels.txt")
    check_same_files(set(files.values()), set(tree.names), str(root / "images.txt"), tree.root)
    if files.keys() != labels.keys() or not all(map(str.isdecimal, labels.values())):
        raise UserError(
            f"{root}/image_class_labels.txt: expected a number of a species for each picture of "
            "images.txt"
        )
    species: dict[str, list[str]] = {}
    for picture in sorted(files, key=lambda picture: (int(labels[picture]), files[picture])):
        species.setdefault(files[picture].split("/")[0], []).append(files[picture])
    return tree, species


def _read_table(path: Path) -> dict[str, str]:
    """The second word of each line, by the first.

    Raises:
        UserError: if it is no such file.
    """
    try:
        return dict(line.split() for line in read_list(path).splitlines() if line)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: expected lines of two words; got {error}") from error


def _from_tfds(shape: tuple[int, int, int], cache_dir: str | None) -> Splits:
    """Takes the pictures from TensorFlow Datasets, prepared unless the cache has them."""
    import tensorflow_datasets as tfds  # Brings in TensorFlow, which official files do not need.

    builder = tfds.builder("caltech_birds2011")
    key = {"source": builder.info.full_name, "shape": list(shape), **recipe()}
    arrays = cache.cached(key, lambda: _tfds_arrays(builder, shape), cache_dir, "cub")
    return Splits(
        *(
            ClassPool(
                arrays[f"{split}_images"],
                tuple(arrays[f"{split}_counts"].tolist()),
                tuple(arrays[f"{split}_names"].tolist()),
                arrays.digests.get(f"{split}_images"),
            )
            for split in Splits._fields
        )
    )


def _tfds_arrays(
    builder: "tfds.core.DatasetBuilder", shape: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Decodes the images of each split, with its counts and names of classes.

    The pictures of a species are sorted by the names of their files.
    """
    import tensorflow_datasets as tfds

    check_fits("CUB", PICTURES, shape, copies=2, disk=None)
    prepare(builder, "CUB", _DOWNLOAD_HOST)
    species: dict[str, dict[str, np.ndarray]] = {}
    # Files as they are: Pillow decodes them to other last bits than TensorFlow.
    undecoded = {"image": tfds.decode.SkipDecoding()}
    for split in ("train", "test"):
        for example in tfds.as_numpy(builder.as_dataset(split=split, decoders=undecoded)):
            path = PurePosixPath(example["image/filename"].decode())
            image = decode_picture(example["image"], str(path), shape[:2], MODES[shape[2]])
            species.setdefault(path.parent.name, {})[path.name] = image.reshape(shape)
    _check_complete(builder.info.full_name, species)
    arrays = {}
    parts = _dealt(dict(sorted(species.items())))  # Their names begin with their numbers.
    for split, part in zip(Splits._fields, parts, strict=True):
        images = [files[name] for files in part.values() for name in sorted(files)]
        arrays[f"{split}_images"] = np.stack(images)
        arrays[f"{split}_counts"] = np.array([len(files) for files in part.values()])
        arrays[f"{split}_names"] = np.array(list(part))
    return arrays
