"""Tiny initializations, and the files that are written of them."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def make_start():
    """An `Initialization` of a float32 Conv-4 of a few filters, no weight 0 or 1."""
    import tensorflow as tf

    from data_gen.views import View
    from hidra_tf import methods
    from hidra_tf.adaptation.inner_loop import InnerLoop
    from hidra_tf.backbones.backbone import Backbone
    from hidra_tf.backbones.conv4 import conv4
    from hidra_tf.classifier.initialization import Initialization
    from hidra_tf.classifier.pictures import PictureFormat
    from hidra_tf.evaluation.temperature import Temperature

    def make(norm="running", method="hidra", steps=1, channels=1, dtype="float32", **options):
        model = conv4((16, 16, channels), 4, norm, dtype=dtype)
        rng = np.random.default_rng(0)
        for variable in model.variables:
            variable.assign(variable.numpy() + 0.3 * np.abs(rng.normal(size=variable.shape)))
        inner = InnerLoop(steps, 0.5)
        built = methods.build(method, Backbone(model, norm), inner, (5,), **options)
        colours = "imagenet" if channels == 3 else "none"
        view = View((16, 16), standardize=colours)
        pictures = PictureFormat((18, 18), channels, invert=channels == 1, view=view)
        assert tf.reduce_all([tf.reduce_any(v != 0) for v in built.theta()])
        return Initialization(built, steps, pictures, temperature=Temperature(0.05, 0.08))

    return make


@pytest.fixture(scope="session")
def make_task():
    """Support pictures, labels and queries: C classes with unequal numbers of pictures."""

    def make(ways, channels=1, queries=3, seed=0):
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.arange(ways, dtype=np.int32), 1 + np.arange(ways) % 3)
        labels = rng.permutation(labels)
        shown, asked = (
            rng.random((count, 6, 6, channels), np.float32).repeat(3, axis=1).repeat(3, axis=2)
            for count in (len(labels), queries)
        )
        return shown, labels, asked

    return make


@pytest.fixture(scope="session")
def expected():
    """Probabilities of the queries by `Method.predictions`, in eager mode, with NumPy's softmax."""
    import tensorflow as tf

    from data_gen.episodes import Episodes

    def compute(start, task):
        dtype = start.backbone.dtype
        shown, labels, asked = task
        support, queries = (tf.constant(start.pictures.seen(x, dtype)) for x in (shown, asked))
        unknown = np.zeros(len(asked), np.int32)
        arrays = (support, tf.constant(labels), queries, tf.constant(unknown))
        episodes = Episodes(*(one[tf.newaxis] for one in arrays), tf.constant(labels.max() + 1))
        logits = start.method.query_logits(episodes, (start.steps,)).numpy()[0, 0]
        temperature = 0.05 + 0.08 * np.mean(1 / np.bincount(labels))
        logits = logits.astype(np.float64) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return compute
