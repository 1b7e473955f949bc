"""Makes models that others wrote fit for second derivatives, and deterministic."""

from __future__ import annotations

import logging

import keras
import tensorflow as tf

from hidra_tf.backbones.normalization import TaskNormalization

_LOG = logging.getLogger(__name__)
_RANDOM = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)
# They compute a variance by `tf.nn.moments`, as `keras.layers.BatchNormalization` does.
_INEXACT = (keras.layers.LayerNormalization, keras.layers.GroupNormalization)


def with_task_normalization(model: keras.Model) -> keras.Model:
    """Replaces each `BatchNormalization` of a model by `TaskNormalization`, and removes dropout.

    `BatchNormalization` has a wrong second derivative, and running statistics that no task may
    leave behind for the next; dropout would act whenever batch statistics are used. The new layers
    keep ε, γ, β and the statistics that the model came with. One warning says how many layers were
    replaced and removed; another one names Keras's layers whose second derivatives are inexact.

    Args:
        model: a functional or sequential model, as those of `keras.applications` are.

    Returns:
        A model that shares all other layers with `model`, or `model` itself if there is nothing to
        replace.

    Raises:
        ValueError: if a layer that cannot be replaced normalises, or draws random numbers.

    Example:
        >>> import keras
        >>> from hidra_tf.backbones.backbone import Backbone
        >>> model = keras.applications.MobileNetV3Small(
        ...     (32, 32, 3), weights=None, include_top=False, pooling="avg",
        ...     include_preprocessing=False,
        ... )
        >>> Backbone(with_task_normalization(model), norm="transductive").feature_size
        576
    """
    layers = model._flatten_layers()
    inexact = sorted({type(layer).__name__ for layer in layers if isinstance(layer, _INEXACT)})
    if inexact:
        _LOG.warning(
            "%s: second derivatives of Keras's %s are inexact; first_order takes none",
            model.name,
            " and ".join(inexact),
        )
    if not any(isinstance(layer, (keras.layers.BatchNormalization, *_RANDOM)) for layer in layers):
        _check(model)
        return model
    replaced, normalisations, random = _replaced(model)
    _check(replaced)
    _LOG.warning(
        "%s: BatchNormalization became TaskNormalization (%d layers), dropout was removed (%d)",
        model.name,
        normalisations,
        random,
    )
    return replaced


def _replaced(model: keras.Model) -> tuple[keras.Model, int, int]:
    """The new model, and how many normalisations and random layers the old one had."""
    new: dict[keras.layers.Layer, keras.layers.Layer] = {}

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.BatchNormalization):
            new[layer] = _like(layer)
        if isinstance(layer, _RANDOM):
            # By the policy's name: Keras cannot save this layer with a policy for an argument.
            new[layer] = keras.layers.Identity(dtype=layer.dtype_policy.name, name=layer.name)
        return new.get(layer, layer)

    def call(layer: keras.layers.Layer, *args: object, **kwargs: object) -> object:
        # A mask, or a choice of `training`, is none of the new layers' business.
        return layer(args[0]) if layer in new.values() else layer(*args, **kwargs)

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs[0], name=model.name)
    replaced = keras.models.clone_model(
        model, clone_function=replace, call_function=call, recursive=True
    )
    pairs = [(old, layer) for old, layer in new.items() if isinstance(layer, TaskNormalization)]
    for theirs, ours in pairs:
        _copy_values(theirs, ours)
    return replaced, len(pairs), len(new) - len(pairs)


def _like(layer: keras.layers.BatchNormalization) -> TaskNormalization:
    if layer.axis not in (-1, layer.input_spec.ndim - 1):
        raise ValueError(f"{layer.name}: expected channels last, received axis {layer.axis}")
    return TaskNormalization(
        layer.epsilon,
        scale=layer.scale,
        center=layer.center,
        trainable=layer.trainable,
        dtype=layer.dtype_policy,
        name=layer.name,
    )


def _copy_values(theirs: keras.layers.BatchNormalization, ours: TaskNormalization) -> None:
    ours.mean.assign(theirs.moving_mean)
    ours.variance.assign(theirs.moving_variance)
    if theirs.scale:
        ours.gamma.assign(theirs.gamma)
    if theirs.center:
        ours.beta.assign(theirs.beta)


def _check(model: keras.Model) -> None:
    for layer in model._flatten_layers():
        if isinstance(layer, (keras.layers.BatchNormalization, *_RANDOM)):
            raise ValueError(
                f"{layer.name} ({type(layer).__name__}) is inside of a layer or model that is "
                "neither functional nor sequential; use "
                "hidra_tf.backbones.normalization.TaskNormalization there, and no dropout"
            )
    for variable in model.non_trainable_variables:
        if not tf.as_dtype(variable.dtype).is_floating:
            raise ValueError(
                f"expected no layer that draws random numbers or counts; {variable.path} does"
            )
