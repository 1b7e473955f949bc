import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.ranges import PairParser, RangeParser
from hidra_tf.runs.config import format_ways


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", (5,)),
        ("2-10", tuple(range(2, 11))),
        ("8,2,5", (2, 5, 8)),
        ("2-4,3-5, 9", (2, 3, 4, 5, 9)),
    ],
)
def test_numbers_ranges_and_lists(text, numbers):
    assert RangeParser(2).parse(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "2-", "-3", "2--4", "5-2", "1", "1-3", "2,,3", "2.5"])
def test_everything_else_is_refused_with_what_was_received(text):
    with pytest.raises(ValueError, match="expected") as caught:
        RangeParser(2).parse(text)
    assert repr(text) in str(caught.value)


@given(st.sets(st.integers(2, 99), min_size=1))
def test_what_is_printed_can_be_read_again(numbers):
    ways = tuple(sorted(numbers))
    assert RangeParser(2).parse(format_ways(ways)) == ways


@pytest.mark.parametrize("text", ["51,550", " 51, 550 "])
def test_two_numbers(text):
    assert PairParser().parse(text) == (51, 550)


@pytest.mark.parametrize("text", ["", "51", "51,", "1,2,3", "-1,2", "a,b", "51-550"])
def test_anything_but_two_numbers_is_refused_with_what_was_received(text):
    with pytest.raises(ValueError, match="expected two numbers") as caught:
        PairParser().parse(text)
    assert repr(text) in str(caught.value)
