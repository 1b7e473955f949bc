import flags.build  # noqa: F401 — defines every flag
from flags import parsing


def test_settings_between_backticks_are_spelled_as_flags():
    message = "expected `shots=1` or\n more;  see `data_dir`, `eval_ways=2-10`"
    assert parsing.spelled(message) == (
        "expected --shots=1 or more; see --data_dir, --eval_ways=2-10"
    )


def test_backticks_around_anything_else_stay():
    assert parsing.spelled("a file `x` and `no_flag=3`") == "a file `x` and `no_flag=3`"
