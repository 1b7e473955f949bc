import pytest
from absl import flags as absl_flags

import flags.build  # noqa: F401 — defines every flag
from flags import parsing
from hidra_tf.runs.config import Config, bounds_of


@pytest.fixture(autouse=True)
def fresh_flags():
    yield
    absl_flags.FLAGS.unparse_flags()
    for name in list(absl_flags.FLAGS):
        absl_flags.FLAGS[name].unparse()


def parse(*arguments):
    return parsing.parse(["main.py", *arguments], "usage")


def refusal(capsys, *arguments):
    """The one line that a mistake is answered with."""
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_settings_between_backticks_are_spelled_as_flags():
    message = "expected `shots=1` or\n more;  see `data_dir`, `eval_ways=2-10`"
    assert parsing.spelled(message) == (
        "expected --shots=1 or more; see --data_dir, --eval_ways=2-10"
    )


def test_backticks_around_anything_else_stay():
    assert parsing.spelled("a file `x` and `no_flag=3`") == "a file `x` and `no_flag=3`"


def test_right_flags_leave_the_programs_name_alone():
    assert parse("--shots=3", "--noinvert") == ["main.py"]
    assert (absl_flags.FLAGS.shots, absl_flags.FLAGS.invert) == (3, False)


def test_the_last_of_two_equal_flags_wins_and_a_flagfile_is_read_where_it_stands(tmp_path):
    preset = tmp_path / "preset.flags"
    preset.write_text("# α in a comment\n--shots=3\n--query_shots=4\n")
    parse("--shots=7", f"--flagfile={preset}", "--query_shots=9")
    assert (absl_flags.FLAGS.shots, absl_flags.FLAGS.query_shots) == (3, 9)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("word", "'word'"),
        ("--nonsense", "nonsense"),
        ("--shots", "shots"),
        ("--shots=", "shots"),
        ("--shots=5.0", "shots"),
        ("--shots=1e3", "shots"),
        ("--inner_lr=fast", "inner_lr"),
        ("--invert=maybe", "invert"),
        ("--image_size=99999", "image_size"),
        ("--image_size=4x", "image_size"),
        ("--channels=grey", "channels"),
        ("--seed=x", "seed"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_flag(argument, named, capsys):
    assert named in refusal(capsys, argument)


def test_a_mistake_in_a_flagfile_is_one_line_too(tmp_path, capsys):
    preset = tmp_path / "preset.flags"
    preset.write_text("--shots=many\n")
    assert "shots" in refusal(capsys, f"--flagfile={preset}")
    assert "missing.flags" in refusal(capsys, f"--flagfile={tmp_path / 'missing.flags'}")


def test_help_needs_no_docstrings_and_wins_over_mistakes(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("--nonsense", "--help")
    assert not caught.value.code
    assert capsys.readouterr().out.startswith("usage\n\nData\n")


def test_help_says_something_of_every_flag_in_whole_lines():
    text = parsing.help_text("usage")
    modules = absl_flags.FLAGS.flags_by_module_dict()
    for group in parsing.GROUPS:
        for flag in modules[group.__name__]:
            assert f"--{'[no]' if flag.boolean else ''}{flag.name}:" in text
            assert len(flag.help) > 20, flag.name
            assert flag.help.rstrip()[-1] in ".)", flag.name
    assert max(map(len, text.splitlines())) <= 88


def test_the_bounds_of_flags_are_those_of_the_settings():
    for name in ("shots", "steps", "meta_batch", "filters", "split_seed"):
        parser = absl_flags.FLAGS[name].parser
        bounds = bounds_of(Config, name)
        assert (parser.lower_bound, parser.upper_bound) == (bounds.least, bounds.most)
    assert tuple(absl_flags.FLAGS["norm"].parser.enum_values) == bounds_of(Config, "norm").choices


@pytest.mark.parametrize("arguments", [("--flagfile=",), ("--flagfile", ""), ("-flagfile=",)])
def test_a_flagfile_without_a_name_is_refused(capsys, arguments):
    assert "--flagfile: expected the name of a file" in refusal(capsys, *arguments)


def test_a_flagfile_that_reads_itself_is_refused(capsys, tmp_path):
    file = tmp_path / "f"
    file.write_text(f"--flagfile={file}\n")
    assert "circular" in refusal(capsys, f"--flagfile={file}")


def test_a_null_byte_is_refused_by_the_flags_name(capsys):
    assert "--run_dir: expected text without null bytes" in refusal(capsys, "--run_dir=a\0b")
