"""From flags to what the page in the browser starts from."""

from __future__ import annotations

from absl import flags as absl_flags

from flags import answers, build, effects
from hidra_tf.answers.request import Request

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
    reason = "on whose page classes are taught by hand"
    effects.check_read(given, (*_OWN, *_OF_A_START), "app", reason)
    effects.check_given({name: value for name, value in given.items() if name in _OWN})
    start = answers.start_of_flags(given)
    return Request(invert=given.get("invert"), frame=FLAGS.frame, **start)
