import math

import pytest

from data_gen.errors import UserError
from hidra_tf.evaluation.temperature import Temperature


def test_it_falls_with_the_number_of_pictures_to_its_limit():
    temperature = Temperature(limit=0.5, per_picture=2.0)
    assert [temperature.at(pictures) for pictures in (1, 2, 4)] == [2.5, 1.5, 1.0]
    assert temperature.at(math.inf) == 0.5
    assert Temperature().at(3) == 1


def test_a_number_is_a_constant():
    assert Temperature.of(3) == Temperature(3.0, 0.0)
    assert Temperature.of(3).at(1) == Temperature.of(3).at(7) == 3
    assert Temperature.of(Temperature(1.0, 2.0)) == Temperature(1.0, 2.0)


@pytest.mark.parametrize("numbers", [(0,), (-1, 3), (1, -0.1), (math.nan,), (1, math.inf)])
def test_what_would_turn_or_end_probabilities_is_refused(numbers):
    with pytest.raises(UserError, match="expected a temperature above 0 that no further picture"):
        Temperature(*numbers)
