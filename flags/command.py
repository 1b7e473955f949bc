"""The command `hidra`, and `main.py`: what must stand ready before anything else is imported."""

from __future__ import annotations

# The module `signal` itself would take a while to import.
import _signal
import os
import sys

USAGE = """
HIDRA-TF: few-shot classification with any number of classes from one checkpoint.

  python main.py --dataset=omniglot --data_dir=DIR --method=hidra --train_ways=5
  python main.py --eval_only --run_dir=runs/omniglot-hidra-5way-5shot --eval_ways=2-10
  python main.py --flagfile=flags/demo.flags
  python main.py --adapt=CLASSES_DIR --predict=PICTURES_DIR
  python main.py app --initialization=omniglot
  tensorboard --logdir runs

The same command again continues a run that was stopped, and so does --run_dir=RUN alone. A run's
folder holds config.json, checkpoints/, best/, TensorBoard's files and results/.
"""


def run() -> None:
    """Runs the program that the command line describes, and exits with its code."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        # Imports take a while, and would answer Ctrl-C with a traceback.
        _signal.signal(_signal.SIGINT, _stop_at_once)
    from hidra_tf.runs.terminal import streams

    streams.show_anything()
    import functools

    from absl import app

    from flags import dispatch, parsing

    app.run(dispatch.main, flags_parser=functools.partial(parsing.parse, usage=USAGE))


def _stop_at_once(_number: int, _frame: object) -> None:
    """Ends the program before it began anything; no handler of Python's needs to run."""
    sys.stderr.write("\nstopped before anything was begun\n")
    sys.stderr.flush()
    os._exit(130)
