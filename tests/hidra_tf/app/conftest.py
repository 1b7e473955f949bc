"""A page over a tiny network that nobody has trained: circles and crosses differ for it anyway."""

import json
import math

import pytest


@pytest.fixture(scope="session")
def start():
    """An initialization for drawings of 28 × 28 pixels."""
    from hidra_tf.classifier import starts
    from hidra_tf.classifier.initialization import Initialization
    from hidra_tf.runs.assembly import method_for
    from hidra_tf.runs.config import Config

    config = Config(
        dataset="omniglot", method="hidra", train_ways=(5,), shots=1, query_shots=1, meta_batch=1,
        steps=1, inner_steps=1, inner_lr=0.4, meta_lr=0.01, filters=4, norm="affine",
    )  # fmt: skip
    method = method_for(config, config.seen_shape)
    return Initialization(method, 1, starts.format_of(config), origin=config)


@pytest.fixture
def session(start):
    """A session in which nothing was taught."""
    from hidra_tf.app.session import Session

    return Session(start)


def circle(x=0.5, y=0.5, radius=0.3):
    turns = [(x + radius * math.cos(t / 4), y + radius * math.sin(t / 4)) for t in range(27)]
    return [[share for point in turns for share in point]]


def cross(x=0.5, y=0.5, radius=0.3):
    low, high = (x - radius, y - radius), (x + radius, y + radius)
    return [[*low, *high], [high[0], low[1], low[0], high[1]]]


SHAPES = {"circle": circle, "cross": cross}


@pytest.fixture
def draw():
    """The strokes of a shape as text, as the pad sends them."""
    return lambda shape, *at: json.dumps(SHAPES[shape](*at))


@pytest.fixture
def drawn(draw):
    """A shape as a picture of 28 × 28 pixels."""
    from hidra_tf.app import strokes

    return lambda shape, *at: strokes.picture(strokes.read(draw(shape, *at)), (28, 28), 1)
