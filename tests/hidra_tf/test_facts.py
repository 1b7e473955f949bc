"""The four facts of HIDRA's mathematics, in float64, each with a case in which it would not hold.

`InnerLoop(exact=False)` finds every step by differentiation: the facts are not built into it.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead, MasterHead
from hidra_tf.methods import build
from hidra_tf.options import ADAPTABLE

LEARNING_RATE = 0.4
# Far above rounding (1e-14) and every tolerance below.
NOTICEABLE = 1e-4
# 30 of the 180 combinations: any two values of different columns meet in one of them.
GRID = [
    (norm, first_order, steps, (2, 3, 5)[(i // 3 + steps) % 3], 1 + (i // 3 + steps) % 2)
    for i, (norm, first_order, steps) in enumerate(
        itertools.product(ADAPTABLE, (False, True), (1, 2, 3))
    )
]


def first_task(episodes):
    return Episodes(*(array[0] for array in episodes[:4]), episodes.ways)


def trajectory(method, task, steps, tied=None, exact=False):
    """The weights after 0 … `steps` steps."""
    inner = InnerLoop(steps, LEARNING_RATE, exact=exact)
    start = method.initialization(task.ways)
    tied = method.head.tied if tied is None else tied
    images, labels = task.support_images, task.support_labels
    return inner.trajectory(method.backbone, start, tied, images, labels, range(steps + 1))


def backbone_movement(before, after):
    """The largest change of any weight of the backbone."""
    pairs = zip(before.backbone, after.backbone, strict=True)
    return max(np.max(np.abs(a - b)) for a, b in pairs)


def randomise(head, scale=1.0):
    rng = np.random.default_rng(7)
    for variable in head.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))


def shifted_to_mean_zero(logits):
    """What predictions depend on: logits up to a shift shared by all classes."""
    return logits - np.mean(logits, axis=-1, keepdims=True)


# Fact 1: the first inner step leaves the backbone untouched.


@pytest.mark.parametrize("norm", ADAPTABLE)
def test_the_first_step_of_a_tied_head_leaves_the_backbone_untouched(
    norm, make_backbone, make_episodes
):
    method = build("hidra", make_backbone(norm, adapt_norm=True), InnerLoop(1, LEARNING_RATE), (3,))
    randomise(method.head)
    start, first, second = trajectory(method, first_task(make_episodes(3, shots=2)), 2)
    assert backbone_movement(start, first) < 1e-14
    # The head has moved, and then nothing protects the backbone any more.
    assert np.max(np.abs(first.head.kernel - start.head.kernel)) > NOTICEABLE
    assert backbone_movement(first, second) > NOTICEABLE


def test_the_first_step_of_an_untied_head_moves_the_backbone(make_backbone, make_episodes):
    method = build("maml", make_backbone("transductive"), InnerLoop(1, LEARNING_RATE), (3,))
    start, first = trajectory(method, first_task(make_episodes(3, shots=2)), 1)
    assert backbone_movement(start, first) > NOTICEABLE


# Fact 2: the first step has a closed form.


def both_ways(backbone, episodes, steps, first_order):
    """Per inner loop, closed form first: logits after 0 … `steps` steps, and meta-gradients."""
    for exact in (True, False):
        inner = InnerLoop(steps, LEARNING_RATE, exact=exact)
        method = build("hidra", backbone, inner, (3,), seed=3, first_order=first_order)
        method.head.bias.assign(0.5)
        yield (
            method.query_logits(episodes, range(steps + 1)).numpy(),
            method.meta_gradients(episodes),
        )


@pytest.mark.parametrize(("norm", "first_order", "steps", "ways", "shots"), GRID)
def test_the_closed_form_equals_the_step_by_differentiation(
    norm, first_order, steps, ways, shots, make_backbone, make_episodes
):
    episodes = make_episodes(ways, shots, query_shots=2)
    backbone = make_backbone(norm, adapt_norm=steps == 2, blocks=2)
    closed, generic = both_ways(backbone, episodes, steps, first_order)
    np.testing.assert_allclose(closed[0], generic[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(closed[1].loss, generic[1].loss, rtol=1e-9)
    assert max(np.max(np.abs(g)) for g in generic[1].gradients) > NOTICEABLE
    for ours, theirs in zip(closed[1].gradients, generic[1].gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_closed_form_holds_for_tied_heads_only(make_backbone, make_episodes):
    method = build("maml", make_backbone("none"), InnerLoop(1, LEARNING_RATE), (3,))
    task = first_task(make_episodes(3, shots=2))
    closed = trajectory(method, task, 1, tied=True, exact=True)[1].head
    generic = trajectory(method, task, 1, tied=True, exact=False)[1].head
    assert np.max(np.abs(closed.kernel - generic.kernel)) > NOTICEABLE


# Fact 3: the master is a gauge.


def outcome(method, episodes):
    """Logits up to a shift after every step, the loss, and the backbone's meta-gradients."""
    result = method.meta_gradients(episodes)
    logits = method.query_logits(episodes, range(1, method.inner.steps + 1)).numpy()
    count = len(method.backbone.variables)
    return [shifted_to_mean_zero(logits), result.loss, *result.gradients[:count]]


def difference_made_by_the_head(method, episodes):
    """The largest difference between the outcomes of a random and of a zero head."""
    outcomes = []
    for scale in (1.0, 0.0):
        randomise(method.head, scale)
        outcomes.append(outcome(method, episodes))
    return max(np.max(np.abs(a - b)) for a, b in zip(*outcomes, strict=True))


@pytest.mark.parametrize("exact", [True, False], ids=["closed", "generic"])
@pytest.mark.parametrize(
    ("norm", "steps"), [("transductive", 1), ("support", 2), ("affine", 3), ("transductive", 3)]
)
def test_a_random_master_gives_what_a_zero_master_gives(
    norm, steps, exact, make_backbone, make_episodes
):
    inner = InnerLoop(steps, LEARNING_RATE, exact=exact)
    method = build("hidra", make_backbone(norm, blocks=2), inner, (3,))
    episodes = make_episodes(3, shots=2, query_shots=2)
    assert difference_made_by_the_head(method, episodes) < 1e-9
    assert max(np.max(np.abs(part)) for part in outcome(method, episodes)) > NOTICEABLE


@pytest.mark.parametrize("steps", [1, 3])
def test_a_zero_head_gives_what_a_master_gives(steps, make_backbone, make_episodes):
    """Losses, logits up to a shift, and the backbone's meta-gradients."""
    backbone, inner = make_backbone("support"), InnerLoop(steps, LEARNING_RATE)
    master, zero = (build("hidra", backbone, inner, (3,), head=head) for head in ("master", "zero"))
    randomise(master.head)
    assert not zero.head.trainable_variables
    episodes = make_episodes(3, shots=2, query_shots=2)
    for ours, theirs in zip(outcome(zero, episodes), outcome(master, episodes), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("exact", [True, False], ids=["closed", "generic"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_gradient_at_the_master_is_zero(steps, exact, make_backbone, make_episodes):
    method = build(
        "hidra", make_backbone("support"), InnerLoop(steps, LEARNING_RATE, exact=exact), (3,)
    )
    randomise(method.head)
    result = method.meta_gradients(make_episodes(3, shots=2, query_shots=2))
    bias, kernel = result.gradients[-2:]
    assert abs(bias) < 1e-12
    assert np.max(np.abs(kernel)) < 1e-12


def test_an_untied_head_matters(make_backbone, make_episodes):
    method = build("maml", make_backbone("transductive"), InnerLoop(1, LEARNING_RATE), (3,))
    assert difference_made_by_the_head(method, make_episodes(3, 2, 2)) > NOTICEABLE


def test_the_master_matters_without_a_softmax(make_backbone, make_episodes):
    method = build(
        "hidra", make_backbone("transductive"), InnerLoop(1, LEARNING_RATE, loss="sigmoid"), (3,)
    )
    episodes = make_episodes(3, 2, 2)
    assert difference_made_by_the_head(method, episodes) > NOTICEABLE
    assert np.max(np.abs(method.meta_gradients(episodes).gradients[-1])) > NOTICEABLE


def test_without_a_softmax_the_first_step_moves_the_backbone_and_is_differentiated(
    make_backbone, make_episodes, numerical_gradient
):
    backbone = make_backbone("affine")
    method = build("hidra", backbone, InnerLoop(1, LEARNING_RATE, loss="sigmoid"), (3,))
    randomise(method.head)
    assert not method.needs_features_only((1,))
    episodes = make_episodes(3, 2, 2)
    start, first = method.adaptation(first_task(episodes))((0, 1))
    assert backbone_movement(start, first) > NOTICEABLE
    kernel = backbone.variables[0].value
    logits = tf.function(lambda: method.query_logits(episodes, [1])[:, 0])

    def loss(value):
        kernel.assign(value)
        return method.loss(episodes.query_labels, logits())[0]

    value, indices = kernel.numpy(), [(0, 0, 0, 0), (1, 2, 0, 1), (2, 1, 0, 2)]
    expected = numerical_gradient(loss, value, indices, 1e-7)
    kernel.assign(value)
    gradient = method.meta_gradients(episodes).gradients[0].numpy()
    np.testing.assert_allclose([gradient[i] for i in indices], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_master_that_matters_gets_the_mean_of_its_copies_gradients(
    steps, make_backbone, make_episodes, numerical_gradient
):
    """Under a softmax the gradient is zero, and a sum could not be told from a mean."""
    method = build(
        "hidra", make_backbone("support"), InnerLoop(steps, LEARNING_RATE, loss="sigmoid"), (3,)
    )
    randomise(method.head)
    episodes, ways = make_episodes(3, 2, 2), 3
    logits = tf.function(lambda: method.query_logits(episodes, [steps])[:, 0])

    def loss(kernel):
        method.head.kernel.assign(kernel)
        return method.loss(episodes.query_labels, logits())[0]

    derivative = numerical_gradient(loss, method.head.kernel.numpy())
    randomise(method.head)
    gradient = method.meta_gradients(episodes).gradients[-1]
    assert np.max(np.abs(derivative)) > NOTICEABLE
    np.testing.assert_allclose(gradient, derivative / ways, rtol=1e-6, atol=1e-9)


# Fact 4: the mean over C·K images makes a neuron's step shrink as 1/C.


def neuron_step(ways, shots, tied, reduction="mean"):
    """How far the first neuron moves, if only its own class's images are not black."""
    model = keras.Sequential(
        [keras.Input((2, 2, 1), dtype="float64"), keras.layers.Flatten(dtype="float64")]
    )
    backbone = Backbone(model, "none")
    picture = np.random.default_rng(0).random((2, 2, 1))
    images = np.zeros((ways * shots, 2, 2, 1))
    images[:shots] = picture
    labels = tf.repeat(tf.range(ways), shots)
    head = MasterHead(4, 0, "float64") if tied else FixedHead(4, ways, 0, "float64")
    start = TaskWeights([], head.initial(ways))
    loop = InnerLoop(1, LEARNING_RATE, exact=False, reduction=reduction)
    (stepped,) = loop.trajectory(backbone, start, tied, tf.constant(images), labels, (1,))
    return (stepped.head.kernel - start.head.kernel)[:, 0] / np.ravel(picture)


@pytest.mark.parametrize("shots", [1, 3])
@pytest.mark.parametrize("ways", [2, 3, 5, 10])
def test_a_neurons_first_step_shrinks_as_the_number_of_classes_grows(ways, shots):
    """K images, each with the residual 1 − 1/C, over C·K: the shots cancel, the ways do not."""
    expected = LEARNING_RATE * (1 - 1 / ways) / ways
    np.testing.assert_allclose(neuron_step(ways, shots, tied=True), expected, rtol=1e-12)


@pytest.mark.parametrize("ways", [2, 5])
def test_a_sum_over_the_classes_keeps_the_step(ways):
    expected = LEARNING_RATE * (1 - 1 / ways)
    step = neuron_step(ways, 3, tied=True, reduction="per_class")
    np.testing.assert_allclose(step, expected, rtol=1e-12)


def test_an_untied_neuron_steps_otherwise():
    """Its residual is 1 − p, and p depends on the neurons."""
    assert np.max(np.abs(neuron_step(5, 1, tied=False) - LEARNING_RATE * 4 / 25)) > NOTICEABLE
