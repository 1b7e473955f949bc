"""From a configuration to the objects of the library."""

import numpy as np
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.runs.assembly import build_optimizer
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
