import numpy as np
import pytest
import tensorflow as tf

from benchmarks import baselines
from benchmarks.cases import Case
from benchmarks.inputs import initial_weights
from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.methods import build

WAYS, SIDE, FILTERS, LEARNING_RATE = 3, 16, 4, 0.4


@pytest.fixture(scope="module")
def episodes():
    rng = np.random.default_rng(0)
    images = rng.random((2, 2 * WAYS, SIDE, SIDE, 1))
    labels = np.tile(np.repeat(np.arange(WAYS, dtype=np.int32), 2), (2, 1))
    support, query = tf.constant(images), tf.constant(images[:, ::-1].copy())
    return Episodes(support, tf.constant(labels), query, tf.constant(labels), tf.constant(WAYS))


@pytest.mark.parametrize("norm", ["affine", "transductive"])
@pytest.mark.parametrize(
    "make", [pytest.param(baselines.unrolled, marks=pytest.mark.slow), baselines.mapped]
)
def test_what_is_compared_computes_the_same(make, norm, episodes):
    """A benchmark against something that does less would be worth nothing."""
    steps = 2
    case = Case(norm=norm, ways=WAYS, side=SIDE, filters=FILTERS)
    weights = initial_weights(case, "float64")
    model = conv4((SIDE, SIDE, 1), FILTERS, norm, dtype="float64")
    ours = build("maml", Backbone(model, norm), InnerLoop(steps, LEARNING_RATE), (WAYS,))
    variables = [*ours.backbone.variables, ours.head.kernel, ours.head.bias]
    for variable, value in zip(variables, weights, strict=True):
        variable.assign(value)
    loss, gradients = make(weights, steps, LEARNING_RATE, norm)(episodes)
    result = ours.meta_gradients(episodes)
    np.testing.assert_allclose(loss, result.loss, rtol=1e-10)
    # A module lists its variables by name: the head's bias before its kernel.
    *theta, kernel, bias = gradients
    for theirs, mine in zip([*theta, bias, kernel], result.gradients, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-7, atol=1e-10)
    assert max(np.abs(gradient).max() for gradient in result.gradients) > 1e-3
