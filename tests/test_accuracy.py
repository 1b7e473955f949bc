"""What a training on the real Omniglot must reach, and that no meta-learning falls far short of it.

`make accuracy` runs all of it (about 20 minutes on two cores); the suite runs the short form.
"""

import os
from pathlib import Path

import pytest

from data_gen.episodes import EpisodeSampler
from data_gen.omniglot import load
from hidra_tf.adaptation import InnerLoop
from hidra_tf.backbones import Backbone, conv4
from hidra_tf.evaluation import Evaluator
from hidra_tf.methods import build
from hidra_tf.training import MetaUpdates, make_optimizer

DATA = Path(os.environ.get("DATA_DIR", Path(__file__).parents[2] / "shared" / "data"))
SHOTS, QUERY_SHOTS, TASKS_PER_UPDATE = 5, 15, 4


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory):
    if not list(DATA.glob("**/images_background*")):
        pytest.skip(f"no Omniglot in {DATA} (set DATA_DIR)")
    return load(str(DATA), str(tmp_path_factory.mktemp("cache")))


def accuracies(splits, name, norm, steps, ways, tasks):
    """Ways → test accuracy after `steps` meta-updates with 5 ways."""
    backbone = Backbone(conv4(splits.train.image_shape, 64, norm), norm)
    method = build(name, backbone, InnerLoop(1, 0.4), (5,), seed=0)
    if steps:
        sampler = EpisodeSampler(
            splits.train, (5,), SHOTS, QUERY_SHOTS, TASKS_PER_UPDATE, 0, "meta_train"
        )
        optimizer = make_optimizer(method.variables, 1e-3)
        assert MetaUpdates(method, sampler, optimizer, 10.0)(0, steps).finite
    evaluator = Evaluator(method, splits.test, ways, [1], SHOTS, QUERY_SHOTS, 0, "evaluation")
    return {row.ways: row.accuracy for row in evaluator.rows(tasks)}


def test_sixty_updates_go_far_beyond_a_random_initialization(omniglot):
    untrained = accuracies(omniglot, "random", "transductive", 0, (5,), tasks=60)[5]
    trained = accuracies(omniglot, "hidra", "transductive", 60, (5,), tasks=60)[5]
    assert trained > 0.85
    assert trained > untrained + 0.25


@pytest.mark.slow
@pytest.mark.parametrize(
    ("norm", "steps", "least"),
    [
        ("transductive", 1000, {5: 0.975}),
        ("transductive", 2000, {5: 0.984, 10: 0.965}),
        ("affine", 1000, {5: 0.93}),
    ],
)
def test_hidra_on_omniglot(omniglot, norm, steps, least):
    reached = accuracies(omniglot, "hidra", norm, steps, tuple(least), tasks=600)
    assert all(reached[ways] >= bound for ways, bound in least.items()), reached
