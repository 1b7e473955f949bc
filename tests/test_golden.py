"""The published programs' numbers: every file in GOLDEN_DIR is replayed.

What the files hold, and how closely an independent replay agrees, is said in that folder's
README. The published program is: `affine` normalisation, mean cross-entropy, γ and β trained in
the outer loop only, per-variable clipping, Adam.

It ran in float32, where the order of additions decides which of two almost equal values a pooling
takes: its figures are matched as closely as that README says that they can be. The arithmetic
itself is matched far more closely, in float64, with a replay that is written out plainly.
"""

import functools
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import cross_entropy
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.methods import build
from hidra_tf.training.optimizers import apply_clipped, make_optimizer
from tests.plain_replay import PlainReplay

GOLDEN_DIR = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[2] / "shared" / "golden"))
FILES = sorted(GOLDEN_DIR.glob("*.npz"))
EXACT = 1e-9  # between two ways to compute the same in float64
# Between float32 programs, as the golden files' README has it.
LOGITS, LOSSES = 2e-3, 1e-4


def scalar(golden, name):
    return golden[name].item()


def ways_of(golden, iteration):
    ways = np.atleast_1d(golden["ways"])
    return int(ways[iteration % len(ways)])


def iterations_of(golden):
    return 1 + max(int(name.split("/")[0][2:]) for name in golden.files if name.startswith("it"))


def backbone_names():
    """The published names of the backbone's variables, in the order of ours."""
    return [
        name
        for i in range(1, 5)
        for name in (f"MAML/c_{i}", f"MAML/cb_{i}", f"bn{i}/gamma", f"bn{i}/beta")
    ]


def build_method(golden, exact, dtype):
    kernel = golden["w0/MAML/c_1"]
    images = golden["it0/support_images"]
    model = conv4(images.shape[2:], filters=kernel.shape[-1], norm="affine", dtype=dtype)
    for layer in model.layers:
        if isinstance(layer, ConvBlock):
            layer.norm.epsilon = scalar(golden, "bn_eps")
    backbone = Backbone(model, "affine")
    inner = InnerLoop(scalar(golden, "inner_steps"), scalar(golden, "inner_lr"), exact=exact)
    method = build(scalar(golden, "arch"), backbone, inner, (ways_of(golden, 0),))
    begin(golden, method)
    return method


def begin(golden, method):
    """Gives a method the weights of the start."""
    for variable, name in zip(method.backbone.variables, backbone_names(), strict=True):
        variable.assign(golden[f"w0/{name}"])
    if scalar(golden, "arch") == "hidra":
        method.head.kernel.assign(golden["w0/MASTER/MASTER_d_1w"][:, 0])
        method.head.bias.assign(golden["w0/MASTER/MASTER_d_1b"][0])
    else:
        method.head.kernel.assign(golden["w0/MAML/d_1w"])
        method.head.bias.assign(golden["w0/MAML/d_1b"])


def episodes_of(golden, iteration, dtype):
    def images(name):
        return tf.cast(golden[f"it{iteration}/{name}_images"], dtype) / 255

    def labels(name):
        return tf.cast(golden[f"it{iteration}/{name}_labels"], tf.int32)

    ways = tf.constant(ways_of(golden, iteration))
    return Episodes(images("support"), labels("support"), images("query"), labels("query"), ways)


def support_loss(method, episodes):
    """Mean over the tasks, before adaptation."""
    start = method.initialization(episodes.ways)
    losses = []
    for images, labels in zip(episodes.support_images, episodes.support_labels, strict=True):
        features, _ = method.backbone.support_features(start.backbone, images)
        losses.append(cross_entropy(labels, start.head.logits(features)))
    return np.mean(losses)


# With many steps, `generic` differs from `auto` in the first one alone: in `make more`.
REPLAYS = [
    pytest.param(
        path,
        exact,
        id=f"{path.stem if path else 'none'}-{'auto' if exact else 'generic'}",
        marks=[pytest.mark.slow] if path and not exact and "3step" in path.stem else [],
    )
    for path in FILES or [None]
    for exact in (True, False)
]


@pytest.mark.parametrize(("path", "exact"), REPLAYS)
def test_replays_the_published_program(path, exact):
    """In float64: in float32 the order of additions decides which of two almost equal values a
    pooling takes, and Adam makes full steps of gradients that are rounding errors.

    Both comparisons share the compiled functions, which take longer to build than to run.
    """
    golden = load(path)
    method = build_method(golden, exact, "float64")
    functions = compiled(golden, method)
    compare_with_published(golden, method, *functions)
    compare_with_plain(off_the_kinks(golden), plain_iterations(path), method, *functions)


def compare_with_published(golden, method, evaluate, update):
    optimizer = optimizer_of(golden, method)
    last = iterations_of(golden)
    for iteration in range(last):
        episodes = episodes_of(golden, iteration, tf.float64)
        logits = evaluate(episodes).numpy().swapaxes(0, 1)
        published = golden[f"it{iteration}/query_logits_per_step"]
        assert_logits(golden, iteration, logits, published, LOGITS)
        result = update(episodes)
        losses = losses_of(method, episodes, logits, result)
        assert_losses(losses, *published_losses(golden, iteration), LOSSES)
        apply_clipped(optimizer, result.gradients, method.variables, scalar(golden, "clip_norm"))
        if iteration == 0:
            assert_first_update(golden, method)
    assert_last_weights(golden, method, last)


def compare_with_plain(golden, iterations, method, evaluate, update):
    begin(golden, method)
    optimizer = optimizer_of(golden, method)
    for iteration, plain in enumerate(iterations):
        episodes = episodes_of(golden, iteration, tf.float64)
        logits = evaluate(episodes).numpy().swapaxes(0, 1)
        assert_logits(golden, iteration, logits, plain.logits, EXACT)
        result = update(episodes)
        losses = losses_of(method, episodes, logits, result)
        assert_losses(losses, plain.query_losses, plain.support_loss, EXACT)
        apply_clipped(optimizer, result.gradients, method.variables, scalar(golden, "clip_norm"))
        for name, ours in weights_of(golden, method).items():
            np.testing.assert_allclose(ours, plain.weights[name], atol=EXACT, rtol=0, err_msg=name)


@pytest.mark.parametrize(
    "exact", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["auto", "generic"]
)
@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path.stem if path else "none")
def test_float32_makes_the_published_first_update(path, exact):
    golden = load(path)
    method = build_method(golden, exact, "float32")
    optimizer = optimizer_of(golden, method)
    evaluate, update = compiled(golden, method)
    episodes = episodes_of(golden, 0, tf.float32)
    logits = evaluate(episodes).numpy().swapaxes(0, 1)
    assert_logits(golden, 0, logits, golden["it0/query_logits_per_step"], LOGITS)
    result = update(episodes)
    assert_losses(losses_of(method, episodes, logits, result), *published_losses(golden, 0), LOSSES)
    apply_clipped(optimizer, result.gradients, method.variables, scalar(golden, "clip_norm"))
    assert_first_update(golden, method)


def load(path):
    if path is None:
        assert "GOLDEN_DIR" not in os.environ, f"no golden files in {GOLDEN_DIR}"
        pytest.skip(f"no golden files in {GOLDEN_DIR} (set GOLDEN_DIR)")
    return np.load(path)


def optimizer_of(golden, method):
    return make_optimizer(method.variables, scalar(golden, "meta_lr"), scalar(golden, "adam_eps"))


def compiled(golden, method):
    at_steps = range(1, scalar(golden, "inner_steps") + 1)
    # Without what the library does without: AutoGraph would take longer than the arithmetic.
    evaluate = tf.function(lambda e: method.query_logits(e, at_steps), autograph=False)
    return evaluate, tf.function(method.meta_gradients, autograph=False)


def off_the_kinks(golden):
    """The same with other β, for a comparison that rounding errors must not decide.

    Where a picture is black, and later where all channels are, the published β = 0 and biases of 0
    put a ReLU on its kink exactly. HIDRA's first step moves no bias but by a rounding error, whose
    sign would then say whether a gradient passes.
    """
    moved = dict(golden)
    for name in backbone_names():
        if name.endswith("beta"):
            beta = np.asarray(golden[f"w0/{name}"], np.float64)
            moved[f"w0/{name}"] = beta + np.linspace(0.01, 0.02, len(beta))
    return moved


@functools.cache
def plain_iterations(path):
    """What a plain replay of a file computes, iteration by iteration."""
    golden = load(path)
    replay = PlainReplay(off_the_kinks(golden))
    return [replay(iteration) for iteration in range(iterations_of(golden))]


def assert_logits(golden, iteration, logits, expected, tolerance):
    assert logits.shape == expected.shape
    if scalar(golden, "arch") == "hidra" and iteration > 0:
        # The master adds φ·f to all logits of an image, and where Adam takes φ is left to
        # rounding (fact 3): compare what predictions and losses depend on.
        logits, expected = centred(logits), centred(expected)
    np.testing.assert_allclose(logits, expected, atol=tolerance, rtol=0)


def losses_of(method, episodes, logits, result):
    """Query losses after each step, that of the meta-update, and the first support loss."""
    steps = [np.mean(cross_entropy(episodes.query_labels, tf.constant(step))) for step in logits]
    return steps, float(result.loss), support_loss(method, episodes)


def published_losses(golden, iteration):
    names = ("query_loss_per_step", "support_loss_before_adaptation")
    return tuple(golden[f"it{iteration}/{name}"] for name in names)


def assert_losses(losses, query, support, tolerance):
    steps, updated, first = losses
    np.testing.assert_allclose(steps, query, rtol=tolerance)
    np.testing.assert_allclose(updated, query[-1], rtol=tolerance)
    np.testing.assert_allclose(first, support, rtol=tolerance)


def centred(logits):
    return logits - logits.mean(axis=-1, keepdims=True)


def weights_of(golden, method):
    """By its published name, every variable on which a prediction depends."""
    values = dict(zip(backbone_names(), method.backbone.variables, strict=True))
    if scalar(golden, "arch") == "maml":
        values |= {"MAML/d_1w": method.head.kernel, "MAML/d_1b": method.head.bias}
    return {name: tf.convert_to_tensor(value).numpy() for name, value in values.items()}


def pairs(golden, method, prefix):
    """(name, ours, published) of these."""
    ours = weights_of(golden, method)
    return [(name, value, golden[f"{prefix}/{name}"]) for name, value in ours.items()]


def assert_first_update(golden, method):
    for name, ours, published in pairs(golden, method, "w1"):
        if ours.ndim > 1:
            close = np.mean(np.abs(ours - published) <= 1e-5)
            assert close >= 0.99, f"{name}: only {close:.2%} within 1e-5 after one update"


def assert_last_weights(golden, method, updates):
    bound = 2 * scalar(golden, "meta_lr") * updates
    for name, ours, published in pairs(golden, method, f"w{updates}"):
        assert np.max(np.abs(ours - published)) <= bound, name
        # …and not merely because nothing moved.
        assert np.any(ours != golden[f"w0/{name}"]), name
