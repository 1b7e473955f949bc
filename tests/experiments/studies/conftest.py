"""What the tests of studies share: a store whose tests have known results, with nothing trained."""

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.lab.store import Store

PRESETS = Path(__file__).parents[3] / "flags" / "paper"
QUERIES = 1000


class MadeUp(Store):
    """A store that knows every test whose configuration is wanted.

    Of task t, `correct(test, ways, steps, t)` of 1000 queries were classified correctly.
    """

    def __init__(self, path, correct, wanted=lambda config: True):
        super().__init__(path)
        self._correct, self._wanted = correct, wanted

    def is_trained(self, config):
        return self._wanted(config)

    def known(self, test):
        config, request = test
        if not self._wanted(config):
            return None
        rows = [
            {"ways": ways, "steps": steps, "accuracy": 0.0, "ci95": None, "queries": QUERIES,
             "correct": [self._correct(test, ways, steps, task) for task in range(request.tasks)]}
            for ways in request.ways or config.train_ways
            for steps in request.steps or (config.inner_steps,)
        ]  # fmt: skip
        made = {"seed": config.seed, "norm": config.norm, "shots": config.shots, "rows": rows}
        return made | {"request": {}, "tasks": request.tasks, "split": request.split}


@pytest.fixture
def made_up(tmp_path):
    """A lab over a store of known results."""

    def make(correct=lambda test, ways, steps, task: 0, budget="short", **options):
        return Lab(BUDGETS[budget], MadeUp(tmp_path / "runs", correct, **options), "/data")

    return make


@pytest.fixture
def published():
    """The accuracies that the comment of a preset names, in its order."""

    def read(name):
        lines = (PRESETS / f"{name}.flags").read_text().split("\n--")[0].splitlines()
        text = " ".join(line.lstrip("# ") for line in lines)
        (numbers,) = re.findall(r"(?:(?:\d+(?:\.\d+)?), )+\d+(?:\.\d+)? %", text)
        return tuple(float(number) for number in numbers.removesuffix(" %").split(", "))

    return read


@pytest.fixture
def smoke_lab(tmp_path):
    """A laboratory of the budget `smoke` with a store of its own."""
    return Lab(BUDGETS["smoke"], Store(tmp_path / "runs"))


@pytest.fixture
def lay_down():
    """Makes a run as if it were trained, with random weights under which features differ."""
    from hidra_tf.runs.assembly import method_for
    from hidra_tf.runs.checkpoints.store import Checkpoints
    from hidra_tf.runs.place import folder

    def make(lab, test):
        config, path = test.config, lab.store.run(test.config)
        folder.create(path, config)
        method = method_for(config, config.seen_shape)
        rng = np.random.default_rng(0)
        for variable in method.variables:
            noise = rng.normal(size=variable.shape)
            variable.assign(variable + 0.3 * noise)
        checkpoints = Checkpoints(path, method, None, pytest.fail)
        checkpoints.step.assign(config.steps)
        checkpoints.save()
        return method

    return make
