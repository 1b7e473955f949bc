"""What a classifier was given, and cannot use."""

from __future__ import annotations

from data_gen.errors import UserError


class InputError(UserError, ValueError):
    """Pictures, labels or settings that cannot be meant, in one line.

    It is a `ValueError` too, as scikit-learn's tools expect of an estimator.
    """
