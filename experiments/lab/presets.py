"""From a preset of `flags/paper` to the training and the test that it describes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags as absl_flags
from absl.testing import flagsaver

from flags import build, parsing
from hidra_tf.runs.config import Config, EvalRequest

FOLDER = Path(__file__).parents[2] / "flags" / "paper"


def read(name: str, flags: Sequence[str] = ()) -> tuple[Config, EvalRequest]:
    """The training and the test of a preset.

    Args:
        name: the preset's file without its ending.
        flags: flags in addition, which win over those of the preset.

    Raises:
        SystemExit: with code 2, after a line that says what is wrong, if there is no such preset or
            a flag cannot be meant.
    """
    with flagsaver.flagsaver():
        absl_flags.FLAGS.unparse_flags()
        parsing.parse(["experiments", f"--flagfile={FOLDER / f'{name}.flags'}", *flags], "")
        return build.config(), build.eval_request()
