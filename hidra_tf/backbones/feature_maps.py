"""The feature maps behind a backbone's features: what its last layer makes vectors of."""

from __future__ import annotations

import keras

from data_gen.errors import UserError


def map_shape(model: keras.Model) -> tuple[int, int, int]:
    """The shape (h, w, c) of the maps that a model's last layer flattens, row by row.

    Features [N, h·w·c] of the model are these maps; `tf.reshape` brings them back.

    Raises:
        UserError: if the last layer does not flatten maps of a known size.

    Example:
        >>> from hidra_tf.backbones.conv4 import conv4
        >>> map_shape(conv4((84, 84, 3), filters=32))
        (5, 5, 32)
    """
    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return map_shape(last)
    shape = last.input.shape if isinstance(last, keras.layers.Flatten) else ()
    if len(shape) != 4 or None in shape[1:]:
        raise UserError(
            "backbone: expected one that flattens feature maps [h, w, c] in its last layer, such "
            f"as `backbone=conv4_np`; received {model.name}, whose last layer is "
            f"{last.name} ({type(last).__name__})"
        )
    return tuple(shape[1:])
