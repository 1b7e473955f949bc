"""Checks of the arguments that backbones share: one line says what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import keras

from hidra_tf.options import NORMS


def check_norm(norm: str) -> None:
    """Raises `ValueError` unless `norm` is one of `options.NORMS`."""
    if not isinstance(norm, str) or norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}; received {norm!r}")


def check_integer(name: str, value: int, least: int) -> None:
    """Raises `ValueError` unless `value` is an integer of at least `least`."""
    # A bool is an integer of Python, but as a number of anything it is a mistake.
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, received {value!r}")


def check_network(
    name: str,
    image_shape: tuple[int, int, int],
    filters: int,
    norm: str,
    seed: int,
    dtype: str | keras.DTypePolicy,
) -> None:
    """Checks the arguments of a network that halves its input four times.

    Args:
        name: the network's name, for the message about images that are too small.
        image_shape: (height, width, channels).
        filters: channels of the first block, ≥ 1.
        norm: one of `options.NORMS`.
        seed: an integer ≥ 0.
        dtype: a Keras dtype policy.

    Raises:
        ValueError: if one of them is not what it should be.
    """
    check_norm(norm)
    _check_image_shape(image_shape)
    check_can_be_halved(name, image_shape)
    check_integer("filters", filters, 1)
    check_integer("seed", seed, 0)
    try:
        keras.dtype_policies.get(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"dtype: expected a Keras dtype policy such as float32, received {dtype!r}"
        ) from error


def check_can_be_halved(name: str, image_shape: Sequence[int]) -> None:
    """Raises `ValueError` if images are too small for a network that halves them four times."""
    if min(image_shape[:2]) < 16:
        raise ValueError(
            f"{name} halves its input four times: expected images of at least "
            f"16 × 16 pixels, received {image_shape[0]} × {image_shape[1]}"
        )


def check_features(model: keras.Model) -> None:
    """Raises `ValueError` unless a built model has one output, features [N, D] of floats."""
    output = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    # A list or dict of one output has the output's shape, but is returned as such.
    shapes = keras.tree.map_structure(lambda tensor: tensor.shape, output)
    if not isinstance(output, keras.KerasTensor) or len(shapes) != 2 or shapes[1] is None:
        raise ValueError(f"expected features [N, D], received {shapes}; flatten or pool them")
    if "float" not in output.dtype:
        raise ValueError(f"expected features of floats, received {output.dtype}")


def _check_image_shape(image_shape: Sequence[int]) -> None:
    described = "image_shape: expected three integers (height, width, channels)"
    if not isinstance(image_shape, Sequence) or len(image_shape) != 3:
        raise ValueError(f"{described}, received {image_shape!r}")
    for side in image_shape:
        if not isinstance(side, Integral) or isinstance(side, bool) or side < 1:
            raise ValueError(f"{described} of at least 1, received {image_shape!r}")
