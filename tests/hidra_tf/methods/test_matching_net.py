"""Matching Networks against the published formulas, written in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build

SIZE = 3
EQUAL = {c: np.repeat(np.arange(c), 1 if c > 5 else 2) for c in (2, 5, 20)}


@pytest.fixture(scope="module")
def make_method(make_backbone):
    def make(full_context, norm="none"):
        backbone = make_backbone(norm, filters=SIZE)
        method = build(
            "matching_net", backbone, InnerLoop(1, 0.1), (3,), seed=5, full_context=full_context
        )
        rng = np.random.default_rng(2)
        for variable in method.variables[len(backbone.variables) :]:
            variable.assign(rng.normal(size=variable.shape))
        return method

    return make


def features(labels, tasks=2, queries=4, seed=0):
    """Tasks of features in place of pictures; some are negative, and one is zero."""
    rng = np.random.default_rng(seed)
    support, asked = (rng.normal(size=(tasks, n, SIZE)) for n in (len(labels), queries))
    support[0, 1] = 0
    ways = labels.max() + 1
    known = tf.constant(np.tile(labels, (tasks, 1)), tf.int32)
    answers = tf.constant(rng.integers(ways, size=(tasks, queries)), tf.int32)
    return Episodes(
        tf.constant(support), known, tf.constant(asked), answers, tf.constant(ways, tf.int32)
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    odds = np.exp(x - x.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def lstm(x, h, c, weights):
    """One step of an LSTM; Keras's gates are input, forget, candidate and output."""
    kernel, recurrent, bias = weights
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def read(support, weights):
    """What an LSTM says at each picture when it has read those before it."""
    h = c = np.zeros(SIZE)
    said = []
    for picture in support:
        h, c = lstm(picture, h, c, weights)
        said.append(h)
    return np.array(said)


def in_context(support, queries, weights):
    """Full context embeddings, as the program of Chen et al. has them."""
    forwards, backwards, cell = (weights[i : i + 3] for i in (0, 3, 6))
    g = support + read(support, forwards) + read(support[::-1], backwards)[::-1]
    h, c = queries, np.zeros_like(queries)
    for _ in support:
        attended = softmax(h @ g.T) @ g
        h, c = lstm(np.concatenate([queries, attended], axis=-1), h, c, cell)
        h = h + queries
    return g, h


def expected_logits(support, queries, labels, weights=None):
    """log of the attention that each class has, as a mean over its pictures."""
    if weights:
        support, queries = in_context(support, queries, weights)
    units = [x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-5) for x in (queries, support)]
    attention = softmax(100 * np.maximum(units[0] @ units[1].T, 0))
    means = np.stack([attention[:, labels == c].mean(1) for c in range(labels.max() + 1)], axis=-1)
    return np.log(means / means.sum(axis=-1, keepdims=True) + 1e-6)


@pytest.mark.parametrize("full_context", [False, True])
@pytest.mark.parametrize(
    "labels", [*EQUAL.values(), np.array([2, 0, 0, 0, 1, 1])], ids=["2", "5", "20", "unequal"]
)
def test_logits_are_those_of_the_published_formulas(labels, full_context, make_method):
    """The same weights serve any number of ways, and any numbers of shots."""
    method, tasks = make_method(full_context), features(labels)
    own = [v.numpy() for v in method.variables[len(method.backbone.variables) :]]
    assert len(own) == (9 if full_context else 0)
    logits = method.predictions_of_features(tasks, (0, 1)).logits
    for task, ours in enumerate(logits):
        support, queries = tasks.support_images[task].numpy(), tasks.query_images[task].numpy()
        expected = expected_logits(support, queries, labels, own)
        np.testing.assert_allclose(ours, [expected, expected], rtol=1e-7, atol=1e-9)
        assert np.ptp(expected) > 0.1


def test_the_loss_is_the_negative_logarithm_of_the_attention(make_method):
    method, labels = make_method(False), EQUAL[5]
    tasks = features(labels)
    logits = method.predictions_of_features(tasks, (0,)).logits[:, 0]
    own = np.take_along_axis(logits.numpy(), tasks.query_labels.numpy()[..., None], axis=-1)
    constant = np.log(1 + 5e-6)
    loss = method.loss(tasks.query_labels, logits)
    np.testing.assert_allclose(loss, constant - own[..., 0].mean(axis=-1), rtol=1e-9)


@pytest.mark.parametrize("full_context", [False, True])
def test_the_order_of_the_pictures_matters_in_full_context_alone(full_context, make_method):
    method, tasks = make_method(full_context), features(EQUAL[5])
    turned = tasks._replace(
        support_images=tasks.support_images[:, ::-1], support_labels=tasks.support_labels[:, ::-1]
    )
    logits, others = (
        method.predictions_of_features(t, (0,)).logits.numpy() for t in (tasks, turned)
    )
    assert np.allclose(logits, others, rtol=1e-9, atol=1e-12) != full_context


def test_meta_gradients_in_full_context(make_method, make_episodes, check_meta_gradient):
    method = make_method(True, "support")
    check_meta_gradient(method, make_episodes(2, shots=2, query_shots=2, seed=3))


def test_a_feature_vector_of_zeros_has_gradients_that_are_numbers(make_method):
    support, queries = tf.zeros((1, 4, SIZE), tf.float64), tf.ones((1, 2, SIZE), tf.float64)
    labels = tf.constant([[0, 0, 1, 1]])
    tasks = Episodes(support, labels, queries, labels[:, 1:3], tf.constant(2))
    with tf.GradientTape() as tape:
        tape.watch(support)
        logits = make_method(False).predictions_of_features(tasks, (0,)).logits
    assert np.all(np.isfinite(tape.gradient(logits, support)))


def test_full_context_embeddings_cannot_be_vectorized(make_backbone):
    inner, how = InnerLoop(1, 0.1), {"task_map": "vectorized"}
    build("matching_net", make_backbone("none"), inner, (3,), **how)
    with pytest.raises(UserError, match=r"^task_map: expected loop .*received vectorized$"):
        build("matching_net", make_backbone("none"), inner, (3,), full_context=True, **how)


def test_the_two_directions_and_seeds_begin_apart(make_backbone):
    def drawn(seed):
        method = build(
            "matching_net", make_backbone("none"), InnerLoop(1, 0.1), (3,),
            seed=seed, full_context=True,
        )  # fmt: skip
        own = method.variables[len(method.backbone.variables) :]
        assert not any(np.any(v) for v in own if "bias" in v.name)
        return [v.numpy().tobytes() for v in own if "bias" not in v.name]

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again
    assert len({*first, *other}) == len(first) + len(other) == 12
