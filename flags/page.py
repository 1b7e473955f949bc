"""From flags to what the page in the browser starts from."""

from __future__ import annotations

from absl import flags as absl_flags

from data_gen.errors import UserError
from flags import answers, build, effects
from hidra_tf.answers.request import Request
from hidra_tf.runs.config import show

FLAGS = absl_flags.FLAGS

# Flags that are read; all else is decided by what is started from.
_OWN = ("app", "host", "port", "initialization", "frame")
_OF_A_START = ("run_dir", "checkpoint", "eval_norm", "invert", "trust_run", "backbone")


def request() -> Request:
    """What the flags ask; nothing is read of the network yet.

    Raises:
        UserError: if a flag has no effect, or if there is nothing to start from.
    """
    given = build.given_flags()
    for name, value in given.items():
        if name not in (*_OWN, *_OF_A_START):
            raise UserError(
                f"{name}: expected without `app`, on whose page classes are taught by hand; "
                f"received {show(value)}"
            )
    effects.check_given({name: value for name, value in given.items() if name in _OWN})
    start = answers.start_of_flags(given)
    return Request(invert=given.get("invert"), frame=FLAGS.frame, **start)
