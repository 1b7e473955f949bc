"""Methods that learn a head on a network of others, or at another rate: one for each purpose.

Whoever asks again gets the same method, which has its compiled functions already.
"""

from __future__ import annotations

import copy
import dataclasses
import functools

import keras

from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.keras_models import with_task_normalization
from hidra_tf.classifier.errors import InputError
from hidra_tf.classifier.kept import kept_with
from hidra_tf.classifier.model_state import state_of
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.methods.interface import Method

# Steps of a new head on features that were not learned for the purpose.
STEPS = 100


@functools.lru_cache(maxsize=8)
def of_features(size: int, steps: int | None, learning_rate: float | None) -> Method:
    """The method for vectors [N, size]; it has no weights, so that nothing can change it."""
    vectors = keras.Input((size,), dtype="float64")
    model = keras.Model(vectors, keras.layers.Identity(dtype="float64")(vectors), name="features")
    return _head_method(Backbone(model, "none"), steps, learning_rate)


def of_model(model: keras.Model, steps: int | None, learning_rate: float | None) -> Method:
    """The method for a network; it is the same one until the network is trained or changed.

    Raises:
        InputError: if the network cannot be a backbone.
    """

    def new() -> Method:
        try:
            fixed = with_task_normalization(model)
            # Without normalisation layers there are no statistics to keep either.
            backbone = Backbone(fixed, "affine")
        except (ValueError, AttributeError) as error:
            raise InputError(f"backbone: {error}") from error
        return _head_method(backbone, steps, learning_rate)

    state = state_of(model)
    return new() if state is None else kept_with(model, (state, steps, learning_rate), new)


def at_rate(method: Method, learning_rate: float | None) -> Method:
    """A method with the same weights whose steps have another rate; None leaves it as it is.

    Raises:
        InputError: if the method takes no steps, or if it is of several checkpoints.
    """
    inner = getattr(method, "inner", None)
    if isinstance(method, Ensemble):
        raise InputError(
            "n_steps, learning_rate: expected none of them for several checkpoints together; "
            "start from a single one"
        )
    if inner is None:
        raise InputError(
            f"n_steps, learning_rate: expected none of them for {type(method).__name__}, which "
            "takes no inner steps"
        )
    if learning_rate is None:
        return method

    def twin() -> Method:
        other = copy.copy(method)
        other.inner = dataclasses.replace(inner, learning_rate=learning_rate)
        return other

    return kept_with(method, ("learning_rate", learning_rate), twin)


def _head_method(backbone: Backbone, steps: int | None, learning_rate: float | None) -> Method:
    """The method that moves a head from zero, and nothing else."""
    inner = InnerLoop(steps or STEPS, learning_rate or 1.0)
    return methods.build("anil", backbone, inner, (2,), head="zero")
