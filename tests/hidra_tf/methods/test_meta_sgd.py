"""Meta-SGD: rates of the shape of the weights."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build

ALPHA = 0.3


def assert_close(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def make(backbone, head, steps=1, **settings):
    """Meta-SGD whose rates all differ."""
    inner = InnerLoop(steps, ALPHA, **settings)
    method = build("meta_sgd", backbone, inner, (3,), seed=4, head=head)
    rng = np.random.default_rng(5)
    for rates in method.rates.values:
        rates.assign(rng.uniform(-0.2, 0.6, rates.shape))
    return method


def test_with_equal_rates_it_is_maml(make_backbone, make_episodes):
    backbone, episodes = make_backbone("none"), make_episodes(3, 2, 2, tasks=2)
    ours, maml = (
        build(name, backbone, InnerLoop(2, ALPHA), (3,), seed=4) for name in ("meta_sgd", "maml")
    )
    found, expected = ours.meta_gradients(episodes), maml.meta_gradients(episodes)
    count = len(maml.variables)
    assert ours.variables[count:] == ours.undecayed == ours.rates.values
    assert_close(found._replace(gradients=found.gradients[:count]), expected)
    assert max(np.max(np.abs(g)) for g in found.gradients[count:]) > 1e-4
    for alpha in ours.rates.values:
        np.testing.assert_array_equal(alpha, np.full(alpha.shape, ALPHA))
    # One number for each of the weights that move.
    moving = [w for w, m in zip(backbone.variables, backbone.adapted, strict=True) if m]
    shapes = [w.shape for w in [*moving, ours.head.kernel, ours.head.bias]]
    assert [alpha.shape for alpha in ours.rates.values] == shapes


@pytest.mark.parametrize("steps", [1, 2])
def test_a_tied_head_shares_its_rates_and_takes_any_number_of_ways(
    steps, make_backbone, make_episodes
):
    """The closed form of the first step is what differentiation finds, gradients of α included."""
    backbone = make_backbone("none")
    exact, generic = (make(backbone, "master", steps, exact=exact) for exact in (True, False))
    assert [a.shape for a in exact.rates.values[-2:]] == [(backbone.feature_size, 1), (1,)]
    results = []
    for ways in (2, 5):
        exact.check_ways(ways)
        episodes = make_episodes(ways, 2, 1)
        at_steps = range(steps + 1)
        assert_close(
            exact.query_logits(episodes, at_steps), generic.query_logits(episodes, at_steps)
        )
        results.append(exact.meta_gradients(episodes))
        assert_close(results[-1], generic.meta_gradients(episodes))
    alphas = [np.max(np.abs(gradient)) for gradient in results[-1].gradients[-2:]]
    # All classes have as many pictures, so a tied bias does not move in the first step.
    assert alphas[0] > 1e-4
    assert (alphas[1] > 1e-6) == (steps > 1)


def test_meta_gradients_of_a_tied_head_are_the_derivatives(
    make_backbone, make_episodes, check_meta_gradient
):
    method = make(make_backbone("none"), "zero", steps=2)
    for ways in (2, 4):
        check_meta_gradient(method, make_episodes(ways, 2, 1))


def test_recomputing_changes_no_number(make_backbone, make_episodes):
    episodes = make_episodes(3, 2, 1)
    one, other = (
        make(make_backbone("none"), None, 2, recompute=recompute).meta_gradients(episodes)
        for recompute in (False, True)
    )
    assert_close(one, other)
