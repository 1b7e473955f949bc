"""The pad and the board, which Gradio has nothing for, and names for all parts of the page."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

_TEXTS = Path(__file__).parent / "texts"


class Widgets(NamedTuple):
    """What handlers read and write; see `hidra_tf.app.page.build` for their places."""

    session: gr.State
    place: gr.State
    drawing: gr.HTML
    files: gr.File
    shot: gr.Image
    unknown: gr.Slider
    board: gr.HTML
    hint: gr.HTML
    seen: gr.HTML
    trouble: gr.HTML
    name: gr.Textbox
    steps: gr.Slider
    taken: gr.DownloadButton


def text(name: str) -> str:
    """One of the page's own files: HTML, a style sheet or a script."""
    return (_TEXTS / name).read_text(encoding="utf-8")


def pad() -> gr.HTML:
    """A pad to draw on, whose value is the ways of the pen as JSON; see `strokes.read`.

    Gradio's own one sends pixels, and only when the pen is lifted.
    """
    return _own("pad", "")


def board() -> gr.HTML:
    """The classes with their pictures and bars; see `board.classes` and `board.answer`."""
    return _own("board", {"classes": []}, answer={})


def line(name: str, role: str, said: str = "") -> gr.HTML:
    """A line of plain text, whatever signs it has; `role` tells it to those who do not see it."""
    return gr.HTML(
        said,
        html_template=f'<p role="{role}"></p>',
        js_on_load=text("line.js"),
        apply_default_css=False,
        elem_id=name,
    )


def _own(name: str, value: object, **props: object) -> gr.HTML:
    return gr.HTML(
        value,
        html_template=text(f"{name}.html"),
        css_template=text(f"{name}.css"),
        js_on_load=text(f"{name}.js"),
        apply_default_css=False,
        elem_id=name,
        **props,
    )
