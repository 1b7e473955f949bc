"""Heads by name, as methods ask for them."""

import numpy as np
import pytest

from hidra_tf import methods
from hidra_tf.heads.registry import make_head
from hidra_tf.options import FIXED_HEADS, HEADS


@pytest.mark.parametrize("kind", HEADS)
def test_every_head_is_made_for_the_features_and_the_type_of_a_backbone(kind, make_backbone):
    backbone = make_backbone("none")
    head = make_head(kind, backbone, ways=3, seed=1)
    weights = head.initial(3)
    assert weights.kernel.shape == (backbone.feature_size, 3)
    assert weights.bias.shape == (3,)
    assert weights.kernel.dtype == weights.bias.dtype == "float64"
    assert head.fixed_ways == (3 if kind in FIXED_HEADS else None)
    assert methods.is_fixed_way("maml", kind) == (kind in FIXED_HEADS)


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_is_tied_exactly_if_its_neurons_begin_equal(kind, make_backbone):
    head = make_head(kind, make_backbone("none"), ways=4)
    kernel = head.initial(4).kernel.numpy()
    assert head.tied == all(np.array_equal(neuron, kernel[:, 0]) for neuron in kernel.T)


def test_the_seed_decides_the_initial_values(make_backbone):
    backbone = make_backbone("none")
    one, same, other = (make_head("master", backbone, seed=s).kernel.numpy() for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_an_unknown_head_is_refused(make_backbone):
    with pytest.raises(ValueError, match="head: expected one of master, zero, per_class; received"):
        make_head("masters", make_backbone("none"))
