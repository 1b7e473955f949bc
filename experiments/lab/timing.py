"""When trainings were started, which their folders do not say."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from experiments.lab.lab import Lab
from experiments.lab.store import Test
from hidra_tf.runs.checkpoints.files import saved_step
from hidra_tf.runs.config import Config
from hidra_tf.runs.place.lock import InUseError


class Start(NamedTuple):
    """A start of a training, or of what was left of it.

    Attributes:
        time: when it was, in seconds since 1970.
        load: the programs that wanted a processor on average in the minute before.
    """

    time: float
    load: float


def starts(config: Config, lab: Lab) -> list[Start]:
    """The starts of a training that `measure` kept."""
    kept = lab.store.kept(_name(config, lab))
    return [Start(**fields) for fields in kept["starts"]] if kept else []


def measure(test: Test, lab: Lab) -> None:
    """Does what is missing of a training and its test, and keeps when that began.

    Pictures are decoded before, since that is done once for all trainings.

    Raises:
        UserError: as `Store.measure` does.
        KeyboardInterrupt: after Ctrl-C; what was made is kept.
    """
    lab.store.load(test.config)
    before = starts(test.config, lab)
    # A training that ended before its first checkpoint is started over.
    counted = before if saved_step(lab.store.run(test.config)) >= 0 else []
    _keep([*counted, Start(time.time(), os.getloadavg()[0])], test.config, lab)
    try:
        lab.store.measure(test)
    except InUseError:
        # The training that is under way is another process's.
        _keep(before, test.config, lab)
        raise


def _keep(made: list[Start], config: Config, lab: Lab) -> None:
    lab.store.keep(_name(config, lab), {"starts": [start._asdict() for start in made]})


def _name(config: Config, lab: Lab) -> str:
    return f"starts/{lab.store.run(config).name}"
