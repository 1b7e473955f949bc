"""How far it is from the trainer to the convolution, in frames of our own: a reader's way."""

import traceback
from pathlib import Path

import keras
import numpy as np
import pytest

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.methods import build
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.updates import MetaUpdates

ROOT = Path(__file__).parents[3]
PACKAGES = tuple(f"{ROOT / package}/" for package in ("data_gen", "hidra_tf", "flags"))
WAYS = 2
# Of the trainer itself, which calls the meta-update.
TRAINER = 1


@pytest.fixture
def stacks(monkeypatch):
    """A list that grows by our own frames with each call of a convolutional block."""
    found, original = [], ConvBlock.call

    def spy(block, images, training=False):
        frames = [frame for frame in traceback.extract_stack() if is_ours(frame)]
        found.append([*(f"{Path(f.filename).name}:{f.name}" for f in frames), "conv_block.py:call"])
        return original(block, images, training=training)

    monkeypatch.setattr(ConvBlock, "call", spy)
    return found


def is_ours(frame):
    return frame.filename.startswith(PACKAGES)


def one_block(norm):
    """A backbone that is traced in a fraction of Conv-4's time."""
    kernel = keras.initializers.GlorotUniform(0)
    block = ConvBlock(2, normalised=True, use_bias=False, kernel_initializer=kernel)
    return Backbone(keras.Sequential([keras.Input((4, 4, 1)), block, keras.layers.Flatten()]), norm)


# Steps on shared features, a first step in closed form, and steps of weights for each task.
@pytest.mark.parametrize(
    ("name", "steps", "norm"),
    [
        ("hidra", 1, "affine"),
        ("hidra", 1, "transductive"),
        ("hidra", 2, "support"),
        ("maml", 2, "transductive"),
        ("maml", 2, "affine"),
        ("proto_maml", 2, "support"),
    ],
)
def test_a_meta_update_is_at_most_nine_frames_above_the_convolution(name, steps, norm, stacks):
    pool = ClassPool(np.zeros((6, 4, 4, 1), np.uint8), (3,) * 2, ("a", "b"))
    method = build(name, one_block(norm), InnerLoop(steps, 0.1), (WAYS,))
    sampler = EpisodeSampler(pool, (WAYS,), 1, 1, 1, 0, "meta_train")
    updates = MetaUpdates(method, sampler, make_optimizer(method.variables, 1e-3), 10.0)
    stacks.clear()
    # To trace it is enough: nothing is computed.
    updates.__call__.get_concrete_function()
    deepest = max(stacks, key=len)
    assert deepest[:2] == ["updates.py:__call__", "updates.py:_update"]
    assert TRAINER + len(deepest) <= 9, deepest
