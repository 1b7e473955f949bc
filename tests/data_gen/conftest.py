"""Pictures, folders and a pool that several tests make."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError
from data_gen.request import DataRequest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real data sets; each test says what it needs there."""
    return Path(os.environ.get("DATA_DIR", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def draw():
    """Encodes a picture of one colour, which its number decides."""

    def encode(number, suffix="png", mode="RGB", size=(10, 12)):
        rng = np.random.default_rng(number)
        colour = tuple(rng.integers(0, 256, len(mode)).tolist())
        buffer = io.BytesIO()
        picture = Image.new(mode, size[::-1], colour if len(mode) > 1 else colour[0])
        picture.save(buffer, "JPEG" if suffix == "jpg" else suffix)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def write():
    """Writes files, bytes or text by path, below a folder or into a zip."""

    def to_disk(root, files):
        if root.suffix == ".zip":
            root.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(root, "w") as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            return root
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return root

    return to_disk


@pytest.fixture(scope="session")
def assert_same_pools():
    def check(first, second):
        for a, b in zip(first, second, strict=True):
            assert (a.names, a.counts) == (b.names, b.counts)
            np.testing.assert_array_equal(a.images, b.images)

    return check


@pytest.fixture
def assert_refused(tmp_path):
    """Checks that loading fails with one line that says certain things."""

    def check(load, root, *parts):
        with pytest.raises(UserError) as caught:
            load(DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache")))
        message = str(caught.value)
        assert "\n" not in message
        for part in (str(root), *parts):
            assert part in message

    return check


@pytest.fixture(scope="session")
def small_pool():
    """Three classes of noise: no picture is a turn of another, or of itself."""
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 1)).astype(np.uint8)
    return ClassPool(images, (3, 4, 5), ("a", "b", "c"))


@pytest.fixture(scope="session")
def class_and_turn(small_pool):
    """Finds a picture in `small_pool`: its class, and by how many quarter turns it was turned."""

    def find(image):
        for row, own in enumerate(small_pool.images):
            for turn in range(4):
                if np.array_equal(np.rint(255 * image), np.rot90(own, turn)):
                    return int(np.searchsorted(small_pool.starts, row, side="right")) - 1, turn
        raise AssertionError("no picture of the pool")

    return find
