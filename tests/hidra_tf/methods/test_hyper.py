"""HyperMAML and HyperHIDRA as methods: meta-gradients, switch, shared features, checkpoints."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.hyper_heads import AnyWayHyperHead
from hidra_tf.heads.midpoint_head import MidpointHyperHead
from hidra_tf.methods import build
from hidra_tf.methods.hyper import HyperMethod
from hidra_tf.methods.objective import PREDICTION
from hidra_tf.options import CORRECTIONS
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.training.optimizers import make_optimizer

WAYS, SHOTS, TASKS, ALPHA, EPSILON = 3, 2, 2, 0.3, 1e-7
ORDER = [2, 0, 1]
SWITCH = (10, 30)
# The form of hyperhidra's correction that earlier runs have.
STEP = {"correction": "step"}
corrections = pytest.mark.parametrize("correction", CORRECTIONS)


@pytest.fixture(scope="module")
def make_method(make_backbone):
    def make(
        name, norm="transductive", steps=1, loud=True, ways=(WAYS,), first_order=False, **options
    ):
        inner = InnerLoop(steps, ALPHA)
        # With a width of 6 not one of hyperhidra's units is alive.
        options = {"hyper_layers": 2, "hyper_width": 32, "first_order": first_order, **options}
        method = build(name, make_backbone(norm), inner, ways, seed=5, **options)
        if loud:
            rng = np.random.default_rng(5)
            for variable in method.head.trainable_variables:
                variable.assign(0.5 * rng.normal(size=variable.shape))
        return method

    return make


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, SHOTS, query_shots=2, tasks=TASKS, seed=1)


def loss_with_constant_predictions(method, episodes, monkeypatch):
    """The query loss as a function of the variables, Ŷ kept as they are: no gradient passes them.

    One task after the other, so that each call of `predictions` is about a known one.
    """
    original, constants = method.head.predictions, []
    parts = zip(*(tf.split(array, TASKS) for array in episodes[:4]), strict=True)
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
    ("hypermaml", "transductive", {}),
    ("hypermaml", "none", {}),
    ("hyperhidra", "transductive", {}),
    ("hyperhidra", "support", {}),
    ("hyperhidra", "none", {}),
    ("hyperhidra", "transductive", STEP),
    ("hyperhidra", "support", STEP),
    ("hyperhidra", "none", STEP),
]


def check_gradients(method, gradients, loss, numerical_gradient):
    """Compares the largest derivative by each variable; returns the sizes of those expected."""
    sizes = []
    for variable, gradient in zip(method.variables, gradients, strict=True):
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
    return np.array(sizes)


@pytest.mark.parametrize(("name", "norm", "options"), GRADIENTS)
def test_meta_gradients_are_the_derivatives_of_equation_6(
    name, norm, options, make_method, episodes, numerical_gradient, monkeypatch
):
    method = make_method(name, norm, **options)
    loss = loss_with_constant_predictions(method, episodes, monkeypatch)
    result = method.meta_gradients(episodes)
    np.testing.assert_allclose(result.loss, loss(), rtol=1e-10)
    sizes = check_gradients(method, result.gradients, loss, numerical_gradient)
    assert np.mean(sizes > 1e-5) > 0.5


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
    for task in range(TASKS):
        images = episodes.support_images[task]
        features, _ = method.backbone.support_features(method.backbone.variables, images)
        head = method.head.initial(WAYS)
        updated = method.first_step(head, features, episodes.support_labels[task], PREDICTION)
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


@corrections
@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_hyperhidras_logits_follow_the_order_of_the_classes(
    norm, correction, make_method, episodes
):
    method = make_method("hyperhidra", norm, correction=correction)
    logits = method.query_logits(episodes, [0, 1, 2]).numpy()
    others = method.query_logits(relabelled(episodes, ORDER), [0, 1, 2]).numpy()
    np.testing.assert_allclose(others[..., ORDER], logits, rtol=1e-8, atol=1e-9)
    assert np.max(np.abs(others - logits)) > 1e-4


@corrections
@pytest.mark.parametrize("ways", [2, 3, 6])
def test_hyperhidra_starts_as_hidra_with_one_step_at_any_number_of_ways(
    ways, correction, make_method, make_episodes
):
    tasks = make_episodes(ways, shots=2, query_shots=2, tasks=2)
    untrained = make_method("hyperhidra", loud=False, ways=(2, 6), correction=correction)
    ours = untrained.query_logits(tasks, [0, 1, 2])
    hidra = make_method("hidra", loud=False, ways=(2, 6)).query_logits(tasks, [0, 1, 2])
    np.testing.assert_allclose(ours, hidra, rtol=1e-9, atol=1e-12)


@corrections
def test_the_master_does_not_matter_to_hyperhidra(correction, make_method, episodes):
    """Fact 3 holds on: nothing that the hypernetwork sees knows of it."""
    method = make_method("hyperhidra", correction=correction)
    before = tf.nn.softmax(method.query_logits(episodes, [1]))
    for variable in method.head.neurons.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    after = tf.nn.softmax(method.query_logits(episodes, [1]))
    np.testing.assert_allclose(after, before, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_hypermamls_logits_follow_the_order_of_the_classes_with_its_weights(
    norm, make_method, episodes
):
    """Its classes have numbers: of their neurons, and where they stand in Ŷ and Y."""
    method = make_method("hypermaml", norm)
    logits = method.query_logits(episodes, [0, 1, 2]).numpy()
    renamed = relabelled(episodes, ORDER)
    neurons, layer = method.head.neurons, method.head.hypernetwork.kernels[0]
    features = method.backbone.feature_size
    places = [features + block + c for block in (0, WAYS) for c in ORDER]
    for variable, axis, moved in (
        (neurons.kernel, -1, ORDER),
        (neurons.bias, -1, ORDER),
        (layer, 0, [*range(features), *places]),
    ):
        others = method.query_logits(renamed, [0, 1, 2]).numpy()
        assert np.max(np.abs(others[..., ORDER] - logits)) > 1e-4
        variable.assign(tf.gather(variable, np.argsort(moved), axis=axis))
    others = method.query_logits(renamed, [0, 1, 2]).numpy()
    np.testing.assert_allclose(others[..., ORDER], logits, rtol=1e-8, atol=1e-9)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def by_equation_7(method, episodes, p, constants=None):
    """Equation 7 in NumPy, with the softmax's gradient (p_c − y_c)·f, and its query loss.

    The hypernetwork is shown `constants` in place of the tasks' Ŷ, where there are any.

    Returns:
        The mean loss, the tasks' updates [T, D, C] and [T, C], and their Ŷ [T, C·K, C].
    """
    theta = method.backbone.variables
    kernel, bias = (weights.numpy() for weights in method.head.initial(WAYS))
    losses, kernels, biases, predictions = [], [], [], []
    for task in range(TASKS):
        support, labels, queries, targets = (array[task] for array in episodes[:4])
        features, statistics = method.backbone.support_features(theta, support)
        queries = method.backbone.query_features(theta, queries, statistics).numpy()
        features, true = features.numpy(), np.eye(WAYS)[labels]
        predicted = softmax(features @ kernel + bias)
        shown = predicted if constants is None else constants[task]
        known = true.T @ np.hstack([features, shown, true]) / SHOTS
        update = method.head.hypernetwork(tf.constant(known)).numpy()
        residual = (predicted - true) / len(labels)
        kernels.append((1 - p) * update[:, :-1].T - p * ALPHA * features.T @ residual)
        biases.append((1 - p) * update[:, -1] - p * ALPHA * residual.sum(axis=0))
        answers = softmax(queries @ (kernel + kernels[-1]) + bias + biases[-1])
        losses.append(-np.mean(np.log(answers[np.arange(len(targets)), targets])))
        predictions.append(predicted)
    return np.mean(losses), kernels, biases, predictions


def split(method, values):
    """Values of each of the method's variables → those of the hypernetwork's, and the others."""
    own = {id(variable) for variable in method.head.hypernetwork.trainable_variables}
    parts = [], []
    for variable, value in zip(method.variables, values, strict=True):
        parts[id(variable) not in own].append(value)
    return parts


# Meta-update, MAML's share.
PHASES = [(0, 1), (10, 1), (11, 0.95), (20, 0.5), (25, 0.25), (30, 0), (99, 0)]


def test_the_shares_of_the_switch(make_method):
    method = make_method("hypermaml", switch=SWITCH)
    for step, p in PHASES:
        np.testing.assert_allclose(method.maml_share(step), p, rtol=1e-6)


@pytest.mark.parametrize(("step", "p"), [*PHASES, (15, 0.75)])
@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_the_switch_mixes_the_updates_of_equation_7(norm, step, p, make_method, episodes):
    method = make_method("hypermaml", norm, switch=SWITCH)
    result = method.meta_gradients(episodes, step)
    loss, kernels, biases, _ = by_equation_7(method, episodes, p)
    np.testing.assert_allclose(result.loss, loss, rtol=1e-10)
    for name, moves in (("weight", kernels), ("bias", biases)):
        expected = np.mean([np.linalg.norm(move) for move in moves])
        np.testing.assert_allclose(result.metrics[f"head_update/{name}"], expected, rtol=1e-9)


@pytest.mark.parametrize(("step", "p"), [(10, 1), (20, 0.5), (30, 0)])
@pytest.mark.parametrize("norm", ["support", "none"])
def test_meta_gradients_are_the_derivatives_of_equation_7(
    norm, step, p, make_method, episodes, numerical_gradient
):
    method = make_method("hypermaml", norm, switch=SWITCH)
    *_, constants = by_equation_7(method, episodes, p)
    sizes = check_gradients(
        method,
        method.meta_gradients(episodes, step).gradients,
        lambda: by_equation_7(method, episodes, p, constants)[0],
        numerical_gradient,
    )
    of_hypernetwork, others = split(method, sizes)
    assert np.mean(np.array(others) > 1e-5) > 0.5
    assert max(of_hypernetwork) > 1e-5 if p < 1 else max(of_hypernetwork) == 0


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_the_switch_begins_with_a_step_of_anil(norm, first_order, make_method, episodes):
    method = make_method("hypermaml", norm, first_order=first_order, switch=SWITCH)
    anil = make_method("anil", norm, first_order=first_order)
    for ours, theirs in zip(anil.head.variables, method.head.neurons.variables, strict=True):
        ours.assign(theirs)
    ours, theirs = method.meta_gradients(episodes, 0), anil.meta_gradients(episodes)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-12)
    np.testing.assert_allclose(ours.accuracy, theirs.accuracy)
    of_hypernetwork, shared = split(method, ours.gradients)
    assert not any(np.any(gradient) for gradient in of_hypernetwork)
    for one, other in zip(shared, theirs.gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)


def test_predictions_are_the_hypernetworks_whatever_the_switch(make_method, episodes):
    method, plain = make_method("hypermaml", switch=SWITCH), make_method("hypermaml")
    method.meta_gradients(episodes, 0)
    logits = method.query_logits(episodes, [0, 1, 2])
    np.testing.assert_array_equal(logits, plain.query_logits(episodes, [0, 1, 2]))


@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_the_compiled_switch_is_the_same(norm, make_method, episodes):
    method = make_method("hypermaml", norm, switch=SWITCH)
    compiled = tf.function(lambda step: method.meta_gradients(episodes, step))
    for step in (0, 20, 40):
        ours = tf.nest.flatten(compiled(tf.constant(step)))
        eager = tf.nest.flatten(method.meta_gradients(episodes, step))
        for one, other in zip(ours, eager, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


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
    with pytest.raises(UserError, match=rf"^head: .*{name}.*received {head}"):
        make_method(name, head=head)


def test_each_correction_has_its_head(make_method):
    heads = {name: type(make_method("hyperhidra", correction=name).head) for name in CORRECTIONS}
    assert heads == {"midpoint": MidpointHyperHead, "step": AnyWayHyperHead}


def test_a_correction_that_nobody_knows_is_refused(make_method):
    with pytest.raises(ValueError, match=r"^correction: expected one of midpoint, step; .*'x'"):
        make_method("hyperhidra", correction="x")


def test_hyperhidras_step_is_that_of_the_softmax(make_backbone):
    inner = InnerLoop(1, 0.3, loss="sigmoid")
    with pytest.raises(UserError, match=r"^loss: expected softmax .*received sigmoid"):
        build("hyperhidra", make_backbone("none"), inner, (WAYS,), seed=0)
