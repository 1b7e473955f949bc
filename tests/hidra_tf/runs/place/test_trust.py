import dataclasses
from pathlib import Path

import pytest

from data_gen.errors import UserError
from hidra_tf.runs.config import MethodSettings
from hidra_tf.runs.place.trust import check_trusted

OURS = MethodSettings(method="hidra", inner_steps=1, inner_lr=0.1, filters=4)
THEIRS = dataclasses.replace(OURS, backbone="antigravity:fly")
RUN = Path("runs/theirs")


@pytest.mark.parametrize("named", [None, "conv4", "antigravity:land"])
def test_code_that_was_not_named_is_refused(named):
    with pytest.raises(UserError, match=r"^runs/theirs names code .*`backbone=antigravity:fly`"):
        check_trusted(THEIRS, RUN, named)


def test_code_that_was_named_and_what_is_no_code_are_taken():
    check_trusted(THEIRS, RUN, "antigravity:fly")
    check_trusted(OURS, RUN, None)
    check_trusted(dataclasses.replace(OURS, backbone="resnet12"), RUN, None)
