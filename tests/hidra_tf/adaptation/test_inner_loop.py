"""The inner loop against steps computed by hand, and what queries are measured with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation import steps
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights, query_logits
from hidra_tf.adaptation.steps import Derivatives
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import build
from hidra_tf.options import ADAPTABLE

LABELS = np.array([0, 0, 1, 1, 2, 2])
LEARNING_RATE = 0.3


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


class Linear:
    """features = x·W, logits = features·ψ + b: by hand, and as backbone and weights."""

    def __init__(self, labels=LABELS):
        rng = np.random.default_rng(0)
        self.labels = labels
        self.images = rng.normal(size=(6, 2, 2, 1))
        self.theta, self.kernel = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
        self.bias = rng.normal(size=3)
        flatten = keras.layers.Flatten(dtype="float64")
        dense = keras.layers.Dense(3, use_bias=False, dtype="float64")
        self.backbone = Backbone(
            keras.Sequential([keras.Input((2, 2, 1), dtype="float64"), flatten, dense]), "none"
        )

    @property
    def start(self):
        head = HeadWeights(tf.constant(self.kernel), tf.constant(self.bias))
        return TaskWeights([tf.constant(self.theta)], head)

    def trajectory(self, steps, tied=False, derivatives=Derivatives.SECOND, **options):
        loop = InnerLoop(1, LEARNING_RATE, **options)
        support = tf.constant(self.images), tf.constant(self.labels)
        return loop.trajectory(
            self.backbone, self.start, tied, *support, range(steps + 1), derivatives=derivatives
        )

    def step_by_hand(self, theta, kernel, bias, adapt_theta=True):
        inputs = self.images.reshape(6, 4)
        features = inputs @ theta
        residual = (softmax(features @ kernel + bias) - np.eye(3)[self.labels]) / 3
        residual /= np.bincount(self.labels)[self.labels][:, None]  # all classes weigh the same
        return (
            theta - LEARNING_RATE * adapt_theta * inputs.T @ residual @ kernel.T,
            kernel - LEARNING_RATE * features.T @ residual,
            bias - LEARNING_RATE * residual.sum(axis=0),
        )


def assert_weights(weights, expected):
    for ours, by_hand in zip([*weights.backbone, *weights.head], expected, strict=True):
        np.testing.assert_allclose(ours, by_hand, rtol=1e-12, atol=1e-14)


def test_a_step_is_the_one_computed_by_hand():
    linear = Linear()
    _, stepped = linear.trajectory(1)
    assert_weights(stepped, linear.step_by_hand(linear.theta, linear.kernel, linear.bias))


def test_the_next_step_starts_where_the_last_one_ended():
    linear = Linear()
    expected = linear.theta, linear.kernel, linear.bias
    for weights in linear.trajectory(3):
        assert_weights(weights, expected)
        expected = linear.step_by_hand(*expected)


def test_weights_that_are_not_adapted_stay():
    linear = Linear()
    linear.backbone.adapted = [False]
    _, stepped = linear.trajectory(1)
    expected = linear.step_by_hand(linear.theta, linear.kernel, linear.bias, adapt_theta=False)
    assert_weights(stepped, expected)
    np.testing.assert_array_equal(stepped.backbone[0], linear.theta)


@pytest.mark.parametrize("exact", [True, False], ids=["closed", "generic"])
@pytest.mark.parametrize("labels", [LABELS, np.array([0, 0, 0, 0, 1, 2])], ids=["even", "uneven"])
def test_a_tied_heads_step_is_the_one_computed_by_hand(labels, exact):
    """Also where the classes have unequal numbers of images."""
    linear = Linear(labels)
    linear.kernel, linear.bias = np.repeat(linear.kernel[:, :1], 3, axis=1), np.full(3, 0.7)
    expected = linear.theta, linear.kernel, linear.bias
    for weights in linear.trajectory(2, tied=True, exact=exact):
        assert_weights(weights, expected)
        expected = linear.step_by_hand(*expected)


def test_zero_steps_give_the_start_alone():
    linear = Linear()
    (only,) = linear.trajectory(0)
    assert_weights(only, (linear.theta, linear.kernel, linear.bias))


def test_first_order_steps_have_the_same_values():
    linear = Linear()
    full, first = linear.trajectory(2)[-1], linear.trajectory(2, derivatives=Derivatives.FIRST)[-1]
    assert_weights(first, [*full.backbone, *full.head])


def test_an_untied_heads_first_step_is_never_taken_in_closed_form():
    linear = Linear()
    closed, generic = (linear.trajectory(1, exact=exact)[1] for exact in (True, False))
    assert_weights(closed, [*generic.backbone, *generic.head])


def make_method(name, backbone, inner):
    return build(name, backbone, inner, (3,))


@pytest.fixture
def forward_passes(monkeypatch):
    """A list that grows by one with every forward pass of a support set."""
    calls = []
    original = Backbone.support_features

    def spy(backbone, weights, images):
        calls.append(images)
        return original(backbone, weights, images)

    monkeypatch.setattr(Backbone, "support_features", spy)
    return calls


@pytest.mark.parametrize(
    ("name", "norm"), [("hidra", "transductive"), ("maml", "affine"), ("maml", "support")]
)
def test_recomputed_steps_have_the_same_meta_gradients(name, norm, make_backbone, make_episodes):
    backbone, episodes = make_backbone(norm, blocks=2), make_episodes(3, shots=2)
    stored, recomputed = (
        make_method(
            name, backbone, InnerLoop(3, LEARNING_RATE, recompute=recompute)
        ).meta_gradients(episodes)
        for recompute in (False, True)
    )
    assert sum(np.max(np.abs(gradient)) > 1e-3 for gradient in stored.gradients) >= 4
    for ours, theirs in zip(tf.nest.flatten(recomputed), tf.nest.flatten(stored), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "recompute", "passes"),
    [("maml", False, 3), ("maml", True, 6), ("hidra", False, 2), ("hidra", True, 5)],
)
def test_each_step_is_computed_again_where_that_is_asked_for(
    name, recompute, passes, forward_passes, make_backbone, make_episodes
):
    """All but the first in closed form, which keeps one forward pass."""
    inner = InnerLoop(3, LEARNING_RATE, recompute=recompute)
    make_method(name, make_backbone("transductive"), inner).meta_gradients(make_episodes(3))
    assert len(forward_passes) == passes


@pytest.mark.parametrize(("steps", "passes"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_a_tied_heads_first_two_steps_share_one_forward_pass(
    steps, passes, forward_passes, make_backbone, make_episodes
):
    method = make_method("hidra", make_backbone("transductive"), InnerLoop(1, LEARNING_RATE))
    method.query_logits(make_episodes(3), [steps])
    assert len(forward_passes) == passes


@pytest.mark.parametrize(("name", "exact"), [("hidra", False), ("maml", True)])
def test_other_steps_have_one_forward_pass_each(
    name, exact, forward_passes, make_backbone, make_episodes
):
    inner = InnerLoop(1, LEARNING_RATE, exact=exact)
    make_method(name, make_backbone("transductive"), inner).query_logits(make_episodes(3), [3])
    assert len(forward_passes) == 3


# Methods whose steps are the same in a loop.
LOOPS = [
    pytest.param("maml", "transductive", {}, marks=pytest.mark.slow),
    ("maml", "affine", {"learn_inner_lr": True}),
    ("maml", "support", {"recompute": True}),
    pytest.param("hidra", "support", {}, marks=pytest.mark.slow),
    ("hidra", "affine", {"exact": False, "first_order": True}),
    ("hidra", "transductive", {"learn_inner_lr": True, "recompute": True}),
    ("hyperhidra", "transductive", {}),
    ("reptile", "support", {}),
]


def make_random(name, backbone, inner, **options):
    """A method whose head, and rates if it learns any, are random numbers."""
    method, rng = build(name, backbone, inner, (3,), **options), np.random.default_rng(0)
    for variable in method.head.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    if method.rates:
        method.rates.values.assign(rng.uniform(0.1, 0.5, method.rates.values.shape))
    return method


def with_and_without_loops(function, episodes, monkeypatch):
    """What a function of episodes gives, and what where every stretch of steps is a loop.

    The ways are no constant of the graph, as when one graph serves any number of them.
    """

    def compute():
        compiled = tf.function(lambda ways: function(episodes._replace(ways=ways)), autograph=False)
        graph = compiled.get_concrete_function(tf.constant(3)).graph
        return compiled(tf.constant(3)), loops_of(graph)

    unrolled, none = compute()
    monkeypatch.setattr(steps, "UNROLLED", 0)
    looped, some = compute()
    assert some > none
    return tf.nest.flatten(looped), tf.nest.flatten(unrolled)


def loops_of(graph):
    """The number of loops in a graph and its functions."""
    definition = graph.as_graph_def()
    functions = [function.node_def for function in definition.library.function]
    nodes = [node for part in (definition.node, *functions) for node in part]
    return sum(node.op in ("While", "StatelessWhile") for node in nodes)


@pytest.mark.parametrize(("name", "norm", "options"), LOOPS)
def test_a_loop_makes_the_steps_that_are_made_one_by_one(
    name, norm, options, make_backbone, make_episodes, monkeypatch
):
    of_loop = {name: options[name] for name in ("exact", "recompute") if name in options}
    others = {name: value for name, value in options.items() if name not in of_loop}
    inner = InnerLoop(3, LEARNING_RATE, **of_loop)
    method = make_random(name, make_backbone(norm, blocks=2), inner, **others)
    looped, unrolled = with_and_without_loops(
        lambda episodes: method.query_logits(episodes, [0, 1, 4, 6]),
        make_episodes(3, 2, 2, tasks=2),
        monkeypatch,
    )
    np.testing.assert_allclose(*looped, *unrolled, rtol=1e-9, atol=1e-9)
    moves = np.max(np.abs(np.diff(unrolled[0], axis=1)), axis=(0, 2, 3))
    assert min(moves) > 1e-3


def test_reptile_trains_in_a_loop(make_backbone, make_episodes, monkeypatch):
    backbone = make_backbone("transductive", blocks=2)
    method = make_random("reptile", backbone, InnerLoop(4, LEARNING_RATE))
    looped, unrolled = with_and_without_loops(
        method.meta_gradients, make_episodes(3, 2, 2, tasks=2), monkeypatch
    )
    for ours, theirs in zip(looped, unrolled, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert sum(np.max(np.abs(gradient)) > 1e-3 for gradient in unrolled) >= 4


def test_steps_that_are_differentiated_are_in_no_loop(make_backbone, make_episodes, monkeypatch):
    monkeypatch.setattr(steps, "UNROLLED", 0)
    method = make_random("maml", make_backbone("affine", blocks=2), InnerLoop(2, LEARNING_RATE))
    graphs = [
        tf.function(function, autograph=False).get_concrete_function(make_episodes(3)).graph
        for function in (method.meta_gradients, lambda e: method.query_logits(e, [2]))
    ]
    # That over the tasks is in both.
    assert [loops_of(graph) for graph in graphs] == [1, 2]


def test_the_graph_of_many_steps_is_no_larger_than_that_of_some(make_backbone, make_episodes):
    method = make_random("maml", make_backbone("affine", 1, blocks=1), InnerLoop(1, LEARNING_RATE))
    episodes = make_episodes(3)

    def operations(steps):
        compiled = tf.function(lambda: method.query_logits(episodes, [0, steps]), autograph=False)
        definition = compiled.get_concrete_function().graph.as_graph_def()
        functions = [len(function.node_def) for function in definition.library.function]
        return len(definition.node) + sum(functions)

    assert operations(1000) == operations(20) < 2 * operations(2)


def normalised(features, mean, variance):
    return (features - mean) / np.sqrt(variance + 1e-3)


def expected_features(norm, support, query):
    if norm == "transductive":
        return normalised(query, query.mean(axis=0), query.var(axis=0))
    if norm == "support":
        return normalised(query, support.mean(axis=0), support.var(axis=0))
    if norm == "running":  # a mean of 0 and a variance of 1, for nothing was trained
        return query / np.sqrt(1.001)
    return query if norm == "none" else query / np.sqrt(1.001)


@pytest.mark.parametrize("norm", ADAPTABLE)
def test_query_logits_use_the_adapted_weights_and_their_statistics(norm):
    layers = [
        keras.Input((1, 1, 2), dtype="float64"),
        keras.layers.Dense(3, use_bias=False, dtype="float64"),
        *([TaskNormalization(dtype="float64")] if norm != "none" else []),
        keras.layers.Flatten(dtype="float64"),
    ]
    backbone = Backbone(keras.Sequential(layers), norm)
    rng = np.random.default_rng(0)
    support, query = rng.normal(size=(4, 1, 1, 2)), rng.normal(size=(6, 1, 1, 2))
    theta, kernel, bias = rng.normal(size=(2, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    gamma, beta = (rng.normal(size=3), rng.normal(size=3)) if norm != "none" else (1.0, 0.0)
    adapted = [theta, gamma, beta] if norm != "none" else [theta]
    weights = TaskWeights(
        [tf.constant(w) for w in adapted], HeadWeights(tf.constant(kernel), tf.constant(bias))
    )
    logits = query_logits(backbone, tf.constant(support), tf.constant(query), weights)
    by_hand = expected_features(norm, support.reshape(4, 2) @ theta, query.reshape(6, 2) @ theta)
    np.testing.assert_allclose(logits, (gamma * by_hand + beta) @ kernel + bias, rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps: expected an integer of at least 0; received -1"),
        ({"steps": 1.5}, "steps: expected an integer of at least 0; received 1.5"),
        ({"steps": True}, "steps: expected an integer of at least 0; received True"),
        ({"learning_rate": 0}, "learning_rate: expected a finite number above 0; received 0"),
        ({"learning_rate": -0.1}, "learning_rate: .* above 0; received -0.1"),
        ({"learning_rate": np.nan}, "learning_rate: .* above 0; received nan"),
        ({"learning_rate": np.inf}, "learning_rate: .* above 0; received inf"),
        ({"learning_rate": "0.1"}, "learning_rate: .* above 0; received '0.1'"),
        ({"loss": "hinge"}, "loss: expected one of softmax, sigmoid, mse or a function .*'hinge'"),
        ({"loss": None}, "loss: expected one of softmax, sigmoid, mse or a function .*None"),
        ({"reduction": "sum"}, "reduction: expected one of mean, per_class; received 'sum'"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named_with_what_was_expected(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        InnerLoop(**{"steps": 1, "learning_rate": 0.1, **options})


class Unused(keras.layers.Layer):
    """Keeps a trainable weight that its output does not depend on."""

    def build(self, shape):
        del shape
        self.weight = self.add_weight(shape=(2,), initializer="ones", name="unused")

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("maml", {}),
        ("maml", {"first_order": True}),
        ("maml", {"learn_inner_lr": True}),
        ("hidra", {}),
        ("reptile", {}),
        ("anil", {}),
        ("hypermaml", {"hyper_width": 4}),
    ],
)
def test_a_weight_that_the_loss_does_not_reach_has_a_gradient_of_zero(
    name, options, recompute, make_episodes
):
    """In the inner loop as in the outer one: it stays where it is."""
    layers = [
        keras.Input((16, 16, 1), dtype="float64"),
        keras.layers.AveragePooling2D(8, dtype="float64"),
        Unused(dtype="float64"),
        keras.layers.Flatten(dtype="float64"),
        keras.layers.Dense(3, dtype="float64"),
    ]
    backbone = Backbone(keras.Sequential(layers), "none")
    inner = InnerLoop(2, LEARNING_RATE, recompute=recompute)
    method = make_random(name, backbone, inner, **options)
    episodes = make_episodes(3, 2, 2, tasks=2)
    unused, *others = method.meta_gradients(episodes).gradients[:3]
    np.testing.assert_array_equal(unused, [0, 0])
    assert all(np.max(np.abs(gradient)) > 1e-5 for gradient in others)
    task = Episodes(*(array[0] for array in episodes[:4]), episodes.ways)
    (adapted,) = method.adaptation(task)((2,))
    np.testing.assert_array_equal(adapted.backbone[0], [1, 1])
