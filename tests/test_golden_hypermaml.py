"""The published HyperMAML program's numbers: every file in GOLDEN_HYPERMAML_DIR is replayed.

What the files hold, and how closely an independent replay agrees, is said in that folder's
README. The published program ran in float64, with batch statistics (ε = 1e-5), mean cross-entropy
and Adam, and its MAML moves γ and β in the inner loop as well. Three things are written
differently there, which `Twin` translates: the hypernetwork's output is subtracted, the
enhancement has the number of a class in place of its one-hot label, and the convolutions have
biases, which batch statistics subtract again. A fourth one is where ε stands in Adam, see
`their_epsilon`.
"""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.heads.neurons import FixedHead
from hidra_tf.methods import build
from hidra_tf.training.optimizers import make_optimizer

VARIABLE = "GOLDEN_HYPERMAML_DIR"
FOLDER = Path(os.environ.get(VARIABLE, Path(__file__).parents[2] / "shared" / "golden_hypermaml"))
FILES = sorted(FOLDER.glob("*.npz"))
# How closely the arithmetic agrees, as that folder's README has it: scores, and gradients relative
# to the largest element.
SCORES, GRADIENTS = 4e-7, 2e-7
# Weights after an update, relative to its learning rate: float32 keeps those near 1 as closely.
WEIGHTS = 2e-4
# Adam makes steps of full size of gradients that are rounding errors: a gradient counts where it is
# larger than this share of the largest element.
COUNTS = 1e-5
# What is a rounding error altogether: the gradients of convolutions' biases, and of the bias that
# the hypernetwork's last layer adds to the neurons of all classes alike.
NOTHING = 1e-11


@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path.stem if path else "none")
def test_replays_the_published_program(path):
    golden = load(path)
    twin = Twin(golden)
    optimizer = make_optimizer(twin.trained, scalar(golden, "meta_lr"))
    for iteration in range(iterations_of(golden)):
        twin.begin(iteration)
        episodes = episodes_of(golden, iteration)
        logits = twin.method.query_logits(episodes, [twin.method.steps])[:, 0]
        scores = golden[f"it{iteration}/query_scores"]
        np.testing.assert_allclose(logits, scores, atol=SCORES, rtol=0)
        result = twin.method.meta_gradients(episodes)
        np.testing.assert_allclose(result.loss, golden[f"it{iteration}/query_loss"], rtol=SCORES)
        gradients = twin.published_gradients(result.gradients)
        assert_gradients(golden, iteration, gradients)
        optimizer.epsilon = their_epsilon(golden, iteration)
        optimizer.apply(list(gradients.values()), twin.trained)
        assert_weights(golden, iteration, twin.published)


def their_epsilon(golden, iteration):
    """The ε that gives TensorFlow's Adam the numbers of the published update.

    PyTorch adds ε to the root of the second moment after its bias correction, TensorFlow before,
    and the published program gives Adam the sum of the tasks' gradients in place of their mean.
    """
    corrected = np.sqrt(1 - 0.999 ** (iteration + 1))
    return scalar(golden, "adam_eps") * corrected / len(golden[f"it{iteration}/query_images"])


class Twin:
    """A method of this project, and its variables as the published program has them.

    Attributes:
        method: the method.
        ours: by its published name, each variable of the method.
        published: the same variables in the published shapes, which the optimizer moves.
    """

    def __init__(self, golden):
        self.ways, self.enhancement = scalar(golden, "ways"), bool(scalar(golden, "enhancement"))
        self.method = method_of(golden)
        self.ours = variables_by_name(self.method)
        assert {v.ref() for v in self.ours.values()} == {v.ref() for v in self.method.variables}
        self.golden = golden
        self.published = {n: tf.Variable(np.float64(golden[f"w0/{n}"])) for n in self.ours}

    @property
    def trained(self):
        return list(self.published.values())

    def begin(self, iteration):
        """Gives both the weights from which the file's iteration begins."""
        for name, variable in self.ours.items():
            self.published[name].assign(np.float64(self.golden[f"w{iteration}/{name}"]))
            value = in_our_order(self.published[name].numpy())
            if self._has_label(name):
                # With these rows a one-hot label says what the number of its class says.
                value = np.concatenate([value[:-1], np.outer(np.arange(self.ways), value[-1])])
            variable.assign(-value if is_subtracted(name) else value)

    def published_gradients(self, gradients):
        """By its published name, the gradient of each published variable."""
        known = dict(zip((v.ref() for v in self.method.variables), gradients, strict=True))
        found = {}
        for name, variable in self.ours.items():
            value = known[variable.ref()].numpy()
            if self._has_label(name):
                labels = np.arange(self.ways) @ value[-self.ways :]
                value = np.concatenate([value[: -self.ways], labels[np.newaxis]])
            found[name] = in_published_order(-value if is_subtracted(name) else value)
        return found

    def _has_label(self, name):
        return self.enhancement and name.endswith("head.0.weight")


def method_of(golden):
    is_hyper = scalar(golden, "method") == "hypermaml"
    first = "w0/hypernet_heads.0-weight.head.0.weight"
    return build(
        scalar(golden, "method"),
        backbone_of(golden),
        InnerLoop(1 if is_hyper else scalar(golden, "inner_steps"), scalar(golden, "inner_lr")),
        (scalar(golden, "ways"),),
        hyper_layers=scalar(golden, "hyper_layers"),
        hyper_width=len(golden[first]) if is_hyper else 1,
        enhancement=bool(scalar(golden, "enhancement")),
    )


def variables_by_name(method):
    """By its published name, each variable of a method."""
    parts = ("C.weight", "BN.weight", "BN.bias")
    count = len(method.backbone.variables) // len(parts)
    names = [f"feature.trunk.{block}.{part}" for block in range(count) for part in parts]
    found = {n: v.value for n, v in zip(names, method.backbone.variables, strict=True)}
    if isinstance(method.head, FixedHead):
        return found | {
            "classifier.weight": method.head.kernel,
            "classifier.bias": method.head.bias,
        }
    neurons, layers = method.head.neurons, method.head.hypernetwork
    found |= {"classifier.0.weight": neurons.kernel, "classifier.0.bias": neurons.bias}
    places = [*(f"head.{2 * layer}" for layer in range(len(layers.kernels) - 1)), "tail.0"]
    for place, kernel, bias in zip(places, layers.kernels, layers.biases, strict=True):
        prefix = f"hypernet_heads.0-weight.{place}"
        found |= {f"{prefix}.weight": kernel, f"{prefix}.bias": bias}
    return found


def load(path):
    if path is None:
        assert VARIABLE not in os.environ, f"no golden files in {FOLDER}"
        pytest.skip(f"no golden files in {FOLDER} (set {VARIABLE})")
    return np.load(path)


def scalar(golden, name):
    return golden[name].item()


def iterations_of(golden):
    return 1 + max(int(name.split("/")[0][2:]) for name in golden.files if name.startswith("it"))


def names_in(golden, prefix):
    return {name.removeprefix(prefix) for name in golden.files if name.startswith(prefix)}


def is_needless(name):
    """Whether it is a convolution's bias, which batch statistics subtract again."""
    return name.endswith("C.bias")


def is_subtracted(name):
    """Whether it belongs to the last layer of the hypernetwork, whose output is subtracted."""
    return ".tail." in name


def backbone_of(golden):
    filters = len(golden["w0/feature.trunk.0.C.weight"])
    model = conv4(golden["it0/support_images"].shape[2:], filters, dtype="float64")
    for layer in model.layers:
        if isinstance(layer, ConvBlock):
            layer.norm.epsilon = scalar(golden, "bn_eps")
    if scalar(golden, "pooled"):
        last = [layer for layer in model.layers if isinstance(layer, ConvBlock)][-1]
        pooled = keras.layers.GlobalAveragePooling2D(dtype="float64")(last.output)
        model = keras.Model(model.inputs, pooled)
    return Backbone(model, "transductive", adapt_norm=True)


def in_our_order(value):
    """Kernels [out, in, 3, 3] → [3, 3, in, out], and weights [out, in] → [in, out]."""
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


def in_published_order(value):
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


def episodes_of(golden, iteration):
    def images(name):
        return tf.constant(golden[f"it{iteration}/{name}_images"] / 255.0)

    def labels(tasks, shots):
        return tf.constant(np.tile(np.repeat(np.arange(ways), shots), (tasks, 1)), tf.int32)

    ways, support, query = scalar(golden, "ways"), images("support"), images("query")
    tasks = len(support)
    return Episodes(
        support,
        labels(tasks, scalar(golden, "shots")),
        query,
        labels(tasks, scalar(golden, "query")),
        tf.constant(ways),
    )


def assert_gradients(golden, iteration, ours):
    """Every gradient in the file is ours, or that of a bias that does nothing."""
    prefix = f"g{iteration}/"
    for name in names_in(golden, prefix) - ours.keys():
        assert is_needless(name), name
        assert np.max(np.abs(golden[prefix + name])) <= NOTHING, name
    for name, gradient in ours.items():
        published = golden[prefix + name]
        bound = max(GRADIENTS * np.max(np.abs(published)), NOTHING)
        np.testing.assert_allclose(gradient, published, atol=bound, rtol=0, err_msg=name)


def assert_weights(golden, iteration, ours):
    """After an update, every weight in the file is ours, but for biases that do nothing."""
    prefix, rate = f"w{iteration + 1}/", scalar(golden, "meta_lr")
    assert ours.keys() == {n for n in names_in(golden, prefix) if not is_needless(n)}
    for name, variable in ours.items():
        published = golden[prefix + name]
        distance = np.abs(variable.numpy() - published)
        gradient = np.abs(golden[f"g{iteration}/{name}"])
        if np.max(gradient) > NOTHING:
            counts = gradient > COUNTS * np.max(gradient)
            assert np.max(distance[counts]) <= WEIGHTS * rate, name
            # …and not merely because nothing moved.
            assert np.max(np.abs(published - golden[f"w{iteration}/{name}"])) > rate / 2, name
        assert np.max(distance) <= 2 * rate, name
