"""BOIL: all but the head moves."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.neurons import MasterHead
from hidra_tf.methods import METHODS, build
from hidra_tf.methods.boil import Boil
from hidra_tf.options import HEADS

ALPHA, WAYS = 0.3, 3


def test_boil_is_maml_whose_head_makes_steps_of_size_zero(make_backbone, make_episodes):
    backbone, episodes = make_backbone("none"), make_episodes(WAYS, 2, 2, tasks=2)
    inner = InnerLoop(2, ALPHA)
    boil = build("boil", backbone, inner, (WAYS,), seed=4)
    maml = build("maml", backbone, inner, (WAYS,), seed=4, learn_inner_lr=True)
    rates = np.full(maml.rates.values.shape, ALPHA)
    rates[:, -2:] = 0
    maml.rates.values.assign(rates)
    found, expected = boil.meta_gradients(episodes), maml.meta_gradients(episodes)
    pairs = zip(found.gradients, expected.gradients[:-1], strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)
        assert np.max(np.abs(theirs)) > 1e-5
    assert len(boil.variables) == len(backbone.variables) + 2
    assert_moves_the_backbone_only(boil, episodes)


def assert_moves_the_backbone_only(method, episodes):
    task = episodes._replace(**{name: getattr(episodes, name)[0] for name in episodes._fields[:4]})
    first, last = method.adaptation(task)((0, 2))
    for before, after in zip(first.head, last.head, strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(first.backbone, last.backbone, strict=True):
        assert np.max(np.abs(tf.subtract(before, after))) > 1e-5


@pytest.mark.parametrize("head", [head for head in HEADS if head != "per_class"])
def test_a_tied_head_is_refused(head, make_backbone):
    with pytest.raises(UserError, match=rf"^head: expected per_class with boil, received {head}$"):
        build("boil", make_backbone("none", filters=1), InnerLoop(1, ALPHA), (WAYS,), head=head)


def test_a_tied_head_is_refused_by_hand_too(make_backbone):
    """With one, MAML's steps at a rate of zero for the head move nothing at all."""
    backbone = make_backbone("none", filters=1)
    with pytest.raises(ValueError, match=r"^head: expected neurons that differ, .* MasterHead"):
        Boil(backbone=backbone, inner=InnerLoop(1, ALPHA), head=MasterHead.of(backbone))


@pytest.mark.parametrize("name", ["boil", "meta_sgd"])
def test_rates_are_not_learned_a_second_time(name, make_backbone):
    assert "learn_inner_lr" not in METHODS[name].aids
    backbone = make_backbone("none", filters=1)
    method = build(name, backbone, InnerLoop(1, ALPHA), (WAYS,), learn_inner_lr=True)
    assert len(method.undecayed) == (0 if name == "boil" else sum(backbone.adapted) + 2)
