"""Features that were not learned for few-shot tasks: centred and scaled before a head learns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hidra_tf.classifier.memory import Support


class Scaling(NamedTuple):
    """f ↦ (f − center) / scale.

    Attributes:
        center: [D], the mean over classes of the mean features.
        scale: above 0; see `of`.
    """

    center: np.ndarray
    scale: float

    @classmethod
    def of(cls, support: Support) -> Scaling:
        """The scaling of a support set's features [M, D].

        The largest eigenvalue of their covariance becomes 1. The second derivatives of a softmax
        loss are then at most 1, the bias's included, so that steps of 1 cannot overshoot.
        """
        features = support.examples.astype(np.float64)
        counts = np.bincount(support.labels)
        weights = 1 / (len(counts) * counts[support.labels])
        center = weights @ features
        rows = np.sqrt(weights)[:, np.newaxis] * (features - center)
        scale = np.linalg.norm(rows, 2)
        return cls(center, scale if scale > 0 else 1.0)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features [N, D], scaled, of the type they had."""
        return ((features - self.center) / self.scale).astype(features.dtype)
