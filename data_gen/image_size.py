"""The size of a picture, as people write it."""

from __future__ import annotations

import re
from typing import NamedTuple


class ImageSize(NamedTuple):
    """Height and width in pixels; written "84" where they are equal, else "64x96"."""

    height: int
    width: int

    @classmethod
    def parse(cls, text: str) -> ImageSize:
        """Reads "84" or "64x96" (height × width).

        Raises:
            ValueError: if it is neither, or a side is 0.
        """
        match = re.fullmatch(r"\s*(\d{1,4})(?:x(\d{1,4}))?\s*", text)
        size = cls(int(match[1]), int(match[2] or match[1])) if match else cls(0, 0)
        if min(size) < 1:
            raise ValueError(
                f"expected one number of pixels or HEIGHTxWIDTH, like 84 or 64x96; "
                f"received {text!r}"
            )
        return size

    def __str__(self) -> str:
        if self.height == self.width:
            return str(self.height)
        return f"{self.height}x{self.width}"
