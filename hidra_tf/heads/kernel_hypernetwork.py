"""HyperShot's hypernetwork: how the classes of a task resemble each other → a classifier."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hypernetwork import Hypernetwork
from hidra_tf.options import check_count
from hidra_tf.seeds import derive

# A layer of a target network: kernels [T, I, O] and biases [T, O].
Layer = tuple[tf.Tensor, tf.Tensor]


def kernel_values(points: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """1 + cos(a, b), HyperShot's kernel: [..., N, D] and [..., C, D] → [..., N, C]."""
    points, others = (tf.math.l2_normalize(x, axis=-1) for x in (points, others))
    return 1 + tf.linalg.matmul(points, others, transpose_b=True)


class KernelHypernetwork(tf.Module):
    """Makes the weights of a target network from the kernel matrix of C classes, for one C.

    Sendera et al. (2022), https://arxiv.org/abs/2203.11378. The kernel matrix [C, C] of the class
    means, in the order of the classes and flattened, goes through a neck, which all parts share;
    then each kernel and each bias of the target network has a head of its own. There is a ReLU
    between the layers of the neck and between those of a head, and none between neck and head, as
    in the published program. It draws weights from U(−1/√I, 1/√I) for I inputs; here kernels are
    Glorot-uniform, and biases are 0.

    The order of the classes matters: the target network has neurons of their own for them.

    Example:
        >>> import tensorflow as tf
        >>> hypernetwork = KernelHypernetwork(ways=5, target_layers=2, target_width=16)
        >>> [kernel.shape[1:] for kernel, _ in hypernetwork(tf.ones((4, 5, 5)))]
        [TensorShape([5, 16]), TensorShape([16, 5])]

    Args:
        ways: the number C of classes, at least 1.
        neck: the number of layers that all parts share, 0 or more.
        layers: the number of layers of each head, at least 1.
        width: the number of units of these layers, but for the last of a head.
        target_layers: the number of layers of the target network, at least 1.
        target_width: the number of units of its hidden layers.
        seed: the seed of the initial values.
        dtype: the type of the variables.

    Raises:
        ValueError: if a number is too small.
    """

    def __init__(
        self,
        ways: int,
        neck: int = 1,
        layers: int = 2,
        width: int = 512,
        target_layers: int = 2,
        target_width: int = 128,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="kernel_hypernetwork")
        check_count("ways", ways, 1)
        check_count("neck", neck, 0)
        check_count("target_layers", target_layers, 1)
        check_count("target_width", target_width, 1)
        self.fixed_ways = ways
        inputs, self.neck = ways**2, None
        if neck:
            neck_seed = derive(seed, "neck")
            self.neck = Hypernetwork(inputs, width, neck, width, neck_seed, dtype)
            inputs = width
        sizes = [ways, *[target_width] * (target_layers - 1), ways]
        self.shapes = list(itertools.pairwise(sizes))
        self.heads = [
            [
                Hypernetwork(inputs, size, layers, width, derive(seed, f"{part}_{i}"), dtype)
                for part, size in (("kernel", rows * columns), ("bias", columns))
            ]
            for i, (rows, columns) in enumerate(self.shapes)
        ]

    @classmethod
    def of(
        cls,
        backbone: Backbone,
        *,
        ways: int,
        neck: int = 1,
        layers: int = 2,
        width: int = 512,
        target_layers: int = 2,
        target_width: int = 128,
        seed: int = 0,
    ) -> KernelHypernetwork:
        """A hypernetwork of the type of a backbone's features, whose number it does not see."""
        sizes = (neck, layers, width, target_layers, target_width)
        return cls(ways, *sizes, seed, backbone.dtype)

    def __call__(self, kernel: tf.Tensor) -> list[Layer]:
        """Kernel matrices [T, C, C] → the layers of T target networks."""
        known = tf.reshape(kernel, (-1, self.fixed_ways**2))
        known = known if self.neck is None else self.neck(known)
        return [
            (tf.reshape(of_kernel(known), (-1, *shape)), of_bias(known))
            for shape, (of_kernel, of_bias) in zip(self.shapes, self.heads, strict=True)
        ]


def target_logits(layers: Sequence[Layer], values: tf.Tensor) -> tf.Tensor:
    """A target network with ReLU between its layers: kernel values [T, N, C] → logits [T, N, C]."""
    for i, (kernel, bias) in enumerate(layers):
        inputs = tf.nn.relu(values) if i else values
        values = tf.linalg.matmul(inputs, kernel) + bias[:, tf.newaxis]
    return values
