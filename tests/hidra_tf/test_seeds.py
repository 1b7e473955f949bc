from hypothesis import given
from hypothesis import strategies as st

from hidra_tf.seeds import derive

seeds = st.integers(-(2**63), 2**63)


@given(seeds)
def test_a_seed_fits_every_generator(seed):
    assert 0 <= derive(seed, "head") < 2**31
    assert derive(seed, "head") == derive(seed, "head")


@given(seeds, seeds)
def test_seeds_and_purposes_are_kept_apart(one, other):
    assert derive(one, "head") != derive(one, "conv_0")
    assert (derive(one, "head") == derive(other, "head")) == (one == other)
