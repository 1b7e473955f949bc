import numpy as np
import pytest
from PIL import Image

from data_gen import pictures as files
from data_gen.views import View
from hidra_tf.classifier.pictures import PictureFormat

GREY, COLOUR = PictureFormat((8, 10), 1), PictureFormat((8, 10), 3)


def drawn(height=8, width=10, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def test_pictures_of_the_right_size_are_only_scaled():
    pictures = np.stack([drawn(seed=0), drawn(seed=1)])
    for given in (pictures, list(pictures), pictures / 255, (pictures / 255).astype(np.float32)):
        np.testing.assert_allclose(COLOUR.seen(given), pictures / 255, rtol=0, atol=1e-6)
    assert COLOUR.seen(pictures).dtype == np.float32
    np.testing.assert_allclose(COLOUR.seen(pictures / 255, "float64"), pictures / 255, atol=1e-15)


@pytest.mark.parametrize("shape", [(8, 10), (8, 10, 1), (16, 5), (1, 1), (30, 30, 3)])
def test_other_sizes_and_colours_are_resized_as_files_are(shape, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = Image.fromarray(picture[..., 0] if shape[-1] == 1 and len(shape) == 3 else picture)
    image.save(tmp_path / "one.png")
    for format_, mode in ((GREY, "L"), (COLOUR, "RGB")):
        wanted = files.resize(image, (8, 10), mode).reshape(8, 10, -1) / 255
        for given in (picture, image, tmp_path / "one.png", str(tmp_path / "one.png")):
            np.testing.assert_allclose(format_.seen([given])[0], wanted, rtol=0, atol=1e-6)


def test_a_list_may_mix_everything(tmp_path):
    Image.fromarray(drawn(20, 20)).save(tmp_path / "one.jpg")
    given = [drawn(), drawn(5, 5) / 255, drawn(9, 9, 1)[..., 0], tmp_path / "one.jpg"]
    assert COLOUR.seen(given).shape == (4, 8, 10, 3)
    assert GREY.seen(given).shape == (4, 8, 10, 1)


def test_the_polarity_turns_before_the_view():
    inverted = PictureFormat((8, 10), 3, invert=True, view=View((4, 6), standardize="imagenet"))
    picture = drawn()
    middle = (255 - picture)[2:6, 2:8]
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = (middle / 255 - mean) / deviation
    for given in (picture, picture / 255):
        np.testing.assert_allclose(inverted.seen([given])[0], wanted, rtol=0, atol=1e-5)


def test_a_function_prepares_pictures_of_0_to_255():
    prepared = PictureFormat((8, 10), 3, preprocess=lambda pictures: pictures - 100)
    for given in (drawn(), drawn() / 255):
        np.testing.assert_allclose(prepared.seen([given])[0], drawn() - 100.0, atol=1e-4)


@pytest.mark.parametrize(
    "given, message",
    [
        ("one.png", "received a single one, 'one.png'"),
        (drawn(), r"received shape \[8, 10, 3\], which looks like a single one"),
        (np.zeros((2, 8)), r"expected an array \[N, H, W\].*received shape \[2, 8\]"),
        (np.zeros((0, 8, 10)), "received none"),
        ([], "received none"),
        (7, "received int"),
        ([np.zeros((8, 10, 2))], r"pictures\[0\]: expected a shape .* received \[8, 10, 2\]"),
        ([drawn(), np.zeros((0, 4))], r"pictures\[1\]: expected a shape .* received \[0, 4\]"),
        ([np.zeros((8, 10), np.int64)], "expected uint8 in 0 … 255 or floats.*received int64"),
        ([np.full((8, 10), np.nan)], "expected floats in .0, 1., received nan to nan"),
        ([np.full((8, 10), np.inf)], "received inf to inf"),
        ([drawn().astype(float)], "give pictures of 0 … 255 as uint8"),
        ([np.full((8, 10), 1j)], "received complex128"),
        (["nowhere.png"], "expected a picture at nowhere.png; received No such file"),
        ([None], r"pictures\[0\]: expected a shape"),
        (["a\0b.png"], "received .*null"),
        (np.ma.masked_array(drawn()[np.newaxis], drawn()[np.newaxis] > 99), "no masked pixels"),
        ([np.ma.masked_array(drawn(), drawn() > 99)], r"pictures\[0\]: expected no masked pixels"),
    ],
    ids=map(str, range(18)),
)
def test_what_is_no_picture_is_named_by_its_place(given, message):
    with pytest.raises(ValueError, match=message):
        COLOUR.seen(given)


def test_damaged_and_huge_files_are_refused(tmp_path):
    text, bomb = tmp_path / "text.png", tmp_path / "bomb.png"
    text.write_text("no picture")
    Image.fromarray(np.zeros((1, 1), np.uint8)).resize((20000, 7000)).save(bomb)
    for path, message in ((text, "begins like no known format"), (bomb, "120 million pixels")):
        with pytest.raises(ValueError, match=message):
            GREY.seen([path])
