"""What happens in a session when its visitor draws, chooses or presses something."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_gen.errors import UserError
from hidra_tf.app import board, downloads, strokes, uploads
from hidra_tf.app.session import Session

_KEPT_SECONDS = 3600
DRAWING, FILES, CAMERA = "drawing", "files", "camera"


class Shown(NamedTuple):
    """What a visitor has before them, to be named or added.

    Attributes:
        place: `DRAWING`, `FILES` or `CAMERA`: which of the following counts.
        drawing: the strokes as text; see `strokes.read`.
        files: names of uploaded files.
        shot: the name of the camera's file.
        unknown_below: the probability below which no class is named.
    """

    place: str
    drawing: str | None
    files: Sequence[str] | None
    shot: str | None
    unknown_below: float


class Reply(NamedTuple):
    """What the page then shows.

    Attributes:
        answer: see `board.answer`.
        hint: one sentence: the answer, or what to do next.
        seen: the picture as the network sees it, as the source of an image; empty without one.
        trouble: a line about each thing that was refused; empty if nothing was.
    """

    answer: dict[str, Any]
    hint: str
    seen: str
    trouble: str = ""


def look(session: Session, shown: Shown) -> Reply:
    """Says what the first of the visitor's pictures is."""
    try:
        pictures, refused = _pictures(session, shown)
        return _replied(session, shown, pictures, refused)
    except UserError as error:
        return _replied(session, shown, [], [str(error)])


def teach(session: Session, name: str, shown: Shown) -> tuple[Reply, bool]:
    """Adds the visitor's pictures to a class; also returns whether they were added."""
    try:
        pictures, refused = _pictures(session, shown)
        if not pictures and refused:
            return look(session, shown), False
        session.teach(name, pictures)
    except UserError as error:
        return look(session, shown)._replace(trouble=str(error)), False
    return _replied(session, shown, [], refused), True


def name_class(session: Session, name: str, shown: Shown) -> tuple[Reply, bool]:
    """Adds a class; also returns whether it was added."""
    return _changed(session, shown, lambda: session.name_class(name))


def forget(session: Session, name: str, shown: Shown) -> Reply:
    """Drops a class."""
    return _changed(session, shown, lambda: session.forget(name))[0]


def forget_picture(session: Session, name: str, place: int, shown: Shown) -> Reply:
    """Drops a picture of a class."""
    return _changed(session, shown, lambda: session.forget_picture(name, place))[0]


def set_steps(session: Session, steps: int, shown: Shown) -> Reply:
    """Learns everything anew with another number of steps."""
    return _changed(session, shown, lambda: session.set_steps(steps))[0]


def download(session: Session, kind: str, folder: Path) -> tuple[Path | None, str]:
    """Writes what is to be downloaded into a new folder within `folder`; or says why not."""
    _drop_old(folder)
    try:
        return downloads.write(session, kind, Path(tempfile.mkdtemp(dir=folder))), ""
    except UserError as error:
        return None, str(error)


def _drop_old(folder: Path) -> None:
    """Removes downloads that were made an hour ago."""
    for made in folder.iterdir():
        with contextlib.suppress(OSError):  # another visitor's call may have removed it
            if made.stat().st_mtime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(made, ignore_errors=True)


def _changed(session: Session, shown: Shown, change: Callable[[], object]) -> tuple[Reply, bool]:
    try:
        change()
    except UserError as error:
        return look(session, shown)._replace(trouble=str(error)), False
    return look(session, shown), True


def _pictures(session: Session, shown: Shown) -> tuple[list[np.ndarray], list[str]]:
    """The visitor's pictures, and what is to be said of files that are none."""
    wanted = session.start.pictures
    if shown.place == DRAWING:
        drawn = strokes.read(shown.drawing)
        return [strokes.picture(drawn, wanted.size, wanted.channels)] if drawn else [], []
    files = (shown.files or []) if shown.place == FILES else [shown.shot] if shown.shot else []
    return uploads.read(files, wanted.size, wanted.channels, wanted.frame)


def _replied(
    session: Session, shown: Shown, pictures: list[np.ndarray], refused: list[str]
) -> Reply:
    shares = session.probabilities(pictures[0]) if pictures else {}
    answered = board.answer(shares, shown.unknown_below)
    said = board.hint(session, answered)
    if len(pictures) > 1 and shares:
        said += f" It is the first of {len(pictures)} pictures."
    seen = board.source(pictures[0]) if pictures else ""
    return Reply(answered, said, seen, "\n".join(refused))
