"""From flags to a question about one's own pictures."""

import pytest
from absl import flags as absl_flags
from PIL import Image

from data_gen.errors import UserError
from flags import answers, own_pictures
from flags.parsing import GROUPS, help_text

FLAGS = absl_flags.FLAGS


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """What some flags ask, in a folder with classes and pictures."""
    monkeypatch.chdir(tmp_path)
    for name in ("classes/a", "classes/b", "new"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / name / "0.png")

    def asked(*given):
        FLAGS.unparse_flags()
        for flag in FLAGS:
            FLAGS[flag].unparse()
        FLAGS(["main.py", *given])
        assert answers.asked()
        return answers.request()

    yield asked
    for flag in FLAGS:
        FLAGS[flag].unparse()
    FLAGS.unparse_flags()


def test_predictions_go_to_the_first_free_folder_that_is_named_after_the_pictures(ask, tmp_path):
    given = ("--predict=new", "--classifier=c")
    assert str(ask(*given).output_dir) == "predictions/new"
    (tmp_path / "predictions/new").mkdir(parents=True)
    assert str(ask(*given).output_dir) == "predictions/new-2"
    (tmp_path / "predictions/new-2").symlink_to("nowhere")
    assert str(ask(*given).output_dir) == "predictions/new-3"


def test_what_is_asked_arrives(ask, tmp_path):
    found = ask(
        "--adapt=classes", "--classifier=c", "--save=s", "--unknown_below=0.3", "--predict=new",
        "--output_dir=o",
    )  # fmt: skip
    assert list(found.support.classes) == ["a", "b"]
    assert found.queries.names == ["0.png"]
    assert (found.classifier, found.save, found.output_dir, found.unknown_below) == (
        tmp_path / "c", tmp_path / "s", tmp_path / "o", 0.3,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"^frame: expected without `classifier`, which"):
        ask("--adapt=classes", "--classifier=c", "--save=s", "--frame")
    assert (found.run_dir, found.initialization, found.n_steps, found.invert) == (None,) * 4


def test_an_initialization_is_found_by_its_name(ask, monkeypatch):
    monkeypatch.setattr(answers.shipped, "names", lambda: ["letters", "omniglot"])
    given = ("--adapt=classes", "--save=s")
    assert ask(*given).initialization == "omniglot"
    found = ask(*given, "--initialization=letters", "--eval_steps=3", "--noinvert")
    assert (found.initialization, found.n_steps, found.invert) == ("letters", 3, False)
    assert [ask(*given, *f).frame for f in ([], ["--frame"], ["--noframe"])] == [None, True, False]
    with pytest.raises(UserError, match=r"^initialization: expected one of letters, omniglot; "):
        ask(*given, "--initialization=other")


def test_the_help_shows_these_flags_in_a_group_of_their_own():
    text = help_text("usage").split(f"{own_pictures.TITLE}\n")[1]
    assert own_pictures in GROUPS
    for name in answers._READ[:7]:
        assert f"  --{name}: " in text
