"""What the page shows of a session, as plain values that its template draws."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from hidra_tf.app.session import Session

# What is said to a new visitor.
FIRST = "Name your first class, such as a letter or a sign."


def classes(session: Session) -> dict[str, Any]:
    """The classes with their pictures, as `texts/board.js` shows them."""
    return {
        "classes": [
            {
                "name": name,
                "counted": _counted(len(pictures)),
                "pictures": [
                    {"place": place, "source": source(picture)}
                    for place, picture in enumerate(pictures)
                ],
            }
            for name, pictures in session.pictures.items()
        ]
    }


def answer(shares: dict[str, float], unknown_below: float) -> dict[str, Any]:
    """What is said of a picture.

    Args:
        shares: class → probability.
        unknown_below: the probability below which no class is named.
    """
    if not shares:
        return {"shares": {}, "best": None, "unknown": False}
    best = max(shares, key=shares.__getitem__)
    return {"shares": shares, "best": best, "unknown": shares[best] < unknown_below}


def hint(session: Session, answered: dict[str, Any]) -> str:
    """One sentence: the answer, or what to do next."""
    best = answered["best"]
    if best is not None:
        share = f"{100 * answered['shares'][best]:.0f} %"
        if answered["unknown"]:
            return f"Unknown: the nearest class is “{best}”, with {share}."
        return f"This is “{best}”, with {share}."
    taught = len(session.taught)
    if taught > 1:
        return "Draw something new, and watch the answer."
    if not session.pictures:
        return FIRST
    if not taught:
        return "Draw an example, and press “+ Add” below its class."
    return "Now teach a second class, to be told from the first."


def source(picture: np.ndarray) -> str:
    """A picture [H, W] or [H, W, 3] of uint8 as the source of an image in a page."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _counted(number: int) -> str:
    return {0: "no picture yet", 1: "1 picture"}.get(number, f"{number} pictures")
