"""One seed for a whole run, and independent ones for all that is drawn with it."""

from __future__ import annotations

import hashlib


def derive(seed: int, purpose: str) -> int:
    """A seed in 0 … 2³¹ − 1 that differs wherever `seed` or `purpose` do.

    Initializers of one library share their generator: given the same seed, a head would start
    out as a copy of a kernel.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
