"""A small network in float64, and pictures of stripes that it can tell apart."""

import numpy as np

from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.pictures import PictureFormat
from hidra_tf.runs.config import Config

SIZE = (16, 16)


def start_of(norm="support", steps=1, method="hidra", dtype="float64", ways=(5,), **options):
    model = conv4((*SIZE, 1), filters=4, norm=norm, dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    for variable in model.variables:  # no zeros and ones, which hide mistakes
        noise = 0.1 * rng.uniform(0, 1, variable.shape)
        variable.assign(variable + noise)
    built = methods.build(method, Backbone(model, norm), InnerLoop(steps, 0.4), ways, **options)
    return Initialization(built, steps, PictureFormat(SIZE, 1))


def stripes(counts, seed=0):
    """Pictures [N, 16, 16] uint8, noisy stripes of one direction for each class, and labels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] / 16
    pictures, labels = [], []
    for label, count in enumerate(counts):
        angle = np.pi * label / len(counts)
        along = np.cos(angle) * x + np.sin(angle) * y
        for phase in rng.uniform(0, 0.3, count):
            waves = 0.5 + 0.4 * np.sin(2 * np.pi * (3 * along + phase))
            pictures.append(255 * np.clip(waves + rng.normal(0, 0.05, SIZE), 0, 1))
            labels.append(label)
    return np.array(pictures).astype(np.uint8), labels


def config_of(norm="support", **changes):
    """The configuration of a run that trains the network of `start_of`."""
    settings = {
        "dataset": "glyphs",
        "image_size": SIZE,
        "invert": False,
        "method": "hidra",
        "norm": norm,
        "filters": 4,
        "train_ways": (5,),
        "shots": 5,
        "query_shots": 5,
        "meta_batch": 1,
        "steps": 1,
        "inner_steps": 1,
        "inner_lr": 0.4,
        "meta_lr": 0.001,
    }
    return Config(**{**settings, **changes})
