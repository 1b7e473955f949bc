"""HyperShot against its formulas, written in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.kernel_hypernetwork import KernelHypernetwork
from hidra_tf.methods import build

WAYS, WIDTH = 3, 7
SMALL = {"hyper_width": 6, "target_width": WIDTH}
# The published networks have neck 1 or 0, two layers in each head, two in the target network.
NETWORKS = [
    {"hyper_neck": 1, "hyper_layers": 2, "target_layers": 2},
    {"hyper_neck": 0, "hyper_layers": 2, "target_layers": 2},
    {"hyper_neck": 2, "hyper_layers": 1, "target_layers": 3},
    {"hyper_neck": 0, "hyper_layers": 1, "target_layers": 1},
]
names = ["-".join(map(str, network.values())) for network in NETWORKS]
networks = pytest.mark.parametrize("network", NETWORKS, ids=names)


@pytest.fixture(scope="module")
def make_method(make_backbone):
    def make(norm="none", **network):
        settings = {**SMALL, **network}
        method = build(
            "hypershot", make_backbone(norm), InnerLoop(1, 0.1), (WAYS,), seed=5, **settings
        )
        rng = np.random.default_rng(3)
        for variable in method.hypernetwork.trainable_variables:
            variable.assign(0.5 * rng.normal(size=variable.shape))
        return method

    return make


def perceptron(network, values):
    """Layers with ReLU between them; none at the end."""
    for i, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True)):
        values = (np.maximum(values, 0) if i else values) @ kernel.numpy() + bias.numpy()
    return values


def kernel_of(points, others):
    return np.array([[1 + a @ b / np.sqrt((a @ a) * (b @ b)) for b in others] for a in points])


def expected_logits(method, support, labels, queries):
    """Logits of the class means and of the queries of one task, from features."""
    means = np.stack([support[labels == c].mean(axis=0) for c in range(WAYS)])
    kernel, hypernetwork = kernel_of(means, means), method.hypernetwork
    root = kernel.reshape(-1)
    root = root if hypernetwork.neck is None else perceptron(hypernetwork.neck, root)
    answers = []
    for values in (kernel, kernel_of(queries, means)):
        for i, (weights, bias) in enumerate(hypernetwork.heads):
            made = perceptron(weights, root).reshape(hypernetwork.shapes[i])
            values = (np.maximum(values, 0) if i else values) @ made + perceptron(bias, root)
        answers.append(values)
    return answers


def tasks_of(method, episodes):
    """Of each task: features of the support set, labels, features of the queries, labels."""
    for arrays in zip(*(array for array in episodes[:4]), strict=True):
        images, labels, queries, answers = arrays
        yield (
            method.backbone.model(images).numpy(),
            labels.numpy(),
            method.backbone.model(queries).numpy(),
            answers.numpy(),
        )


@networks
def test_logits_are_those_of_the_published_formulas(network, make_method, make_episodes):
    method, episodes = make_method(**network), make_episodes(WAYS, 2, 2, tasks=2)
    logits = method.query_logits(episodes, [0, 1])
    for ours, (*task, _) in zip(logits, tasks_of(method, episodes), strict=True):
        _, expected = expected_logits(method, *task)
        np.testing.assert_allclose(ours, [expected, expected], rtol=1e-9, atol=1e-10)
        assert np.ptp(expected) > 1e-3


def test_the_published_networks_have_the_published_sizes():
    hypernetwork = KernelHypernetwork(ways=5)
    shapes = {tuple(v.shape) for v in hypernetwork.trainable_variables}
    assert {(25, 512), (512, 512), (512, 5 * 128), (512, 128 * 5), (512, 128), (512, 5)} <= shapes
    no_neck = KernelHypernetwork(ways=5, neck=0, width=128, target_width=64)
    assert {tuple(k.shape) for head in no_neck.heads for n in head for k in n.kernels[:1]} == {
        (25, 128)
    }


def published_loss(method, episodes):
    """The mean cross-entropy of class means and queries together."""
    losses = []
    for *task, answers in tasks_of(method, episodes):
        logits = np.concatenate(expected_logits(method, *task))
        labels = [*range(WAYS), *answers]
        logits -= logits.max(axis=-1, keepdims=True)
        own = logits[np.arange(len(labels)), labels]
        losses.append(np.mean(np.log(np.exp(logits).sum(axis=-1)) - own))
    return np.mean(losses)


@networks
def test_meta_gradients_are_those_of_class_means_and_queries(
    network, make_method, make_episodes, numerical_gradient
):
    method, episodes = make_method(**network), make_episodes(WAYS, 2, 2, tasks=2)
    result, rng = method.meta_gradients(episodes), np.random.default_rng(0)
    np.testing.assert_allclose(result.loss, published_loss(method, episodes), rtol=1e-10)
    values = [v.numpy() for v in method.variables]
    directions = [rng.normal(size=value.shape) for value in values]

    def loss(distance, moved):
        for i, (value, direction) in enumerate(zip(values, directions, strict=True)):
            method.variables[i].assign(value + (distance[0] * direction if i in moved else 0))
        return published_loss(method, episodes)

    # The backbone and the hypernetwork each by themselves: their slopes may differ in size.
    count = len(method.backbone.variables)
    for moved in (range(count), range(count, len(values))):
        (expected,) = numerical_gradient(lambda d, m=moved: loss(d, m), [0.0], epsilon=1e-7)
        ours = sum(np.sum(result.gradients[i] * directions[i]) for i in moved)
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
        assert abs(expected) > 1e-3


def test_the_accuracy_is_that_of_the_queries(make_method, make_episodes):
    method, episodes = make_method(), make_episodes(WAYS, 2, 3, tasks=2)
    logits = method.query_logits(episodes, [0])[:, 0]
    expected = np.mean(np.argmax(logits, axis=-1) == episodes.query_labels)
    assert method.meta_gradients(episodes).accuracy == expected


def test_other_ways_than_its_own_are_refused(make_method):
    method = make_method()
    method.check_ways(WAYS)
    with pytest.raises(UserError, match=r"made for 3 ways; received 5\. `method=hidra` takes any"):
        method.check_ways(5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ways": 0}, "^ways: .* at least 1; received 0$"),
        ({"neck": -1}, "^neck: .* at least 0; received -1$"),
        ({"layers": 0}, "^layers: .* at least 1; received 0$"),
        ({"target_layers": 0}, "^target_layers: .* at least 1; received 0$"),
        ({"target_width": 0}, "^target_width: .* at least 1; received 0$"),
    ],
)
def test_a_wrong_size_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        KernelHypernetwork(**{"ways": 3, "width": 4, "target_width": 4, **wrong})


def test_no_two_parts_begin_alike():
    variables = KernelHypernetwork(ways=4, neck=1, width=4, target_width=4).trainable_variables
    kernels = [v.numpy().ravel()[:8] for v in variables if "kernel" in v.name]
    assert len({tf.io.serialize_tensor(k).numpy() for k in kernels}) == len(kernels) == 9
