"""What PyTorch's optimizers do and Keras's do not: rates and decays for each variable, momentum.

The published programs are written in PyTorch for the most part, so that their settings mean what
they mean there. Keras counts the iterations, keeps the state and asks the schedule for β.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Treatment(NamedTuple):
    """How an update treats one variable w, whose gradient is g.

    Attributes:
        factor: the factor of the rate β: the variable's own rate is factor·β.
        l2: λ of the coupled decay: g + λ·w takes the place of g.
        decay: λ of the decoupled decay: w loses factor·β·λ·w before the step.
    """

    factor: float = 1.0
    l2: float = 0.0
    decay: float = 0.0


class _Treating:
    """The part of an optimizer that treats each variable in its own way, before its step.

    Args:
        treatments: a treatment for each variable, in the order in which `build` gets them.
        **settings: the arguments of the Keras optimizer.
    """

    def __init__(self, *, treatments: Sequence[Treatment], **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        # Behind a function, for whatever is an attribute would be looked for in checkpoints.
        self._treatment = list(treatments).__getitem__

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Moves one variable."""
        treatment = self._treatment(self._get_variable_index(variable))
        learning_rate = tf.cast(learning_rate, variable.dtype)
        if treatment.factor != 1:
            learning_rate = treatment.factor * learning_rate
        if treatment.decay:
            variable.assign(variable - variable * treatment.decay * learning_rate)
        if treatment.l2:
            gradient = gradient + treatment.l2 * variable
        super().update_step(gradient, variable, learning_rate)


class Adam(_Treating, keras.optimizers.Adam):
    """Keras's Adam, whose ε stands beside the uncorrected √v, with a treatment for each variable.

    PyTorch's ε stands beside the corrected one, which makes no difference that matters at 1e-8.
    """


class _TorchMomentum(keras.optimizers.SGD):
    """Plain SGD, or SGD with the momentum of PyTorch."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Moves one variable by what its gradient and the gradients before it say."""
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        buffer = self.momentums[self._get_variable_index(variable)]
        buffer.assign(self.momentum * buffer + gradient)
        direction = gradient + self.momentum * buffer if self.nesterov else buffer
        variable.assign_sub(learning_rate * direction)


class Momentum(_Treating, _TorchMomentum):
    """SGD with PyTorch's momentum, and a treatment for each variable.

    With gradient g and momentum μ, for each variable w,

        b ← μ·b + g,    w ← w − β·b,    or with Nesterov's form    w ← w − β·(g + μ·b).

    Keras (and Sutskever et al., 2013, http://proceedings.mlr.press/v28/sutskever13.html) has β
    inside of b. The two agree as long as β is constant. After β fell, Keras's b is that of the old
    rate for some 1/(1 − μ) updates; PyTorch's steps are of the new rate at once.
    """
