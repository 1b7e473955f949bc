"""Which class is called 0 is arbitrary: logits follow the order of the classes, and the neurons."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import METHODS, build

WAYS = 3
ORDER = [2, 0, 1]  # class c is called ORDER[c]
CASES = [
    (name, kind)
    for name, entry in METHODS.items()
    for kind in (entry.heads if entry.head else [None])
]


@pytest.fixture
def make_method(make_backbone, rows):
    def make(name, kind):
        settings = rows[name].settings | rows[name].unordered
        inner = InnerLoop(2, 0.3)
        backbone = make_backbone("support", blocks=1)
        method = build(name, backbone, inner, (WAYS,), seed=5, head=kind, **settings)
        rng = np.random.default_rng(5)
        # `protonet` has no head.
        for variable in method.head.trainable_variables if hasattr(method, "head") else ():
            variable.assign(rng.normal(size=variable.shape))
        return method

    return make


def relabelled(episodes):
    return episodes._replace(
        support_labels=tf.gather(ORDER, episodes.support_labels),
        query_labels=tf.gather(ORDER, episodes.query_labels),
    )


def reordered(initial):
    """A head's `initial`, with the neuron of class c where that of class ORDER[c] was."""

    def reorder(ways):
        return HeadWeights(*(tf.gather(w, np.argsort(ORDER), axis=-1) for w in initial(ways)))

    return reorder


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_logits_follow_the_order_of_classes_and_neurons(
    name, kind, make_method, make_episodes, rows, monkeypatch
):
    method, episodes = make_method(name, kind), make_episodes(WAYS, 2, 2)
    logits = method.query_logits(episodes, [1, 2]).numpy()
    others = method.query_logits(relabelled(episodes), [1, 2]).numpy()
    if rows[name].order_matters:
        assert np.max(np.abs(others[..., ORDER] - logits)) > 1e-4
        return
    # Under other names alone, it does so only where all neurons are equal, or there are none.
    head = getattr(method, "head", None)
    symmetric = head is None or head.tied
    assert np.allclose(others[..., ORDER], logits, rtol=1e-3, atol=1e-4) == symmetric
    if head is not None:
        monkeypatch.setattr(head, "initial", reordered(head.initial))
    others = method.query_logits(relabelled(episodes), [1, 2]).numpy()
    np.testing.assert_allclose(others[..., ORDER], logits, rtol=1e-9, atol=1e-10)
    assert np.max(np.abs(others - logits)) > 1e-4
