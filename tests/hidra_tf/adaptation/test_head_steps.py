"""Steps of a head alone: a loop of the graph makes the ones that unrolled steps make."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation import head_steps, steps
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.steps import Derivatives
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import build

TASKS, WAYS, SHOTS, SIZE = 2, 3, 2, 4
AT_STEPS = (0, 1, 3, 9)


def looped(monkeypatch):
    monkeypatch.setattr(steps, "UNROLLED", 0)


def assert_close(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.fixture
def numbers():
    """Features, labels, a head and rates for the first of four steps, all random."""
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(TASKS, WAYS * SHOTS, SIZE)))
    labels = tf.constant(np.tile(np.repeat(np.arange(WAYS), SHOTS), (TASKS, 1)), tf.int32)
    neuron = rng.normal(size=(SIZE, 1))
    kernel = neuron + rng.normal(size=(SIZE, WAYS))
    tied = HeadWeights(tf.constant(np.tile(neuron, WAYS)), tf.constant(np.full(WAYS, 0.3)))
    free = HeadWeights(tf.constant(kernel), tf.constant(rng.normal(size=WAYS)))
    return features, labels, {True: tied, False: free}, tf.constant(rng.random((4, 2)))


def heads_and_slopes(inner, derivatives, numbers, tied, learned):
    """The heads after `AT_STEPS`, and what a function of them has for gradients, compiled."""
    features, labels, heads, rates = numbers

    @tf.function(autograph=False)
    def compute():
        with tf.GradientTape() as tape:
            sources = [features, *heads[tied], *([rates] if learned else [])]
            tape.watch(sources)
            found = head_steps.heads_at(
                inner,
                heads[tied],
                tied,
                features,
                labels,
                AT_STEPS,
                rates if learned else None,
                derivatives,
            )
            total = tf.add_n([tf.reduce_sum(tf.sin(w)) for head in found for w in head])
        return found, tape.gradient(total, sources, unconnected_gradients="zero")

    return compute()


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(
    ("tied", "exact", "derivatives"),
    [
        (True, True, Derivatives.SECOND),
        (True, False, Derivatives.SECOND),
        (False, True, Derivatives.SECOND),
        (False, True, Derivatives.FIRST),
    ],
)
def test_a_loop_is_the_unrolled_steps_and_has_their_gradients(
    tied, exact, derivatives, learned, numbers, monkeypatch
):
    inner = InnerLoop(4, 0.3, exact=exact)
    unrolled = heads_and_slopes(inner, derivatives, numbers, tied, learned)
    looped(monkeypatch)
    assert_close(heads_and_slopes(inner, derivatives, numbers, tied, learned), unrolled)
    first, *_, last = unrolled[0]
    assert np.max(np.abs(last.kernel - first.kernel)) > 0.1
    slopes = [np.max(np.abs(slope)) for slope in unrolled[1]]
    assert min(slopes[1:] if derivatives is Derivatives.FIRST else slopes) > 1e-3


@pytest.mark.parametrize(
    ("norm", "head", "options", "task_map"),
    [
        ("affine", "per_class", {}, "auto"),
        ("support", "master", {}, "loop"),
        ("support", "per_class", {"learn_inner_lr": True}, "vectorized"),
    ],
)
def test_meta_gradients_go_through_a_loop(
    norm, head, options, task_map, make_backbone, make_episodes, monkeypatch
):
    inner, settings = InnerLoop(3, 0.3), {"seed": 4, "head": head, "task_map": task_map}
    method = build("anil", make_backbone(norm), inner, (WAYS,), **settings, **options)
    episodes = make_episodes(WAYS, SHOTS, 2, tasks=TASKS)

    def meta_gradients():
        # The ways are no constant of the graph, as when one graph serves any number of them.
        compiled = tf.function(
            lambda ways: method.meta_gradients(episodes._replace(ways=ways)), autograph=False
        )
        return compiled(tf.constant(WAYS))

    unrolled = meta_gradients()
    looped(monkeypatch)
    assert_close(meta_gradients(), unrolled)
    assert max(np.max(np.abs(g)) for g in unrolled.gradients) > 1e-4


def test_the_graph_of_many_steps_is_no_larger_than_that_of_some(numbers):
    features, labels, heads, _ = numbers

    def operations(steps):
        graph = tf.function(head_steps.heads_at, autograph=False).get_concrete_function(
            InnerLoop(1, 0.3), heads[False], False, features, labels, (0, 2, steps)
        )
        return len(graph.graph.get_operations())

    assert operations(1000) == operations(50) < 2 * operations(3)
