"""`hidra app`: what the page starts from, and flags that would have no effect on it."""

import pytest
from absl.testing import flagsaver

from data_gen.errors import UserError
from flags import answers, dispatch, page, parsing, serving
from flags.parsing import help_text


@pytest.fixture
def ask(monkeypatch):
    """What a command line asks, after the program's name."""
    monkeypatch.setattr(answers.shipped, "names", lambda: ["letters", "omniglot"])

    def asked(*arguments):
        with flagsaver.flagsaver():
            parsing.parse(["main.py", *arguments], "usage")
            return page.request()

    return asked


@pytest.mark.parametrize("first", ["app", "--app"])
def test_the_word_and_the_flag_mean_the_same(ask, first):
    assert ask(first).initialization == "omniglot"
    assert [ask(first, *f).frame for f in ([], ["--frame"], ["--noframe"])] == [None, True, False]
    found = ask(first, "--initialization=letters", "--noinvert", "--host=0.0.0.0", "--port=80")
    assert (found.initialization, found.invert) == ("letters", False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--initialization=other"], "^initialization: expected one of letters, omniglot"),
        (["--run_dir=/no/run"], "expected a run at /no/run"),
        (["--initialization=letters", "--run_dir=/x"], "expected one of `run_dir`"),
        (["--checkpoint=last"], "^checkpoint: expected with `run_dir`"),
        (["--steps=7"], "^steps: expected without `app`.*received 7"),
        (["--predict=/x"], "^predict: expected without `app`"),
        (["--eval_only"], "^eval_only: expected without `app`"),
    ],
)
def test_what_cannot_be_served_is_refused(ask, arguments, message):
    with pytest.raises(UserError, match=message):
        ask("app", *arguments)


@pytest.mark.parametrize("arguments", [["app", "app"], ["--app", "app"], ["serve"]])
def test_other_words_are_no_flags(ask, arguments, capsys):
    with pytest.raises(SystemExit):
        ask(*arguments)
    assert f"expected flags only, received '{arguments[-1]}'" in capsys.readouterr().err


def test_the_page_is_served_where_the_flags_say(ask, monkeypatch):
    served = []

    class Serving:
        serve = staticmethod(lambda *asked: served.append(asked))

    monkeypatch.setattr(dispatch, "quietly_import", lambda name: Serving)
    with flagsaver.flagsaver():
        parsing.parse(["main.py", "app", "--port=7999"], "usage")
        assert dispatch.main([]) == 0
    ((request, host, port),) = served
    assert (request.initialization, host, port) == ("omniglot", "127.0.0.1", 7999)


def test_the_help_shows_these_flags_in_a_group_of_their_own():
    text = help_text("usage").split(f"{serving.TITLE}\n")[1]
    for name in ("[no]app", "host", "port"):
        assert f"  --{name}: " in text
