"""HyperMAML and HyperHIDRA as methods: meta-gradients, switch, shared features, checkpoints."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation import InnerLoop
from hidra_tf.checkpoints import Checkpoints
from hidra_tf.methods import build
from hidra_tf.methods.hyper import HyperMethod
from hidra_tf.training import make_optimizer

WAYS, EPSILON = 3, 1e-7
ORDER = [2, 0, 1]


@pytest.fixture(scope="module")
def make_method(make_backbone):
    def make(name, norm="transductive", steps=1, loud=True, ways=(WAYS,), **options):
        inner = InnerLoop(steps, 0.3)
        options = {"hyper_layers": 2, "hyper_width": 6, **options}
        method = build(name, make_backbone(norm), inner, ways, seed=5, **options)
        if loud:
            rng = np.random.default_rng(5)
            for variable in method.head.trainable_variables:
                variable.assign(0.5 * rng.normal(size=variable.shape))
        return method

    return make


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, shots=2, query_shots=2, tasks=2, seed=1)


def loss_with_constant_predictions(method, episodes, monkeypatch):
    """The query loss as a function of the variables, Ŷ kept as they are: no gradient passes them.

    One task after the other, so that each call of `predictions` is about a known one.
    """
    original, constants = method.head.predictions, []
    parts = zip(*(tf.split(array, 2) for array in episodes[:4]), strict=True)
    tasks = [Episodes(*part, episodes.ways) for part in parts]

    def compute():
        logits = [method.query_logits(task, [1])[:, 0] for task in tasks]
        own = tf.gather(
            tf.nn.log_softmax(tf.concat(logits, axis=0)), episodes.query_labels, batch_dims=2
        )
        return -tf.reduce_mean(own)

    def remember(*args):
        constants.append(original(*args))
        return constants[-1]

    with monkeypatch.context() as patch:
        patch.setattr(method.head, "predictions", remember)
        value = compute()
        kept = iter(constants)
        patch.setattr(method.head, "predictions", lambda *_: next(kept))
        loss = tf.function(compute)
        np.testing.assert_allclose(loss(), value, rtol=1e-12)
    return loss


GRADIENTS = [
    ("hypermaml", "transductive"),
    ("hypermaml", "none"),
    ("hyperhidra", "transductive"),
    ("hyperhidra", "support"),
    ("hyperhidra", "none"),
]


@pytest.mark.parametrize(("name", "norm"), GRADIENTS)
def test_meta_gradients_are_the_derivatives_of_equation_6(
    name, norm, make_method, episodes, numerical_gradient, monkeypatch
):
    method = make_method(name, norm)
    loss = loss_with_constant_predictions(method, episodes, monkeypatch)
    result = method.meta_gradients(episodes)
    np.testing.assert_allclose(result.loss, loss(), rtol=1e-10)
    sizes = []
    for variable, gradient in zip(method.variables, result.gradients, strict=True):
        value = variable.numpy()
        index = np.unravel_index(np.argmax(np.abs(gradient)), value.shape)

        def at(moved, variable=variable):
            variable.assign(moved)
            return loss()

        expected = numerical_gradient(at, value, [index], EPSILON)[0]
        variable.assign(value)
        np.testing.assert_allclose(
            gradient.numpy()[index], expected, rtol=1e-5, atol=1e-8, err_msg=variable.name
        )
        sizes.append(abs(expected))
    assert np.mean(np.array(sizes) > 1e-5) > 0.5


@pytest.mark.parametrize("name", ["hypermaml", "hyperhidra"])
def test_features_that_are_had_at_once_change_no_number(name, make_method, episodes, monkeypatch):
    method = make_method(name, "none")
    assert method.needs_features_only((0, 1))
    assert not method.needs_features_only((2,))
    shared = tf.nest.flatten(method.meta_gradients(episodes))
    monkeypatch.setattr(HyperMethod, "free_steps", 0)
    for one, other in zip(shared, tf.nest.flatten(method.meta_gradients(episodes)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["hypermaml", "hyperhidra"])
def test_what_is_logged_is_how_far_the_head_moved(name, make_method, episodes):
    method = make_method(name)
    metrics = method.meta_gradients(episodes).metrics
    norms = []
    for task in range(2):
        images = episodes.support_images[task]
        features, _ = method.backbone.support_features(method.backbone.variables, images)
        head = method.head.initial(WAYS)
        updated = method.first_step(head, features, episodes.support_labels[task])
        norms.append([np.linalg.norm(updated[i] - head[i]) for i in (0, 1)])
    weight, bias = np.mean(norms, axis=0)
    np.testing.assert_allclose(metrics["head_update/weight"], weight, rtol=1e-9)
    np.testing.assert_allclose(metrics["head_update/bias"], bias, rtol=1e-9)
    assert set(metrics) == set(method.metrics)
    evaluated = method.predictions(episodes, [0, 1]).metrics
    np.testing.assert_allclose(evaluated["head_update/weight"][:, 1], np.array(norms)[:, 0])
    np.testing.assert_allclose(evaluated["head_update/bias"][:, 1], np.array(norms)[:, 1])
    np.testing.assert_array_equal(evaluated["head_update/bias"][:, 0], [0, 0])


def relabelled(episodes, order):
    order = tf.constant(order, tf.int32)
    return episodes._replace(
        support_labels=tf.gather(order, episodes.support_labels),
        query_labels=tf.gather(order, episodes.query_labels),
    )


@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_hyperhidras_logits_follow_the_order_of_the_classes(norm, make_method, episodes):
    method = make_method("hyperhidra", norm)
    logits = method.query_logits(episodes, [0, 1, 2]).numpy()
    others = method.query_logits(relabelled(episodes, ORDER), [0, 1, 2]).numpy()
    np.testing.assert_allclose(others[..., ORDER], logits, rtol=1e-8, atol=1e-9)
    assert np.max(np.abs(others - logits)) > 1e-4


@pytest.mark.parametrize("ways", [2, 3, 6])
def test_hyperhidra_starts_as_hidra_with_one_step_at_any_number_of_ways(
    ways, make_method, make_episodes
):
    tasks = make_episodes(ways, shots=2, query_shots=2, tasks=2)
    ours = make_method("hyperhidra", loud=False, ways=(2, 6)).query_logits(tasks, [0, 1, 2])
    hidra = make_method("hidra", loud=False, ways=(2, 6)).query_logits(tasks, [0, 1, 2])
    np.testing.assert_allclose(ours, hidra, rtol=1e-9, atol=1e-12)


def test_the_master_does_not_matter_to_hyperhidra(make_method, episodes):
    """Fact 3 holds on: nothing that the hypernetwork sees knows of it."""
    method = make_method("hyperhidra")
    before = tf.nn.softmax(method.query_logits(episodes, [1]))
    for variable in method.head.neurons.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    after = tf.nn.softmax(method.query_logits(episodes, [1]))
    np.testing.assert_allclose(after, before, rtol=1e-8, atol=1e-12)


def test_the_shares_of_the_switch(make_method):
    method = make_method("hypermaml", switch=(10, 30))
    shares = [float(method.maml_share(step)) for step in (0, 10, 15, 25, 30, 99)]
    np.testing.assert_allclose(shares, [1, 1, 0.75, 0.25, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(("step", "p"), [(0, 1), (10, 1), (15, 0.75), (29, 0.05), (30, 0), (99, 0)])
def test_the_switch_mixes_the_losses_of_maml_and_hypermaml(step, p, make_method, episodes):
    method = make_method("hypermaml", switch=(10, 30))
    maml, hyper = (
        tf.nest.flatten(parts)
        for parts in (
            method.warm_up.meta_gradients(episodes),
            make_method("hypermaml").meta_gradients(episodes),
        )
    )
    mixed = tf.nest.flatten(method.meta_gradients(episodes, step))
    for ours, m, h in zip(mixed, maml, hyper, strict=True):
        np.testing.assert_allclose(ours, p * m + (1 - p) * h, rtol=1e-9, atol=1e-12)


def test_the_switch_begins_with_maml_itself(make_method, episodes):
    method, maml = make_method("hypermaml", switch=(10, 30), steps=2), make_method("maml", steps=2)
    for ours, theirs in zip(
        maml.head.trainable_variables, method.head.neurons.trainable_variables, strict=True
    ):
        ours.assign(theirs)
    ours, theirs = method.meta_gradients(episodes, 0), maml.meta_gradients(episodes)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-12)
    count = len(method.backbone.variables)
    for one, other in zip(ours.gradients[:count], theirs.gradients[:count], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("step", "branches"), [(5, 1), (10, 1), (20, 2), (30, 1)])
def test_outside_the_switch_one_of_the_two_is_computed(
    step, branches, make_method, episodes, monkeypatch
):
    calls, method = [], make_method("hypermaml", switch=(10, 30))
    for part in (method, method.warm_up):
        original = part._task_gradients

        def counted(task, original=original):
            calls.append(original)
            return original(task)

        monkeypatch.setattr(part, "_task_gradients", counted)
    method.meta_gradients(episodes, step)
    assert len({id(call.__self__) for call in calls}) == branches


def test_the_compiled_switch_is_the_same(make_method, episodes):
    method = make_method("hypermaml", "none", switch=(10, 30))
    compiled = tf.function(lambda step: method.meta_gradients(episodes, step))
    for step in (0, 20, 40):
        ours = tf.nest.flatten(compiled(tf.constant(step)))
        again = tf.nest.flatten(compiled(tf.constant(step)))
        for one, two, eager in zip(
            ours, again, tf.nest.flatten(method.meta_gradients(episodes, step)), strict=True
        ):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_allclose(one, eager, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["hypermaml", "hyperhidra"])
def test_a_checkpoint_brings_the_hypernetwork_back(name, make_method, episodes, tmp_path):
    method = make_method(name)
    before = method.query_logits(episodes, [1])
    optimizer = make_optimizer(method.variables, 1e-3)
    Checkpoints(tmp_path, method, optimizer, print).save()
    other = make_method(name, loud=False)
    assert np.max(np.abs(other.query_logits(episodes, [1]) - before)) > 1e-3
    assert Checkpoints(tmp_path, other, None, print).restore_last()
    np.testing.assert_array_equal(other.query_logits(episodes, [1]), before)


@pytest.mark.parametrize(
    ("name", "head"), [("hypermaml", "master"), ("hypermaml", "zero"), ("hyperhidra", "per_class")]
)
def test_a_head_of_the_wrong_kind_is_refused(name, head, make_method):
    with pytest.raises(UserError, match=rf"{name} has a .*received .*{head}"):
        make_method(name, head=head)


def test_hyperhidras_step_is_that_of_the_softmax(make_backbone):
    inner = InnerLoop(1, 0.3, loss="sigmoid")
    with pytest.raises(UserError, match="received a master head and sigmoid"):
        build("hyperhidra", make_backbone("none"), inner, (WAYS,), seed=0)
