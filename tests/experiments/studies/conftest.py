"""A laboratory with the smallest budget, and runs that are there without a training."""

import numpy as np
import pytest


@pytest.fixture
def smoke_lab(tmp_path):
    """A laboratory of the budget `smoke` with a store of its own."""
    from experiments.lab.budgets import BUDGETS
    from experiments.lab.lab import Lab
    from experiments.lab.store import Store

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
