"""HIDRA-TF: few-shot classification with any number of classes from one checkpoint.

  python main.py --dataset=omniglot --data_dir=DIR --method=hidra --train_ways=5
  python main.py --eval_only --run_dir=runs/omniglot-hidra-5way-5shot --eval_ways=2-10
  python main.py --flagfile=flags/demo.flags
  tensorboard --logdir runs

The same command again continues a run that was stopped. A run's folder holds config.json,
checkpoints/, best/, TensorBoard's files and results/.
"""

from __future__ import annotations

import functools
import logging
import sys

import absl.logging
from absl import app, flags

from data_gen.errors import UserError
from flags import build, parsing
from hidra_tf.quiet import quietly_import

FLAGS = flags.FLAGS


def main(argv: list[str]) -> int:
    """Trains and evaluates, or only evaluates; returns the exit code."""
    del argv
    absl.logging.use_python_logging(quiet=True)
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING, force=True)
    _show_notes()
    # TensorFlow's and its data sets' remarks; what matters comes as an exception.
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        # Only now, after the flags were found to be right: TensorFlow takes seconds to import.
        request = build.eval_request()
        if FLAGS.eval_only:
            runs = quietly_import("hidra_tf.runs.evaluate")
            runs.evaluate(
                build.existing_run_dir(), request, FLAGS.data_dir, FLAGS.cache_dir, FLAGS.pictures
            )
        else:
            config = build.config()
            runs = quietly_import("hidra_tf.runs.train")
            runs.train(config, build.run_dir(config), request, FLAGS.cache_dir)
    except UserError as error:
        print(f"error: {parsing.spelled(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        # Before a run says what it has saved, there is nothing to be said of.
        print(f"\n{str(stop) or 'stopped; nothing was written'}", file=sys.stderr)
        return 130
    return 0


def _show_notes() -> None:
    """Lets the data sets say what takes them long: not among the warnings."""
    notes = logging.StreamHandler(sys.stdout)
    notes.addFilter(lambda record: record.levelno == logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)
    data = logging.getLogger("data_gen")
    data.setLevel(logging.INFO)
    data.addHandler(notes)


if __name__ == "__main__":
    app.run(main, flags_parser=functools.partial(parsing.parse, usage=__doc__))
