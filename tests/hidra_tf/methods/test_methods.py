"""Meta-gradients against finite differences, and what all methods have in common."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation import inner_loop
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import METHODS, build, is_fixed_way, trains, uses
from hidra_tf.options import ADAPTABLE, HEADS

LEARNING_RATE = 0.3
WAYS = 3
COORDINATES = 3
# Methods whose neurons are not drawn.
WITHOUT_NEURONS = (
    "protonet", "finetune", "baseline_pp", "proto_maml", "r2d2", "matching_net", "relation_net",
    "hypershot",
)  # fmt: skip
# So small that no ReLU and no maximum switches within it, where a derivative jumps.
EPSILON = 1e-7


def learned_by_the_head(method):
    """The variables of what follows the backbone; of a method without, such as `protonet`, none."""
    names = ("head", "classifier", "solver", "contexts", "relation", "hypernetwork")
    parts = filter(None, (getattr(method, name, None) for name in names))
    return [v for p in parts for v in getattr(p, "trainable_variables", None) or p.variables]


@pytest.fixture(scope="session")
def make_method(make_backbone, rows):
    def make(name, norm="transductive", steps=1, adapt_norm=False, exact=True, blocks=4, **options):
        options = rows[name].settings | options
        inner = InnerLoop(steps, LEARNING_RATE, exact=exact)
        backbone = make_backbone(norm, adapt_norm=adapt_norm, blocks=blocks)
        method = build(name, backbone, inner, (WAYS,), seed=5, **options)
        for variable in learned_by_the_head(method):
            variable.assign(np.random.default_rng(5).normal(size=variable.shape))
        return method

    return make


@pytest.fixture(scope="session")
def episodes(make_episodes):
    return make_episodes(WAYS, shots=2, query_shots=2, tasks=2, seed=1)


def some_coordinates(variable, seed):
    rng = np.random.default_rng(seed)
    every = list(np.ndindex(*variable.shape))
    return [every[i] for i in rng.permutation(len(every))[:COORDINATES]]


def meta_loss(method, episodes):
    """The mean query loss after adaptation: no derivative but those of the inner loop."""

    @tf.function
    def loss():
        logits = method.query_logits(episodes, [method.steps])[:, 0]
        log_probabilities = tf.nn.log_softmax(logits)
        own = tf.gather(log_probabilities, episodes.query_labels, batch_dims=2)
        return -tf.reduce_mean(own)

    return loss


def slopes(variable, loss, indices, numerical_gradient):
    """∂loss/∂variable at `indices`."""
    value = variable.numpy()

    def at(moved):
        variable.assign(moved)
        return loss()

    result = numerical_gradient(at, value, indices, EPSILON)
    variable.assign(value)
    return result


def test_every_method_has_a_row_in_the_grid(rows):
    assert list(rows) == list(METHODS)


def test_meta_gradients_are_the_derivatives_of_the_query_loss(
    gradient_case, make_method, episodes, numerical_gradient
):
    name, exact, norm, steps, adapt_norm = gradient_case
    method = make_method(name, norm, steps, adapt_norm, exact=exact)
    result, loss = method.meta_gradients(episodes), meta_loss(method, episodes)
    np.testing.assert_allclose(result.loss, loss(), rtol=1e-12)
    sizes = []
    pairs = zip(method.variables, result.gradients, strict=True)
    for position, (variable, gradient) in enumerate(pairs):
        indices = some_coordinates(variable, position)
        expected = slopes(variable, loss, indices, numerical_gradient)
        if name == "hidra" and position >= len(method.backbone.variables):
            expected = expected / WAYS
        ours = [gradient.numpy()[index] for index in indices]
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-8, err_msg=variable.name)
        sizes.append(np.max(np.abs(expected)))
    # The comparison is not one of zeros.
    assert np.mean(np.array(sizes) > 1e-4) > 0.5


@pytest.mark.parametrize("name", ["maml", "hidra"])
def test_second_derivatives_make_a_difference(name, make_method, episodes):
    """Otherwise the test above could not tell a meta-gradient from its first-order part."""
    full, first = (
        make_method(name, steps=2, first_order=first_order).meta_gradients(episodes)
        for first_order in (False, True)
    )
    np.testing.assert_allclose(full.loss, first.loss, rtol=1e-12)
    count = len(make_method(name).backbone.variables)
    differences = [
        np.max(np.abs(a - b))
        for a, b in zip(full.gradients[:count], first.gradients[:count], strict=True)
    ]
    assert max(differences) > 1e-3


def adapted_weights(method, task):
    inner = method.inner
    (last,) = inner.trajectory(
        method.backbone,
        method.initialization(WAYS),
        method.head.tied,
        task.support_images,
        task.support_labels,
        (inner.steps,),
    )
    return last


def loss_at(method, task):
    """Adapted weights, as a flat list → query loss."""

    @tf.function
    def loss(*flat):
        weights = TaskWeights(list(flat[:-2]), HeadWeights(*flat[-2:]))
        logits = inner_loop.query_logits(
            method.backbone, task.support_images, task.query_images, weights
        )
        own = tf.gather(tf.nn.log_softmax(logits), task.query_labels, batch_dims=1)
        return -tf.reduce_mean(own)

    return loss


@pytest.mark.parametrize(
    ("name", "norm", "steps"),
    [("maml", "transductive", 2), ("maml", "support", 1), ("hidra", "support", 2)],
)
def test_first_order_meta_gradients_are_those_at_the_adapted_weights(
    name, norm, steps, make_method, make_episodes, numerical_gradient
):
    batch = make_episodes(WAYS, shots=2, query_shots=2)
    task = Episodes(*(array[0] for array in batch[:4]), batch.ways)
    method = make_method(name, norm, steps, first_order=True)
    gradients = method.meta_gradients(batch).gradients
    adapted = adapted_weights(method, task)
    flat, loss = [*adapted.backbone, *adapted.head], loss_at(method, task)
    for position in range(len(method.backbone.variables)):
        indices = some_coordinates(flat[position], position)

        def at(value, position=position):
            return loss(*flat[:position], tf.constant(value), *flat[position + 1 :])

        expected = numerical_gradient(at, flat[position].numpy(), indices, EPSILON)
        ours = [gradients[position].numpy()[index] for index in indices]
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-8)


def relabelled(episodes, order):
    """The same tasks with class c called order[c]."""
    order = tf.constant(order, tf.int32)
    return episodes._replace(
        support_labels=tf.gather(order, episodes.support_labels),
        query_labels=tf.gather(order, episodes.query_labels),
    )


ORDER = [2, 0, 1]


@pytest.mark.parametrize("exact", [True, False], ids=["closed", "generic"])
@pytest.mark.parametrize("norm", ADAPTABLE)
def test_hidras_logits_follow_the_order_of_the_classes(norm, exact, make_method, episodes):
    method = make_method("hidra", norm, steps=2, exact=exact)
    logits = method.query_logits(episodes, [0, 1, 2]).numpy()
    others = method.query_logits(relabelled(episodes, ORDER), [0, 1, 2]).numpy()
    np.testing.assert_allclose(others[..., ORDER], logits, rtol=1e-9, atol=1e-10)
    assert np.max(np.abs(others - logits)) > 1e-4


def single_tasks(episodes):
    for i in range(len(episodes.support_images)):
        yield Episodes(*(array[i : i + 1] for array in episodes[:4]), episodes.ways)


@pytest.mark.parametrize("name", ["maml", "hidra"])
def test_meta_gradients_are_the_mean_over_the_tasks(name, make_method, episodes):
    method = make_method(name)
    singles = [method.meta_gradients(task) for task in single_tasks(episodes)]
    assert singles[0].loss != singles[1].loss
    together = tf.nest.flatten(method.meta_gradients(episodes))
    for mean, *parts in zip(together, *map(tf.nest.flatten, singles), strict=True):
        np.testing.assert_allclose(mean, np.mean(parts, axis=0), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", METHODS)
def test_tasks_do_not_see_one_another(name, make_method, episodes):
    method = make_method(name, blocks=1)
    singles = [method.query_logits(task, [1])[0] for task in single_tasks(episodes)]
    np.testing.assert_allclose(method.query_logits(episodes, [1]), singles, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_one_adaptation_gives_every_number_of_steps(name, make_method, episodes):
    method = make_method(name, blocks=1)
    together = method.query_logits(episodes, [0, 1, 3])
    apart = [method.query_logits(episodes, [steps])[:, 0] for steps in (0, 1, 3)]
    np.testing.assert_allclose(together, np.stack(apart, axis=1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", METHODS)
def test_features_that_are_had_at_once_give_the_same_predictions(name, make_method, episodes):
    method = make_method(name, "none", blocks=1)
    at_steps = (0, 1) if method.needs_features_only((1,)) else (0,)
    found = method.predictions_of_features(method.with_features(episodes), at_steps)
    expected = method.predictions(episodes, at_steps)
    assert found.metrics.keys() == expected.metrics.keys() == set(method.metrics)
    for ours, theirs in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["hidra", "maml", "fomaml", "reptile", "anil"])
def test_every_head_goes_with_every_gradient_method_and_loss(
    name, head, make_backbone, make_episodes
):
    inner = InnerLoop(1, LEARNING_RATE, loss="sigmoid", reduction="per_class")
    method = build(name, make_backbone("affine", filters=1), inner, (WAYS,), seed=5, head=head)
    batch = make_episodes(WAYS)
    result = method.meta_gradients(batch)
    logits = method.query_logits(batch, [1])[:, 0]
    expected = method.loss(batch.query_labels, logits)[0]
    np.testing.assert_allclose(result.loss, expected, rtol=1e-12)
    for gradient, variable in zip(result.gradients, method.variables, strict=True):
        assert np.all(np.isfinite(gradient))
        assert gradient.shape == variable.shape


@pytest.mark.parametrize("name", ["maml", "hidra"])
def test_repeated_and_compiled_meta_gradients_agree(name, make_method, episodes):
    method = make_method(name)
    first = tf.nest.flatten(method.meta_gradients(episodes))
    again = tf.nest.flatten(method.meta_gradients(episodes))
    compiled = tf.nest.flatten(tf.function(method.meta_gradients)(episodes))
    for one, two, three in zip(first, again, compiled, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(one, three, rtol=1e-10, atol=1e-12)


def test_one_compiled_function_serves_every_number_of_ways(make_method, make_episodes):
    """One trace, as in training: C is a tensor there."""
    method = make_method("hidra", "none", steps=2)
    images = tf.TensorSpec((None, None, 16, 16, 1), tf.float64)
    labels = tf.TensorSpec((None, None), tf.int32)
    signature = Episodes(images, labels, images, labels, tf.TensorSpec((), tf.int32))
    compiled = tf.function(method.meta_gradients, input_signature=[signature])
    for ways in (2, 5):
        batch = make_episodes(ways)
        expected = tf.nest.flatten(method.meta_gradients(batch))
        for ours, eager in zip(tf.nest.flatten(compiled(batch)), expected, strict=True):
            np.testing.assert_allclose(ours, eager, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_builds_and_knows_its_ways(name, make_method):
    method = make_method(name)
    method.check_ways(WAYS)
    head = getattr(method, "head", getattr(method, "hypernetwork", None))
    assert getattr(head, "fixed_ways", None) == (WAYS if is_fixed_way(name) else None)
    assert trains(name) == (name != "random")


@pytest.mark.parametrize("name", METHODS)
def test_the_backbones_variables_come_first(name, make_method):
    method = make_method(name)
    count = len(method.backbone.variables)
    for ours, theirs in zip(method.variables[:count], method.backbone.variables, strict=True):
        assert ours is theirs.value
    known = [*learned_by_the_head(method), *method.undecayed]
    assert len(method.variables) == count + len({id(variable) for variable in known})


@pytest.fixture(scope="module")
def outcome(make_method, episodes):
    """What a method computes, with one of its settings or without."""

    @functools.cache
    def compute(name, setting=None):
        options = {} if setting is None else {setting: True}
        method = make_method(name, "support", steps=2, blocks=1, **options)
        logits = method.query_logits(episodes, [2])
        if not trains(name) or METHODS[name].batches:
            return [logits]
        return [logits, *method.meta_gradients(episodes).gradients]

    return compute


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("setting", ["first_order", "adapt_norm"])
def test_a_setting_changes_something_if_and_only_if_the_method_has_a_use_for_it(
    name, setting, outcome
):
    pairs = zip(outcome(name), outcome(name, setting), strict=True)
    changed = any(np.max(np.abs(a - b)) > 1e-9 for a, b in pairs)
    assert changed == uses(name, setting)


def test_a_fixed_head_needs_one_number_of_ways(make_backbone):
    inner = InnerLoop(1, LEARNING_RATE)
    with pytest.raises(ValueError, match="maml needs one number of ways; received 2"):
        build("maml", make_backbone("none"), inner, (2, 3), seed=0)


@pytest.mark.parametrize("name", [name for name in METHODS if is_fixed_way(name)])
def test_other_ways_than_the_trained_ones_are_refused_and_a_method_for_them_is_named(
    name, make_method
):
    other = METHODS[name].any_way
    assert not is_fixed_way(other)
    with pytest.raises(UserError, match=rf"made for 3 ways.*received 5.*`method={other}` takes"):
        make_method(name).check_ways(5)


@pytest.mark.parametrize("name", ["hidra", "random"])
def test_a_task_of_one_class_is_refused(name, make_method):
    with pytest.raises(UserError, match="1"):
        make_method(name).check_ways(1)


@pytest.mark.parametrize("name", [n for n in METHODS if n not in WITHOUT_NEURONS])
def test_the_head_is_not_a_copy_of_the_first_kernel(name):
    """Neurons and kernels drawn with one seed are still to be independent of each other."""
    backbone = Backbone(conv4((16, 16, 1), 32, "none", seed=0), "none")
    method = build(name, backbone, InnerLoop(1, LEARNING_RATE), (WAYS,), seed=0)
    first_kernel = np.ravel(backbone.model.get_layer("block_1").kernel)[:32]
    for order in "CF":
        neurons = np.ravel(method.initialization(WAYS).head.kernel, order)[:32]
        assert abs(np.corrcoef(neurons, first_kernel)[0, 1]) < 0.7


@pytest.mark.parametrize("norm", ["affine", "transductive"])
def test_no_inner_steps_at_all_are_plain_training(norm, make_method, episodes):
    result = make_method("hidra", norm, steps=0).meta_gradients(episodes)
    assert np.isfinite(result.loss)
    assert [float(value) for value in result.metrics.values()] == [0, 0]
