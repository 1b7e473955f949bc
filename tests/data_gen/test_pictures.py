"""Decoding one picture, and listing pictures in folders and zips."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from data_gen import pictures
from data_gen.errors import UserError
from data_gen.pictures import BadPictureError, decode_picture, recipe


def encode(image, file_format="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


def noise(mode="L", side=20):
    shape = (side, side, 3) if mode == "RGB" else (side, side)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8), mode)


def test_decodes_grey_and_colour():
    grey = decode_picture(encode(noise()), "a.png", (5, 7))
    colour = decode_picture(encode(noise("RGB")), "a.png", (5, 7), "RGB")
    assert (grey.shape, grey.dtype) == ((5, 7), np.uint8)
    assert (colour.shape, colour.dtype) == ((5, 7, 3), np.uint8)


def test_own_size_keeps_the_pixels():
    decoded = decode_picture(encode(noise()), "a.png", (20, 20))
    np.testing.assert_array_equal(decoded, np.asarray(noise()))


def test_black_and_white_is_smoothed():
    """Pillow would resample mode "1" by nearest neighbour, to 0 and 255 only."""
    picture = Image.fromarray(np.eye(20, dtype=bool))
    assert picture.mode == "1"
    assert len(np.unique(decode_picture(encode(picture), "a.png", (7, 7)))) > 2


# A coloured square as each kind of file might hold it: mode, format, colour stored, colour meant.
RED = (200, 40, 40)
KINDS = {
    "rgb png": ("RGB", "PNG", RED, RED),
    "rgb bmp": ("RGB", "BMP", RED, RED),
    "rgb tif": ("RGB", "TIFF", RED, RED),
    "rgb webp": ("RGB", "WEBP", RED, RED),
    "rgb jpg": ("RGB", "JPEG", RED, RED),
    "cmyk jpg": ("CMYK", "JPEG", (55, 215, 215, 0), RED),
    "cmyk tif": ("CMYK", "TIFF", (55, 215, 215, 0), RED),
    "grey png": ("L", "PNG", 90, (90,) * 3),
    "black and white png": ("1", "PNG", 1, (255,) * 3),
    "16-bit png": ("I;16", "PNG", 257 * 90, (90,) * 3),
    "16-bit tif": ("I;16", "TIFF", 257 * 90, (90,) * 3),
    "opaque png": ("RGBA", "PNG", (*RED, 255), RED),
    "clear png": ("RGBA", "PNG", (0, 0, 0, 0), (255,) * 3),
    "half clear png": ("RGBA", "PNG", (0, 0, 0, 51), (204,) * 3),
    "grey clear png": ("LA", "PNG", (0, 0), (255,) * 3),
    "clear webp": ("RGBA", "WEBP", (0, 0, 0, 0), (255,) * 3),
}


@pytest.mark.parametrize(("mode", "kind", "stored", "meant"), KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_picture_comes_out_as_it_looks(mode, kind, stored, meant):
    data = encode(Image.new(mode, (8, 6), stored), kind)
    colour = decode_picture(data, "a", (3, 4), "RGB")
    assert (colour.shape, colour.dtype) == ((3, 4, 3), np.uint8)
    np.testing.assert_allclose(colour.astype(int), np.broadcast_to(meant, (3, 4, 3)), atol=4)
    grey = decode_picture(data, "a", (3, 4))
    expected = round(float(np.dot(meant, (0.299, 0.587, 0.114))))
    np.testing.assert_allclose(grey.astype(int), np.full((3, 4), expected), atol=4)


@pytest.mark.parametrize("file_format", ["GIF", "PNG"])
def test_palettes_keep_their_colours_and_their_transparent_entry_is_white(file_format):
    picture = Image.new("P", (4, 2))
    picture.putpalette([*RED, 10, 20, 30])
    picture.putdata([0, 0, 1, 1] * 2)
    buffer = io.BytesIO()
    picture.save(buffer, file_format, transparency=1)
    decoded = decode_picture(buffer.getvalue(), "a", (2, 4), "RGB")
    assert decoded[0].tolist() == [list(RED)] * 2 + [[255] * 3] * 2


def test_the_first_frame_of_a_moving_picture_is_taken():
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert decode_picture(buffer.getvalue(), "a", (1, 1), "RGB")[0, 0].tolist() == list(RED)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_camera_says(orientation):
    """However the camera held it, this picture has a white and a grey quarter above black."""
    upright = np.zeros((16, 16), np.uint8)
    upright[:8, :8], upright[:8, 8:] = 255, 120
    undo = {
        1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud,
        5: np.transpose, 6: np.rot90, 7: lambda x: np.rot90(x, 2).T, 8: lambda x: np.rot90(x, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(undo[orientation](upright)).save(buffer, "JPEG", exif=exif, quality=95)
    decoded = decode_picture(buffer.getvalue(), "a", (2, 2))
    np.testing.assert_allclose(decoded.astype(int), [[255, 120], [0, 0]], atol=50)


@pytest.mark.parametrize(
    "picture",
    [Image.new("F", (2, 2), 0.5), Image.new("I", (2, 2), 70000), Image.new("I", (2, 2), -1)],
    ids=["float", "more than 16 bits", "negative"],
)
def test_values_of_unknown_range_are_refused(picture):
    with pytest.raises(UserError, match=r"^a\.tif: expected a whole picture.*values of"):
        decode_picture(encode(picture, "TIFF"), "a.tif", (2, 2))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("fraction", [0, 0.02, 0.1, 0.5, 0.9])
def test_truncated_pictures_are_named(file_format, fraction):
    data = encode(noise(), file_format)
    with pytest.raises(UserError, match=r"^some/a\.png: expected a whole picture") as caught:
        decode_picture(data[: int(len(data) * fraction)], "some/a.png", (5, 5))
    assert "\n" not in str(caught.value)


def test_damaged_pixels_are_named():
    data = bytearray(encode(noise()))
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    with pytest.raises(UserError, match=r"^a\.png: "):
        decode_picture(bytes(data), "a.png", (5, 5))


def test_not_a_picture():
    with pytest.raises(UserError, match=r"^a\.png: "):
        decode_picture(b"<html>404</html>", "a.png", (5, 5))


def chunk(kind, data):
    body = kind + data
    return struct.pack(">L", len(data)) + body + struct.pack(">L", zlib.crc32(body))


def test_a_picture_of_too_many_pixels_is_refused_by_its_header():
    """144 million; there is nothing behind the header."""
    size = struct.pack(">2L5B", 12_000, 12_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadPictureError, match=r"a\.png: expected a picture of at most 120 mil"):
            decode_picture(data, "a.png", (5, 5))


@pytest.mark.parametrize(
    ("ours", "pillows", "refused"), [(400, 300, False), (399, 300, True), (400, 100, True)]
)
def test_the_bound_is_ours_and_pillow_says_nothing(ours, pillows, refused, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", ours)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if not refused:
            assert decode_picture(encode(noise()), "a.png", (5, 5)).shape == (5, 5)
            return
        with pytest.raises(BadPictureError, match=r"^a\.png: expected a picture of at most 0 mill"):
            decode_picture(encode(noise()), "a.png", (5, 5))


def test_cameras_are_within_the_bound():
    assert 11_648 * 8_736 < pictures.MOST_PIXELS < 144_000_000


def test_the_recipe_names_the_version_that_decodes(monkeypatch):
    before = recipe()
    monkeypatch.setattr("PIL.__version__", "0")
    assert recipe() != before
