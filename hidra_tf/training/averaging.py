"""Averages of all that meta-updates move, which are tested in place of the last values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from hidra_tf.options import check_share


class WeightAverages:
    """Exponential moving averages of variables.

    After update number t (from 1) the average a of a variable w moves by

        a ← d_t·a + (1 − d_t)·w,    d_t = min(decay, (1 + t)/(10 + t)),

    so that early updates, whose weights are soon outdated, are forgotten faster (Polyak and
    Juditsky, 1992, https://doi.org/10.1137/0330046, of weights that all count the same). This is
    `tf.train.ExponentialMovingAverage` with its warm-up. The `use_ema` of Keras's optimizers has
    no warm-up: with a decay of 0.999 the weights after the first update would still count for
    37 % after a thousand. It also knows no running statistics, and cannot go back from the averages
    to the weights, from which the training goes on.

    Example:
        >>> import tensorflow as tf
        >>> from hidra_tf import WeightAverages, make_optimizer
        >>> weight = tf.Variable(0.0)
        >>> averages = WeightAverages([weight], 0.99, make_optimizer([weight], 1e-3))
        >>> _ = weight.assign(1.0)
        >>> averages.follow()
        >>> with averages.in_place():
        ...     print(round(float(weight), 3))
        0.9
        >>> float(weight)
        1.0

    Args:
        variables: the variables, which have their initial values now.
        decay: the largest d_t, in [0, 1); with 0 there are no averages, and everything below does
            nothing.
        optimizer: the optimizer, which counts the updates t.

    Attributes:
        values: the averages in the order of `variables`; the variables' own values within
            `in_place`.

    Raises:
        ValueError: if the decay is out of range.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        decay: float,
        optimizer: keras.optimizers.Optimizer,
    ) -> None:
        check_share("decay", decay)
        self._variables = list(variables) if decay else []
        updates = optimizer.iterations.value
        self._rule = tf.train.ExponentialMovingAverage(decay, num_updates=updates)
        # The first call makes the averages; they begin as what they are averages of.
        self._rule.apply(self._variables)
        self.values: list[tf.Variable] = [self._rule.average(v) for v in self._variables]

    def follow(self) -> None:
        """Moves the averages, after the optimizer has moved the variables."""
        if self._variables:
            self._rule.apply(self._variables)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it, the variables have the averages as their values, as in tests."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()

    def exchange(self) -> None:
        """Exchanges the values of the variables and of their averages."""
        for variable, average in zip(self._variables, self.values, strict=True):
            own = tf.identity(variable)
            variable.assign(average)
            average.assign(own)
