"""The weights of two builds of one backbone: each has its counterpart, or one line says why."""

import keras
import numpy as np
import pytest

from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.backbones.pairing import check_untrained, paired
from hidra_tf.backbones.resnet12 import resnet12

L = keras.layers
IMAGE = (16, 16, 1)


def functional():
    """Names by Keras: conv2d_7 in one build, conv2d_9 in the next."""
    images = keras.Input(IMAGE)
    first = L.Conv2D(2, 3, padding="same")(images)
    second = L.Conv2D(2, 3, padding="same")(first)
    return keras.Model(images, L.Flatten()(L.Add()([first, second])))


def nested():
    """Models within a model whose variables share their paths, and a layer that is used twice."""
    images = keras.Input(IMAGE)
    shared = L.Conv2D(1, 3, padding="same", name="shared")

    def inner(name):
        pictures = keras.Input(IMAGE)
        hidden = L.Conv2D(2, 3, name="conv")(pictures)
        return keras.Model(pictures, L.Flatten()(hidden), name=name)

    hidden = shared(shared(images))
    features = L.Concatenate()([inner("left")(hidden), inner("right")(hidden)])
    return keras.Model(images, L.Dense(3)(features))


BUILDS = {
    "conv4": (lambda: conv4(IMAGE, 2), 12),
    "resnet12": (lambda: resnet12(IMAGE, 1), 48),
    "functional": (functional, 4),
    "nested": (nested, 8),
}


@pytest.mark.parametrize("name", BUILDS)
def test_every_variable_is_paired_with_its_counterpart(name):
    build, count = BUILDS[name]
    theirs, ours = (build().trainable_variables for _ in range(2))
    pairs = paired(theirs, ours)
    assert len(theirs) == len(ours) == len(pairs) == count
    for pair, there, here in zip(pairs, theirs, ours, strict=True):
        assert pair[0] is there
        assert pair[1] is here


def test_the_numbers_of_automatic_names_may_differ_and_paths_may_repeat():
    """What the test above is about."""
    first, second = (functional().trainable_variables for _ in range(2))
    assert not {v.path for v in first} & {v.path for v in second}
    paths = [v.path for v in nested().trainable_variables]
    assert len(set(paths)) < len(paths)


def named(*names, filters=2):
    """Convolutions that are called so, in this order."""
    images = hidden = keras.Input(IMAGE)
    for name in names:
        hidden = L.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(hidden)
    return keras.Model(images, hidden)


def test_paths_that_all_agree_decide_and_not_the_order():
    theirs, ours = named("first", "a", "b"), named("first", "b", "a")
    pairs = paired(theirs.trainable_variables, ours.trainable_variables)
    assert [(there.path, here.path) for there, here in pairs] == [
        (path, path) for path in ("first/kernel", "b/kernel", "a/kernel")
    ]


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        (
            named("a", "b"),
            named("a"),
            "1 of 2 weights differ: b/kernel is 3 × 3 × 2 × 2 there and missing here",
        ),
        (
            named("a"),
            named("a", "b"),
            "1 of 2 weights differ: b/kernel is missing there and 3 × 3 × 2 × 2 here",
        ),
        (
            named("a", "b"),
            named("a", "c"),
            "2 of 3 weights differ: c/kernel is missing there and 3 × 3 × 2 × 2 here, "
            "b/kernel is 3 × 3 × 2 × 2 there and missing here",
        ),
        (
            named("a", "b", "c", "d"),
            named("a", "b", "c", "d", filters=3),
            "4 of 4 weights differ: a/kernel is 3 × 3 × 1 × 2 there and 3 × 3 × 1 × 3 here, "
            "b/kernel is 3 × 3 × 2 × 2 there and 3 × 3 × 3 × 3 here, "
            "c/kernel is 3 × 3 × 2 × 2 there and 3 × 3 × 3 × 3 here, …",
        ),
    ],
)
def test_differences_are_named_in_one_line(theirs, ours, message):
    with pytest.raises(ValueError, match="differ") as caught:
        paired(theirs.trainable_variables, ours.trainable_variables)
    assert str(caught.value) == message


def frozen():
    """What training leaves alone: a frozen kernel, and the statistics of a normalisation."""
    images = keras.Input(IMAGE)
    hidden = L.Conv2D(2, 3, name="frozen", trainable=False)(images)
    hidden = TaskNormalization(name="norm")(hidden)
    return keras.Model(images, L.Dense(2)(L.Flatten()(hidden)))


@pytest.mark.parametrize("path", ["frozen/kernel", "norm/variance"])
def test_what_is_not_trained_must_be_equal(path):
    theirs, ours = frozen(), frozen()
    assert len(theirs.non_trainable_variables) == 4
    ours.set_weights(theirs.get_weights())
    check_untrained(theirs, ours)
    (variable,) = (v for v in ours.variables if v.path == path)
    variable.assign(variable + 1)
    with pytest.raises(ValueError, match="differ") as caught:
        check_untrained(theirs, ours)
    assert (
        str(caught.value)
        == f"1 of 4 weights differ: {path} is not trained and has other values there"
    )


def test_values_are_no_part_of_the_pairing():
    theirs, ours = named("a"), named("a")
    assert np.any(theirs.get_weights()[0] != ours.get_weights()[0])
    assert len(paired(theirs.variables, ours.variables)) == 1
