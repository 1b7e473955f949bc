"""From a configuration to the objects of the library."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.class_pool import ClassPool, Splits
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.methods.protonet import ProtoNet
from hidra_tf.runs.assembly import build_optimizer, make_monitors, training_sampler
from hidra_tf.runs.config import Config
from hidra_tf.training.optimizers import apply_clipped

FIELDS = {
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
    config = Config(**FIELDS, **settings, head_lr_factor=4.0)
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
        **{**FIELDS, "method": "finetune"}, **settings, without_replacement=chosen_by == "head"
    )
    splits = Splits(pool, pool, pool)
    assert training_sampler(config, splits).replacement == (chosen_by != "head")
    method = build("finetune", make_backbone("none"), InnerLoop(1, 0.4), (2,), **settings)
    for monitor in make_monitors(config, method, splits).values():
        assert isinstance(monitor.method, ProtoNet) == (chosen_by == "nearest_mean")
        assert monitor.method.backbone is method.backbone
