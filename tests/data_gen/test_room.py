"""Pictures for which there is no room are refused before they are made."""

import os
from pathlib import Path

import pytest

from data_gen import emnist, folder, glyphs, omniglot, room
from data_gen.errors import UserError
from data_gen.request import DataRequest

SHAPE = (10, 10, 1)


@pytest.fixture
def machine(monkeypatch):
    """Says how many bytes the machine has."""

    def of(memory, space):
        monkeypatch.setattr(room, "_free_memory", lambda: memory)
        monkeypatch.setattr(room, "_free_space", lambda folder: space)

    return of


@pytest.mark.parametrize(
    ("memory", "space", "disk", "fits"),
    [
        (1000, 0, None, True),
        (999, 10**9, None, False),
        (1000, 0, Path("x"), True),
        (999, 500, Path("x"), True),
        (999, 499, Path("x"), False),
        (None, 0, Path("x"), True),
        (0, None, Path("x"), True),
    ],
)
def test_pictures_fit_in_memory_or_on_the_disk(memory, space, disk, fits, machine):
    """5 pictures of 100 bytes, of which memory would hold two copies."""
    machine(memory, space)
    if fits:
        room.check_fits("toy", 5, SHAPE, copies=2, disk=disk)
        return
    with pytest.raises(UserError, match=r"toy: .*999 bytes of memory.*5 of 10 × 10 × 1.*1.0 kB"):
        room.check_fits("toy", 5, SHAPE, copies=2, disk=disk)


def test_the_machine_is_asked():
    assert room._free_memory() > 2**20
    assert room._free_space(Path("/nowhere/at/all")) == pytest.approx(
        os.statvfs("/").f_bavail * os.statvfs("/").f_frsize, rel=0.1
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (10**6 - 1, "1.0 MB"),
     (1_304_000_000, "1.3 GB"), (10**19, "10000.0 PB")],
)  # fmt: skip
def test_bytes_as_people_write_them(number, text):
    assert room.in_bytes(number) == text


HUGE = DataRequest(image_size=(9999, 9999))


def refuse_work(*args, **kwargs):
    pytest.fail("decoded")


def test_drawn_and_official_pictures_are_refused_before_any_is_made(machine, monkeypatch, tmp_path):
    machine(20 * 10**9, 40 * 10**9)
    monkeypatch.setattr(glyphs, "draw_all", refuse_work)
    monkeypatch.setattr(omniglot, "decode_picture", refuse_work)
    for module in (glyphs, omniglot):
        with pytest.raises(UserError, match=r"9999 × 9999 × 1, which take .* TB; .*`image_size`"):
            module.load(HUGE)


def test_pictures_of_ones_own_are_refused_before_any_is_decoded(
    machine, monkeypatch, write, draw, tmp_path
):
    files = {f"class{c}/{i}.png": draw(c) for c in range(6) for i in range(2)}
    root = write(tmp_path / "data", files)
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path), image_size=(9999, 9999))
    machine(10**9, 10**9)
    monkeypatch.setattr("data_gen.class_folders.decode_picture", refuse_work)
    with pytest.raises(UserError, match=r"folder: .*received 12 of 9999 × 9999 × 3.*3.6 GB"):
        folder.load(request)
    assert not list(tmp_path.glob("folder-*"))


def test_pictures_in_the_other_polarity_are_held_in_memory(machine, write, draw, tmp_path):
    files = {f"{number}/0.png": draw(number, mode="L") for number in range(62)}
    root = write(tmp_path / "data", files)
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "c"), invert=False)
    machine(10**4, 10**9)
    with pytest.raises(UserError, match="emnist: expected pictures for which there is room"):
        emnist.load(request)
