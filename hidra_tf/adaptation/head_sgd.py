"""The optimizer by which a new head is trained for one task; free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hidra_tf.options import check_count, check_not_negative


@dataclass(frozen=True)
class HeadSgd:
    """SGD as PyTorch defines it, for the head that a transfer method trains on a support set.

    Attributes:
        momentum: μ; 0 is plain gradient descent.
        dampening: τ, which takes effect with momentum only.
        decay: λ, the weight decay that is added to the gradient.
        batch: the number of pictures of a minibatch; 0 for the whole support set.

    Raises:
        ValueError: if a number is negative, or no number.
    """

    momentum: float = 0.0
    dampening: float = 0.0
    decay: float = 0.0
    batch: int = 0

    def __post_init__(self) -> None:
        for name in ("momentum", "dampening", "decay"):
            check_not_negative(name, getattr(self, name))
        check_count("batch", self.batch, 0)

    def changed(self, **asked: float | None) -> HeadSgd:
        """The same with what is asked for; each name is a field after `head_`, None keeps it."""
        given = {name.removeprefix("head_"): value for name, value in asked.items()}
        return replace(self, **{name: v for name, v in given.items() if v is not None})


# That of Chen, Liu, Kira, Wang and Huang (2019), https://arxiv.org/abs/1904.04232; they make 100
# passes over the support set at a rate of 0.01.
PUBLISHED = HeadSgd(momentum=0.9, dampening=0.9, decay=0.001, batch=4)
