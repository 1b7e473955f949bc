"""Uploaded files are decoded within bounds, and each of those that give nothing is named."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_gen import framing
from data_gen.errors import UserError
from hidra_tf.app import bounds, uploads


def test_every_file_gives_a_picture_or_a_line(tmp_path):
    Image.new("RGB", (60, 40), (200, 10, 10)).save(tmp_path / "red.png")
    Image.new("CMYK", (9, 9)).save(tmp_path / "printed.jpg")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    names = ["red.png", "text.png", "empty.jpg", "gone.png", "printed.jpg"]
    pictures, refused = uploads.read([tmp_path / name for name in names], (28, 20), 3)
    assert [p.shape for p in pictures] == [(28, 20, 3)] * 2
    assert np.abs(pictures[0].astype(int) - (200, 10, 10)).max() <= 1
    assert [line.split(":")[0] for line in refused] == ["text.png", "empty.jpg", "gone.png"]
    assert not any(str(tmp_path) in line for line in refused)


def test_large_files_and_pictures_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads.pictures, "decode_picture", None)
    with open(tmp_path / "long.bmp", "wb") as file:
        file.truncate(bounds.MOST_BYTES + 1)
    (tmp_path / "wide.png").write_bytes(_png_of(8000, 6000))
    (tmp_path / "bomb.png").write_bytes(_png_of(100_000, 100_000))
    names = ["long.bmp", "wide.png", "bomb.png"]
    pictures, refused = uploads.read([tmp_path / name for name in names], (28, 28), 1)
    assert pictures == []
    expected = ["10 MiB, received 10.0", *["40 million pixels; it has many more"] * 2]
    assert refused == [f"{n}: expected at most {e}" for n, e in zip(names, expected, strict=True)]


def test_many_files_are_refused_together():
    with pytest.raises(UserError, match=f"at most {bounds.MOST_FILES} files at a time; these are"):
        uploads.read(["x.png"] * (bounds.MOST_FILES + 1), (28, 28), 1)


def _png_of(width, height):
    """The beginning of a PNG file, whose header tells so many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum + b"\0\0\0\1IDAT"


def test_drawings_in_files_are_framed_where_the_network_wants_that(tmp_path):
    sheet = np.full((90, 120), 255, np.uint8)
    sheet[20:60, 10:13] = 0
    Image.fromarray(sheet).save(tmp_path / "one.png")
    framed, plain = (uploads.read([tmp_path / "one.png"], (28, 28), 1, f)[0] for f in (True, False))
    np.testing.assert_array_equal(framed[0], framing.framed(sheet, (28, 28)))
    assert np.abs(framed[0].astype(int) - plain[0]).max() > 200
