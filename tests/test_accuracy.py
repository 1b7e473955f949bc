"""What trainings on real pictures must reach, and that no meta-learning falls far short of it.

`make accuracy` runs all of it (about an hour and a half on two cores); the suite the short form.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_gen.episodes import EpisodeSampler
from data_gen.omniglot import load
from data_gen.request import DataRequest
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods import build
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.schedules import learning_rate
from hidra_tf.training.updates import MetaUpdates

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("DATA_DIR", ROOT.parent / "shared" / "data"))
SHOTS, QUERY_SHOTS, TASKS_PER_UPDATE = 5, 15, 4


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory):
    if not list(DATA.glob("**/images_background*")):
        pytest.skip(f"no Omniglot in {DATA} (set DATA_DIR)")
    return load(DataRequest(data_dir=str(DATA), cache_dir=str(tmp_path_factory.mktemp("cache"))))


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


# Every number of ways beside its neighbours.
MANY_WAYS = {2: 300, 3: 300, 5: 300, 8: 200, 10: 150, 15: 100, 20: 80, 50: 40}


def dips(measured):
    """The ways at which accuracy lies below the line between the neighbours', or the end below one.

    Args:
        measured: ways, ascending → accuracy and half the width of its interval. The line is
            straight over the logarithm of the ways, where accuracies fall ever faster; what the
            three intervals allow is no dip.
    """
    ways, found = list(measured), []
    values, intervals = (np.array(column) for column in zip(*measured.values(), strict=True))
    # At fewer ways than all others, no task is harder.
    if values[0] + intervals[0] < values[1] - intervals[1]:
        found.append(ways[0])
    for i in range(1, len(ways) - 1):
        places = np.log([ways[i - 1], ways[i + 1]])
        least = np.interp(np.log(ways[i]), places, (values - intervals)[[i - 1, i + 1]])
        if values[i] + intervals[i] < least:
            found.append(ways[i])
    return found


def test_a_dip_is_told_from_what_is_harder_and_from_chance():
    falling = {2: (0.997, 0.002), 3: (0.9955, 0.002), 5: (0.9915, 0.002), 10: (0.984, 0.003)}
    assert dips(falling) == []
    assert dips({**falling, 3: (0.9916, 0.003)}) == []
    # What hyperhidra reached when its correction was measured in units of the step.
    assert dips({2: (0.9899, 0.002), 3: (0.9164, 0.004), 5: (0.9736, 0.003)}) == [3]
    assert dips({2: (0.98, 0.002), 3: (0.99, 0.002), 5: (0.985, 0.003)}) == [2]


@pytest.mark.slow
def test_hyperhidra_trained_with_20_ways_dips_at_none(omniglot):
    """The correction of earlier runs dips at 3 after 1500 updates, by 7 points."""
    backbone = Backbone(conv4(omniglot.train.image_shape, 32, "support"), "support")
    method = build("hyperhidra", backbone, InnerLoop(1, 0.4), (20,), seed=0)
    sampler = EpisodeSampler(omniglot.train, (20,), SHOTS, 10, 1, 0, "meta_train")
    optimizer = make_optimizer(method.variables, learning_rate("cosine", 2e-3, 1000))
    assert MetaUpdates(method, sampler, optimizer, 10.0)(0, 1000).finite
    measured = {}
    for ways, tasks in MANY_WAYS.items():
        evaluator = Evaluator(
            method, omniglot.val, (ways,), [1], SHOTS, QUERY_SHOTS, 0, "evaluation"
        )
        (row,) = evaluator.rows(tasks)
        measured[ways] = (row.accuracy, row.ci95)
    assert dips(measured) == [], measured
    # HIDRA trained alike is at 91 % after 1500 updates.
    assert measured[20][0] > 0.94, measured


def trained(tmp_path_factory, *flags):
    """Accuracy with 5 ways of a run of main.py with the data's and the method's own settings."""
    run = tmp_path_factory.mktemp("run")
    main = [sys.executable, str(ROOT / "main.py"), f"--data_dir={DATA}", f"--run_dir={run}"]
    cache = f"--cache_dir={tmp_path_factory.getbasetemp() / 'cache'}"
    subprocess.run([*main, cache, "--meta_batch=4", "--eval_ways=5", *flags], check=True)
    (results,) = (run / "results").glob("*.json")
    (row,) = json.loads(results.read_text())["rows"]
    return row["accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "least"),
    [
        ("maml", 0.95),
        ("fomaml", 0.94),
        ("reptile", 0.86),
        ("anil", 0.90),
        ("protonet", 0.98),
        ("finetune", 0.98),
        ("hypermaml", 0.95),
        ("hyperhidra", 0.98),
    ],
)
@pytest.mark.usefixtures("omniglot")
def test_every_method_on_omniglot(tmp_path_factory, method, least):
    flags = ("--dataset=omniglot", f"--method={method}", "--steps=1000")
    assert trained(tmp_path_factory, *flags) >= least


@pytest.mark.slow
def test_hidra_on_the_validation_classes_of_mini_imagenet(tmp_path_factory):
    if not (DATA / "mini_imagenet").exists():
        pytest.skip(f"no mini_imagenet in {DATA} (set DATA_DIR)")
    flags = ("--dataset=mini_imagenet", "--steps=600", "--eval_split=val")
    assert trained(tmp_path_factory, *flags) >= 0.50
