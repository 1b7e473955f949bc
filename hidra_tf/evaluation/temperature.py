"""How sure answers are: what logits are divided by before the softmax."""

from __future__ import annotations

import math
from dataclasses import dataclass

from data_gen.errors import UserError


@dataclass(frozen=True)
class Temperature:
    """T(K) = limit + per_picture / K, for K support pictures of each class.

    A head that was learned from few pictures follows what is accidental in them, and its logits are
    too large. The variance of a class's mean feature is 1/n of that of a single picture, so that
    what T adds falls with 1/n too. Where classes have unequal numbers n_c of pictures, 1/K is the
    mean of 1/n_c: K is the harmonic mean.

    Attributes:
        limit: T for very many pictures, above 0.
        per_picture: what T has more for single pictures, at least 0; with 0, T is a constant.

    Raises:
        UserError: if one of them is not such a number.
    """

    limit: float = 1.0
    per_picture: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.limit < math.inf and 0 <= self.per_picture < math.inf):
            raise UserError(
                "expected a temperature above 0 that no further picture raises; received a limit "
                f"of {self.limit}, and {self.per_picture} per picture"
            )

    @classmethod
    def of(cls, value: Temperature | float) -> Temperature:
        """A temperature as it is, or one that is the same number for all tasks."""
        return value if isinstance(value, cls) else cls(float(value))

    def at(self, pictures: float) -> float:
        """T for K `pictures` of each class; a tensor in place of K gives a tensor."""
        return self.limit + self.per_picture / pictures
