"""`ImageSize`: reads what people write, and writes it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_gen.image_size import ImageSize


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_what_is_written_can_be_read_again(height, width):
    size = ImageSize(height, width)
    assert ImageSize.parse(str(size)) == size


def test_height_comes_first_and_squares_are_one_number():
    assert ImageSize.parse("64x96") == (64, 96)
    assert str(ImageSize.parse("84x84")) == "84"


@pytest.mark.parametrize("text", ["", "0", "84x", "x84", "-1", "8.5", "84x0", "84 x 84", "12345"])
def test_everything_else_is_refused_with_what_was_received(text):
    with pytest.raises(ValueError, match="expected one number of pixels") as caught:
        ImageSize.parse(text)
    assert repr(text) in str(caught.value)
