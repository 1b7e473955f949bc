"""From a configuration to the objects of the library.

Which pictures the parts of a run see: random views in training alone, their middle elsewhere.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_gen import ImageSize
from data_gen.class_pool import ClassPool, Splits
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.methods.protonet import ProtoNet
from hidra_tf.runs.assembly import (
    build_averages,
    build_method,
    build_optimizer,
    load_splits,
    training_sampler,
    with_class_loss,
)
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.measuring import make_evaluator, make_monitors
from hidra_tf.runs.pretraining import seeing_like
from hidra_tf.runs.records import report
from hidra_tf.training.optimizers import apply_clipped
from hidra_tf.training.updates import MetaUpdates

CONFIG = Config(
    dataset="glyphs", method="hidra", train_ways=(2,), shots=1, query_shots=1, meta_batch=2,
    steps=4, inner_steps=1, inner_lr=0.1, meta_lr=0.01, filters=2, image_size=ImageSize(16, 16),
    channels=3, crop_margin=1.25, random_crop=True, random_flip=True, color_jitter=0.4,
    standardize="imagenet",
)  # fmt: skip


@pytest.fixture(scope="module")
def splits():
    """Pictures of the stored size, 20 × 20."""

    def pool(name, seed):
        images = np.random.default_rng(seed).integers(0, 256, (12, 20, 20, 3)).astype(np.uint8)
        return ClassPool(images, (4, 4, 4), tuple(f"{name}{c}" for c in range(3)))

    return Splits(pool("train", 0), pool("val", 1), pool("test", 2))


@pytest.fixture(scope="module")
def method(splits):
    return build_method(CONFIG, splits)


def test_pictures_are_stored_with_the_margin():
    splits = load_splits(dataclasses.replace(CONFIG, image_size=ImageSize(10, 12)), None)
    assert splits.test.image_shape == (12, 15, 3)


def standardized(images):
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return (images / 255 - mean) / deviation


def is_in(pictures, images):
    """Whether all pictures [..., 16, 16, 3] are the middles of some images."""
    middles = standardized(images[:, 2:18, 2:18])
    distances = np.abs(pictures.reshape(-1, 1, 16, 16, 3) - middles).max((-3, -2, -1))
    return bool(np.all(distances.min(1) < 1e-5))


def test_only_meta_training_sees_random_pictures(splits, method):
    training = training_sampler(CONFIG, splits)
    assert not is_in(training(0).support_images.numpy(), splits.train.images)
    monitors = make_monitors(CONFIG, method, splits)
    evaluator = make_evaluator(CONFIG, method, splits, EvalRequest(ways=(2,)))
    for name, measured in {**monitors, "test": evaluator}.items():
        episodes = measured.sampler(0)
        images = getattr(splits, name).images
        assert is_in(episodes.support_images.numpy(), images), name
        assert is_in(episodes.query_images.numpy(), images), name
        assert is_in(measured.sampler.pictures(tf.range(12)).numpy(), images), name


def test_without_a_random_view_meta_training_sees_the_middle(splits):
    off = {"random_crop": False, "random_flip": False, "color_jitter": 0.0}
    for kind in ("hidra", "finetune"):
        config = dataclasses.replace(CONFIG, method=kind, batch_size=5, **off)
        pictures = training_sampler(config, splits)(0)[0].numpy()
        assert is_in(pictures, splits.train.images)
        seen = training_sampler(dataclasses.replace(CONFIG, method=kind), splits)(0)[0].numpy()
        assert not is_in(seen, splits.train.images)


def test_the_backbone_is_made_for_what_is_seen(method):
    assert method.backbone.model.input_shape == (None, 16, 16, 3)


def test_an_update_that_is_continued_sees_the_same_pictures(splits):
    """Two updates at once, and one by one from the same beginning, bit for bit."""
    config = dataclasses.replace(CONFIG, method="protonet")
    method, sampler = build_method(config, splits), training_sampler(config, splits)
    optimizer = build_optimizer(config, method)
    updates = MetaUpdates(method, sampler, optimizer, clip_norm=10.0)
    variables = [*method.variables, *optimizer.variables]
    beginning = [variable.numpy() for variable in variables]

    def trained(*parts):
        for variable, value in zip(variables, beginning, strict=True):
            variable.assign(value)
        for first, last in parts:
            assert bool(updates(tf.constant(first), tf.constant(last)).finite)
        return [variable.numpy() for variable in method.variables]

    at_once = trained((0, 2))
    assert_equal = np.testing.assert_array_equal
    tf.nest.map_structure(assert_equal, trained((0, 1), (1, 2)), at_once)
    others = zip(trained((0, 1), (2, 3)), at_once, strict=True)
    assert any(np.any(other != ours) for other, ours in others)


def test_the_opening_says_what_is_stored_and_what_is_seen(splits):
    said = report.opening(CONFIG, splits, 1, "CPU")
    assert "20 × 20 × 3, seen at 16 × 16\n" in said


@pytest.mark.parametrize("own", [ImageSize(16, 16), ImageSize(32, 24)])
def test_another_runs_network_is_made_for_the_pictures_of_this_run(own, splits):
    theirs = dataclasses.replace(
        CONFIG, image_size=own, crop_margin=1.0, channels=1, standardize="none"
    )
    warned = []
    config = seeing_like("other", theirs, CONFIG, warned.append)
    assert build_method(config, splits).backbone.model.input_shape == (None, 16, 16, 3)
    (line,) = warned
    assert "`standardize=none`" in line
    assert "`standardize=imagenet`" in line
    seeing_like("other", CONFIG, CONFIG, pytest.fail)


OPTIMIZED = {
    "dataset": "glyphs",
    "method": "maml",
    "train_ways": (2,),
    "shots": 1,
    "query_shots": 1,
    "meta_batch": 1,
    "steps": 9,
    "inner_steps": 1,
    "inner_lr": 0.4,
    "meta_lr": 0.5,
    "filters": 3,
}


def test_all_settings_of_the_optimizer_reach_the_variables_that_they_are_for(make_backbone):
    """Two updates with gradients of one: w ← w − β·(1 + λw), then by the momentum too."""
    settings = {"meta_optimizer": "sgd", "momentum": 0.5, "nesterov": True, "l2": 0.25}
    config = Config(**OPTIMIZED, **settings, head_lr_factor=4.0)
    options = {"learn_inner_lr": True}
    method = build("maml", make_backbone("affine"), InnerLoop(1, 0.4), (2,), **options)
    before = [variable.numpy() for variable in method.variables]
    optimizer = build_optimizer(config, method)
    gradients = [tf.ones_like(variable) for variable in method.variables]
    for _ in range(2):
        apply_clipped(optimizer, gradients, method.variables, 0.0)
    backbone, head = len(before) - 3, len(before) - 1
    for number, (w, variable) in enumerate(zip(before, method.variables, strict=True)):
        factor, decay = 4.0 if backbone <= number < head else 1.0, 0.25 if number < head else 0.0
        b = np.zeros_like(w)
        for _ in range(2):
            g = 1 + decay * w
            b = 0.5 * b + g
            w = w - factor * 0.5 * (g + 0.5 * b)
        np.testing.assert_allclose(variable, w, rtol=1e-12)


@pytest.mark.parametrize("chosen_by", ["head", "nearest_mean"])
def test_finetunes_choices_reach_its_minibatches_and_its_monitors(chosen_by, make_backbone):
    pool = ClassPool(np.zeros((6, 16, 16, 1), np.uint8), (3, 3), ("a", "b"))
    settings = {"val_classifier": chosen_by}
    config = Config(
        **{**OPTIMIZED, "method": "finetune"}, **settings, without_replacement=chosen_by == "head"
    )
    splits = Splits(pool, pool, pool)
    assert training_sampler(config, splits).replacement == (chosen_by != "head")
    method = build("finetune", make_backbone("none"), InnerLoop(1, 0.4), (2,), **settings)
    for monitor in make_monitors(config, method, splits).values():
        assert isinstance(monitor.method, ProtoNet) == (chosen_by == "nearest_mean")
        assert monitor.method.backbone is method.backbone


def test_a_classifier_of_all_classes_is_there_where_it_is_asked_for(method, splits):
    assert with_class_loss(CONFIG, method, splits) is method
    asked = dataclasses.replace(CONFIG, class_loss=0.3, rotations=True)
    trained = with_class_loss(asked, method, splits)
    assert trained.class_loss.weight == 0.3
    # Each of the three classes in each of its four turns.
    assert trained.class_loss.classifier.fixed_ways == 12
    assert training_sampler(asked, splits)(0).classes.shape == (2, 2)
    assert not hasattr(training_sampler(CONFIG, splits)(0), "classes")


def test_averages_are_of_all_that_is_trained_where_they_are_asked_for(splits):
    running = dataclasses.replace(CONFIG, norm="running", class_loss=0.3, average_weights=0.9)
    trained = with_class_loss(running, build_method(running, splits), splits)
    optimizer = build_optimizer(running, trained)
    moved = [*trained.variables, *trained.statistics]
    averages = build_averages(running, trained, optimizer).values
    assert len(trained.statistics) > 0
    assert [a.shape for a in averages] == [v.shape for v in moved]
    none = dataclasses.replace(running, average_weights=0.0)
    assert build_averages(none, trained, optimizer).values == []
