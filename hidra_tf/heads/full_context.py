"""Full context embeddings of Matching Networks: each picture is seen in the light of the task."""

from __future__ import annotations

import keras
import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.seeds import derive


class FullContext:
    """The functions g and f of Matching Networks, for any number of classes and pictures.

    Vinyals et al. (2016), https://arxiv.org/abs/1606.04080, appendix A, with the choices that the
    program of Chen et al. (2019, https://arxiv.org/abs/1904.04232) makes:

    - g adds to the features of the support pictures what a bidirectional LSTM says when it reads
      them in their order: g_i = f′(x_i) + →h_i + ←h_i. Its answer depends on this order. The
      pictures of a task come sorted by class here, as in that program.
    - f is an LSTM that looks at the support set by attention, in as many steps as there are
      support pictures: a = softmax(h·gᵀ), r = Σ a_i·g_i, h ← LSTM([f′(x), r], h) + f′(x). The
      first h is f′(x), and the first cell is 0. A query is seen by itself.

    That program draws kernels and biases from U(−1/√D, 1/√D). Kernels are drawn so here, and biases
    are 0.

    Example:
        >>> import tensorflow as tf
        >>> contexts = FullContext(feature_size=4)
        >>> support, queries = contexts(tf.ones((1, 10, 4)), tf.ones((1, 6, 4)))
        >>> support.shape, queries.shape
        (TensorShape([1, 10, 4]), TensorShape([1, 6, 4]))

    Args:
        feature_size: the number D of features.
        seed: the seed of the kernels.
        dtype: the type of the variables.
    """

    def __init__(self, feature_size: int, seed: int = 0, dtype: str = "float32") -> None:
        def options(name: str) -> dict[str, object]:
            bound = feature_size**-0.5
            kernels = ("kernel_initializer", "recurrent_initializer")
            drawn = {
                kernel: keras.initializers.RandomUniform(-bound, bound, derive(seed, name + kernel))
                for kernel in kernels
            }
            return {**drawn, "unit_forget_bias": False, "dtype": dtype, "name": name}

        self._reader = keras.layers.Bidirectional(
            keras.layers.LSTM(feature_size, return_sequences=True, **options("forwards")),
            merge_mode="sum",
            backward_layer=keras.layers.LSTM(
                feature_size, return_sequences=True, go_backwards=True, **options("backwards")
            ),
            dtype=dtype,
            name="support_context",
        )
        self._reader.build((None, None, feature_size))
        self._cell = keras.layers.LSTMCell(feature_size, **options("query_context"))
        self._cell.build((None, 2 * feature_size))

    @classmethod
    def of(cls, backbone: Backbone, *, seed: int = 0) -> FullContext:
        """Contexts for a backbone's features, of their type."""
        return cls(backbone.feature_size, seed, backbone.dtype)

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """What meta-training moves: the two LSTMs of g, and that of f."""
        layers = (self._reader, self._cell)
        return tuple(v.value for layer in layers for v in layer.trainable_variables)

    def __call__(self, support: tf.Tensor, queries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Features of support [T, N, D] and queries [T, M, D] → the same in context."""
        support = support + self._reader(support)
        return support, self._attended(queries, support)

    def _attended(self, queries: tf.Tensor, support: tf.Tensor) -> tf.Tensor:
        """The LSTM over the queries [T, M, D], with attention to the support set [T, N, D]."""
        size = queries.shape[-1]

        def step(
            number: tf.Tensor, hidden: tf.Tensor, cell: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            attention = tf.nn.softmax(tf.linalg.matmul(hidden, support, transpose_b=True))
            read = tf.linalg.matmul(attention, support)
            inputs = tf.reshape(tf.concat([queries, read], axis=-1), (-1, 2 * size))
            states = [tf.reshape(state, (-1, size)) for state in (hidden, cell)]
            _, states = self._cell(inputs, states)
            hidden, cell = (tf.reshape(state, tf.shape(queries)) for state in states)
            hidden, cell = (tf.ensure_shape(s, queries.shape) for s in (hidden, cell))
            return number + 1, hidden + queries, cell

        steps = tf.shape(support)[1]
        first = (tf.constant(0), queries, tf.zeros_like(queries))
        return tf.while_loop(lambda number, *_: number < steps, step, first)[1]
