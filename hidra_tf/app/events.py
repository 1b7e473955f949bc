"""Connects what a visitor does with the handlers, and their replies with the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from hidra_tf.app import board, handlers
from hidra_tf.app.handlers import Reply, Shown
from hidra_tf.app.session import Session
from hidra_tf.app.widgets import Widgets

# No part of the page is offered to programs, and none is covered while it waits.
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
# One after another, so that no answer comes later than what changed it.
_IN_TURN = {**PRIVATE, "concurrency_id": "session", "concurrency_limit": 1}
_SEEN = '<div class="seen"><img src="{}" alt="">What the network sees</div>'
_TAKE = "() => document.querySelector('#taken a, a#taken, #taken button, button#taken').click()"


def connect(on: Widgets, named: gr.Button, taking: dict[str, gr.Button], folder: Path) -> None:
    """Connects all of them.

    Args:
        on: the page's parts.
        named: the button that adds a class.
        taking: kind of download → its button.
        folder: where downloads are written.
    """
    _looks(on)
    _changes(on, named)
    for kind, button in taking.items():
        button.click(_download(kind, folder), on.session, [on.taken, on.trouble], **PRIVATE).then(
            None, on.taken, None, js=f"(file) => file && setTimeout({_TAKE}, 100)", **PRIVATE
        )


def _looks(on: Widgets) -> None:
    """What changes nothing that was taught: the picture, and what is called unknown."""
    # A pen moves faster than answers come: the last of its places counts.
    for event in (on.drawing.input, on.files.change, on.shot.change, on.unknown.input):
        event(_look, _asked(on), _told(on), trigger_mode="always_last", **_IN_TURN)
    on.place.change(_look, _asked(on), _told(on), **_IN_TURN)


def _changes(on: Widgets, named: gr.Button) -> None:
    """What changes what was taught."""
    asked, told = _asked(on), _told(on)
    for event in (named.click, on.name.submit):
        event(_name_class, _asked(on, on.name), [*told, on.name], **_IN_TURN)
    taught = on.board.teach(_teach, asked, [*told, on.drawing, on.files, on.shot], **_IN_TURN)
    # What was still asked about the picture that was added is answered by now.
    taught.then(_look_again, asked, told[:-1], **_IN_TURN)
    on.board.forget(_forget, asked, told, **_IN_TURN)
    on.board.forget_picture(_forget_picture, asked, told, **_IN_TURN)
    on.steps.release(_set_steps, _asked(on, on.steps), told, **_IN_TURN)


def _look(session: Session, *shown: Any) -> tuple:  # noqa: ANN401
    reply = handlers.look(session, Shown(*shown))
    told = _replied(reply)
    # Where there is nothing to look at, what was refused before stays to be read.
    return told if reply.seen or reply.trouble else (*told[:-1], gr.skip())


def _look_again(session: Session, *shown: Any) -> tuple:  # noqa: ANN401
    return _replied(handlers.look(session, Shown(*shown)))[:-1]


def _name_class(session: Session, name: str, *shown: Any) -> tuple:  # noqa: ANN401
    reply, done = handlers.name_class(session, name, Shown(*shown))
    return *_replied(reply, session), "" if done else gr.skip()


def _teach(session: Session, event: gr.EventData, *shown: Any) -> tuple:  # noqa: ANN401
    reply, done = handlers.teach(session, event.name, Shown(*shown))
    cleared = ("", None, None) if done else (gr.skip(),) * 3
    return *_replied(reply, session), *cleared


def _forget(session: Session, event: gr.EventData, *shown: Any) -> tuple:  # noqa: ANN401
    return _replied(handlers.forget(session, event.name, Shown(*shown)), session)


def _forget_picture(session: Session, event: gr.EventData, *shown: Any) -> tuple:  # noqa: ANN401
    reply = handlers.forget_picture(session, event.name, int(event.place), Shown(*shown))
    return _replied(reply, session)


def _set_steps(session: Session, steps: int, *shown: Any) -> tuple:  # noqa: ANN401
    return _replied(handlers.set_steps(session, int(steps), Shown(*shown)))


def _asked(on: Widgets, *first: gr.components.Component) -> list[gr.components.Component]:
    """The inputs of a handler: the session, its own, and those of `Shown`."""
    return [on.session, *first, on.place, on.drawing, on.files, on.shot, on.unknown]


def _told(on: Widgets) -> list[gr.components.Component]:
    """The outputs of a handler: those of `_replied`."""
    return [on.board, on.hint, on.seen, on.trouble]


def _replied(reply: Reply, session: Session | None = None) -> tuple:
    """A reply for board, hint, picture and trouble; with a session, its classes are drawn anew."""
    changed = {} if session is None else {"value": board.classes(session)}
    seen = _SEEN.format(reply.seen) if reply.seen else ""
    return (
        gr.HTML(answer=reply.answer, **changed),
        reply.hint,
        seen,
        reply.trouble,
    )


def _download(kind: str, folder: Path) -> Callable[[Session], tuple]:
    def download(session: Session) -> tuple:
        path, trouble = handlers.download(session, kind, folder)
        return path and str(path), trouble

    return download
