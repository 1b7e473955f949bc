"""From parsed flags to a training or an evaluation, and to the program's exit code."""

from __future__ import annotations

import logging
import signal
import sys

import absl.logging
from absl import flags as absl_flags

from data_gen.errors import UserError
from flags import answers, build, comparison, page, parsing
from hidra_tf.quiet import quietly_import

FLAGS = absl_flags.FLAGS


class _Spelled(logging.Formatter):
    """Writes warnings with the settings that they name spelled as flags."""

    def format(self, record: logging.LogRecord) -> str:
        return parsing.spelled(super().format(record))


def main(argv: list[str]) -> int:
    """Trains and evaluates, only evaluates, compares, answers or serves; returns the exit code."""
    del argv
    absl.logging.use_python_logging(quiet=True)
    logging.basicConfig(level=logging.WARNING, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Spelled("warning: %(message)s"))
    _show_notes()
    # TensorFlow's and its data sets' remarks; what matters comes as an exception.
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        _let_ctrl_c_through()
        _check_docstrings_are_kept()
        # Flags are found to be right before TensorFlow is imported, which takes seconds.
        if FLAGS.app:
            _serve()
        elif answers.asked():
            _answer()
        elif FLAGS.compare is not None:
            _compare()
        elif FLAGS.eval_only:
            _evaluate()
        else:
            _train()
    except UserError as error:
        print(f"error: {parsing.spelled(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        # Before a run says what it has saved, there is nothing to be said of.
        print(f"\n{str(stop) or 'stopped; nothing was written'}", file=sys.stderr)
        return 130
    return 0


def _evaluate() -> None:
    request, run = build.eval_request(), build.existing_run_dir()
    data_dir = build.data_dir_of(run)
    runs = quietly_import("hidra_tf.runs.evaluate")
    runs.evaluate(run, request, data_dir, FLAGS.cache_dir, FLAGS.pictures)


def _train() -> None:
    request, trainings = build.eval_request(), build.trainings()
    if FLAGS.seeds is not None:
        runs = quietly_import("hidra_tf.runs.seeds")
        runs.train_seeds(trainings, build.seeds_dir(), request, FLAGS.cache_dir)
        return
    runs = quietly_import("hidra_tf.runs.train")
    runs.train(*trainings[0], request, FLAGS.cache_dir)


def _compare() -> None:
    request, groups = build.eval_request(), comparison.groups()
    folder = comparison.compare_dir(groups)
    data_dirs = {path: build.data_dir_of(path) for group in groups for path in group.paths}
    runs = quietly_import("hidra_tf.runs.compare")
    runs.compare(groups, request, folder, data_dirs, FLAGS.cache_dir, FLAGS.pictures)


def _answer() -> None:
    request = answers.request()
    quietly_import("hidra_tf.answers.answer").answer(request)


def _serve() -> None:
    request = page.request()
    quietly_import("hidra_tf.app.serve").serve(request, FLAGS.host, FLAGS.port)


def _check_docstrings_are_kept() -> None:
    """Raises `UserError` under `python -OO`, with which Keras cannot be imported."""
    if sys.flags.optimize > 1:
        raise UserError(
            "expected Python with docstrings, which Keras needs; received -OO or PYTHONOPTIMIZE=2"
        )


def _let_ctrl_c_through() -> None:
    """Makes Ctrl-C an exception again, which `main` answers, unless the shell ignores it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _show_notes() -> None:
    """Lets the data sets say what takes them long: not among the warnings."""
    notes = logging.StreamHandler(sys.stdout)
    notes.addFilter(lambda record: record.levelno == logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)
    data = logging.getLogger("data_gen")
    data.setLevel(logging.INFO)
    data.addHandler(notes)
