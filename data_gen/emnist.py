"""EMNIST: handwritten digits and letters, to test what was learned on Omniglot.

Cohen et al. (2017), "EMNIST: an extension of MNIST to handwritten letters"; used as in Chen et al.
(2019), "A closer look at few-shot classification": classes with an even number are for validation,
those with an odd one for testing, and none for training.
"""

import string
from pathlib import Path

from data_gen.class_folders import SplitFiles, by_folder, decoded, needs_folder
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.request import DataRequest
from data_gen.room import check_fits

CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase  # by class number
IMAGE_SIZE = (28, 28)
CHANNELS = 1


def load(request: DataRequest) -> Splits:
    """Loads EMNIST.

    Args:
        request: what is wanted. Its `data_dir` is a folder that holds `emnist_62.zip` or the
            folders `0` … `61` with the upright pictures of a class each, bright on black; or a
            folder whose subfolder `emnist` does. With `invert` strokes are bright on black, as
            published; without it, dark on white: Omniglot, which was published dark on white,
            comes alike with the same value. The size and the channels are 28 × 28 and 1 unless
            it names others.

    Returns:
        Pools of 0, 31 and 31 characters, named by themselves.

    Raises:
        UserError: if the data is missing, incomplete or damaged.
    """
    tree = PictureTree(locate(request.data_dir))
    folders = by_folder(tree)
    expected = [str(number) for number in range(len(CHARACTERS))]
    if set(folders) != set(expected):
        raise UserError(
            f"{tree.root}: expected the EMNIST classes 0 to {expected[-1]}, "
            f"got {len(folders)} folders; copy or unpack it again"
        )
    classes = {CHARACTERS[int(number)]: folders[number] for number in expected}
    parts = ("", CHARACTERS[::2], CHARACTERS[1::2])
    splits = [SplitFiles(tree, {name: classes[name] for name in part}) for part in parts]
    shape = request.shape(IMAGE_SIZE, CHANNELS)
    if not request.invert:
        check_fits("emnist", len(tree.names), shape, disk=None)
    pools = decoded(splits, shape, request, "emnist")
    return pools if request.invert else Splits(*map(_negative, pools))


def locate(data_dir: str | None = None) -> Path:
    """The zip, or the folder with a folder per class.

    Raises:
        UserError: if there is neither.
    """
    folder = needs_folder(data_dir, "EMNIST")
    for parent in (folder, folder / "emnist"):
        for root in (parent / "emnist_62.zip", parent / "emnist_62", parent):
            if (root.suffix == ".zip" and root.is_file()) or (root / "0").is_dir():
                return root
    raise UserError(
        f"{folder}: expected emnist_62.zip or the folders 0 to {len(CHARACTERS) - 1} of EMNIST, "
        "there or in its subfolder emnist"
    )


def _negative(pool: ClassPool) -> ClassPool:
    return ClassPool(255 - pool.images, pool.counts, pool.names)
