"""Steps that prepare a row's folder, and the runs that rows copy."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.faults.harness import Place, Step

_MEASURED = ("--shots=1", "--query_shots=1", "--filters=2", "--eval_tasks=10", "--eval_ways=2")
_STEPS = ("--inner_steps=1",)
_TRAINING = ("--train_ways=2", "--meta_batch=1", "--steps=2", "--log_every=1",
             "--checkpoint_every=1", "--val_tasks=10")  # fmt: skip
# A training of some seconds, whose evaluation gives figures to compare …
TINY = ("--dataset=glyphs", *_TRAINING, *_MEASURED, *_STEPS)
# … of a method without inner steps …
STEPLESS = ("--dataset=glyphs", *_TRAINING, *_MEASURED)
# … on pictures of one's own, with the network and the method that are compiled fastest …
_OWN_PICTURES = ("--dataset=folder", "--image_size=16", "--norm=none")
OWN = (*_OWN_PICTURES, "--method=protonet", *_TRAINING, *_MEASURED)
# … and what takes a second, since nothing is trained; less, where nobody looks at the figures.
UNTRAINED = ("--dataset=glyphs", "--norm=none", "--method=random", *_MEASURED, *_STEPS)
OWN_UNTRAINED = (*_OWN_PICTURES, "--method=random", "--eval_steps=0", *_MEASURED, *_STEPS)
EVAL = ("--eval_only", "--run_dir=run", "--eval_ways=2", "--eval_tasks=10")
# Runs by name: the flags of their training. {pictures} is a folder that all rows share.
TRAINED = {
    "hidra": TINY,
    "maml": (*TINY, "--method=maml"),
    "protonet": (*STEPLESS, "--method=protonet"),
    "random": UNTRAINED,
    "folder": (*OWN, "--data_dir={pictures}"),
    "with validation": (*TINY, "--train_on_validation"),
}
CLASSES, EACH = 9, 4  # of the shared folder


def step(function: Callable[..., None]) -> Callable[..., Step]:
    """Makes of a function on a place and arguments one that takes the arguments alone."""

    def make(*arguments: Any) -> Step:
        return Step(function, arguments)

    return make


@step
def trained(place: Place, name: str = "hidra", to: str = "run") -> None:
    """A run of `TRAINED`, copied."""
    shutil.copytree(place.trained(name), place.folder / to)


@step
def write(place: Place, path: str, contents: str | bytes) -> None:
    """A file, and the folders on its way."""
    data = contents if isinstance(contents, bytes) else contents.encode()
    where = Path(os.fsdecode(os.fsencode(place.folder) + b"/" + os.fsencode(path)))
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(data)


@step
def folder(place: Place, path: str) -> None:
    """An empty folder."""
    (place.folder / path).mkdir(parents=True)


@step
def remove(place: Place, pattern: str) -> None:
    """Files or folders, of which there must be some."""
    found = list(place.folder.glob(pattern))
    assert found, pattern
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@step
def link(place: Place, path: str, target: str) -> None:
    """A symbolic link, with the folders on its way."""
    (place.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (place.folder / path).symlink_to(target)


@step
def fifo(place: Place, path: str) -> None:
    """A pipe, which nobody ever writes into."""
    (place.folder / path).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place.folder / path)


@step
def move(place: Place, path: str, to: str) -> None:
    """A file or folder, by another name."""
    (place.folder / path).rename(place.folder / to)


@step
def edit(place: Place, path: str, *changes: tuple[str, Any]) -> None:
    """Values of an object in a JSON file; `...` takes a field out."""
    file = place.folder / path
    fields = json.loads(file.read_text())
    for name, value in changes:
        fields[name] = value
        if value is ...:
            del fields[name]
    file.write_text(json.dumps(fields))


@step
def damage(place: Place, pattern: str, how: str) -> None:
    """Files, of which there must be some: `empty`, `half`, `garbled` or `zeros`."""
    found = [path for path in place.folder.glob(pattern) if path.is_file()]
    assert found, pattern
    for path in found:
        data = path.read_bytes()
        rng = np.random.default_rng(0)
        path.write_bytes(
            {
                "empty": b"",
                "half": data[: len(data) // 2],
                "garbled": rng.bytes(len(data)),
                "zeros": bytes(len(data)),
            }[how]
        )


def picture(number: int = 0, size: tuple[int, int] = (16, 16), kind: str = "PNG") -> bytes:
    """A picture of noise."""
    noise = np.random.default_rng(number).integers(0, 256, (*size, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file of one colour that says how large it is: few bytes, many pixels."""

    def chunk(kind: bytes, contents: bytes) -> bytes:
        code = zlib.crc32(kind + contents)
        return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@step
def plain(place: Place, path: str, width: int, height: int) -> None:
    """A whole picture of one colour, of so many pixels in a small file."""
    packer = zlib.compressobj(9)
    rows = [packer.compress(bytes(width + 1)) for _ in range(height)]
    where = place.folder / path
    where.write_bytes(png(width, height, b"".join(rows) + packer.flush()))


def fill(root: Path, classes: int = CLASSES, each: int = EACH) -> None:
    """A folder with a folder of pictures for each class."""
    for number in range(classes):
        (root / f"class{number}").mkdir(parents=True)
        for i in range(each):
            (root / f"class{number}" / f"{i}.png").write_bytes(picture(100 * number + i))


@step
def pictures(place: Place, to: str = "pictures", classes: int = CLASSES, each: int = EACH) -> None:
    """A folder like the one that all rows share, or with other numbers of classes and pictures."""
    fill(place.folder / to, classes, each)


@step
def shared_pictures(place: Place, to: str = "pictures") -> None:
    """The folder that all rows share, copied with its times."""
    shutil.copytree(place.trained("folder").parent / "pictures", place.folder / to)


@step
def packed(place: Place, path: str, *members: tuple[str, bytes | int]) -> None:
    """A zip: of a folder beside it that has its name and then goes, and of further members.

    A member is its name and its bytes, or how many zeros it unpacks to.
    """
    source = place.folder / path.removesuffix(".zip")
    with zipfile.ZipFile(place.folder / path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.rglob("*")) if source.is_dir() else ():
            archive.write(file, file.relative_to(source))
        for name, data in members:
            if isinstance(data, bytes):
                archive.writestr(name, data)
                continue
            with archive.open(name, "w") as file:
                for _ in range(data // 2**20):
                    file.write(bytes(2**20))
    shutil.rmtree(source, ignore_errors=True)


# Where the headers of a member hold what a liar changes: (in its own, in the directory's), bytes.
_HEADERS = {
    "encrypted": (6, 8, b"\x01\x00"),
    "method": (8, 10, b"\x63\x00"),
    "crc": (14, 16, b"\x01\x02\x03\x04"),
    "size": (22, 24, b"\x01\x00\x00\x00"),
}


@step
def fill_zip(place: Place, path: str, members: tuple[tuple[str, bytes], ...], lie: str) -> None:
    """A zip whose headers all lie about one thing, a key of `_HEADERS`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    data = bytearray(buffer.getvalue())
    own, listed, value = _HEADERS[lie]
    for mark, offset in ((b"PK\x03\x04", own), (b"PK\x01\x02", listed)):
        start = data.find(mark)
        while start >= 0:
            data[start + offset : start + offset + len(value)] = value
            start = data.find(mark, start + 4)
    (place.folder / path).write_bytes(data)


@step
def busy(place: Place, to: str = "run") -> None:
    """A run that a process of its own is training; it ends with the test.

    The place's server cannot do two things at once, so this is an interpreter of its own.
    """
    flags = ("--steps=1000000", "--log_every=1000000", "--checkpoint_every=1000000")
    place.beside((*TINY, *flags, f"--run_dir={to}"))
    # From then on it writes nothing more.
    saved = place.folder / to / "checkpoints" / "checkpoint"
    while not saved.exists():
        time.sleep(0.05)


@step
def filled_cache(place: Place, to: str = "cache") -> None:
    """The decoded pictures of the shared folder, in a cache of the row's own."""
    (place.folder / to).mkdir()
    found = list((place.trained("folder").parent / "cache").glob("folder-*"))
    for entry in found:
        shutil.copytree(entry, place.folder / to / entry.name)
    assert found


@step
def manifest(place: Place, where: tuple[str, ...] | str | bytes, value: str | None = None) -> None:
    """The cache's manifests: another text, or another JSON `value` at a path of keys."""
    files = list(place.folder.glob("cache/*/manifest.json"))
    assert files
    for file in files:
        if not isinstance(where, tuple):
            file.write_bytes(where if isinstance(where, bytes) else where.encode())
            continue
        contents = json.loads(file.read_text())
        inner = contents
        for key in where[:-1]:
            inner = inner[key]
        inner[where[-1]] = json.loads(value)
        file.write_text(json.dumps(contents))
