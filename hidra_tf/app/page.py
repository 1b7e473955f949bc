"""The page: what stands where, and which function answers what."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from hidra_tf.app import board as board_view
from hidra_tf.app import events
from hidra_tf.app.bounds import LONGEST_NAME, MOST_BYTES, MOST_CLASSES, MOST_FILES, MOST_PICTURES
from hidra_tf.app.handlers import CAMERA, DRAWING, FILES
from hidra_tf.app.session import Session
from hidra_tf.app.widgets import Widgets, board, line, pad
from hidra_tf.classifier.initialization import Initialization

_MOST_STEPS = 20


def build(start: Initialization, name: str, drawings: bool, folder: Path) -> gr.Blocks:
    """The page for an initialization.

    Args:
        start: what every visitor's classifier starts from.
        name: what it is called on the page.
        drawings: whether it was trained on drawings; the pad then stands first.
        folder: where downloads are written.
    """
    with gr.Blocks(title="HIDRA", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        session = gr.State(lambda: Session(start), time_to_live=12 * 3600)
        gr.Markdown(f"# HIDRA\nTeach it a few pictures of anything. It starts from {name}.",
                    elem_id="title")  # fmt: skip
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=330, elem_id="look"):
                place = gr.State(DRAWING if drawings else FILES)
                drawing, files, shot = _pictures(place, drawings)
                seen = gr.HTML("", elem_id="seen")
            with gr.Column(scale=7, min_width=340, elem_id="classes"):
                hint = line("hint", "status", board_view.FIRST)
                with gr.Row(elem_id="naming"):
                    naming = gr.Textbox(
                        placeholder="Name of a class", show_label=False, container=False, scale=4,
                        max_length=10 * LONGEST_NAME, elem_id="name",
                    )  # fmt: skip
                    named = gr.Button("New class", variant="primary", scale=1, min_width=120,
                                      elem_id="new")  # fmt: skip
                trouble = line("trouble", "alert")
                classes = board()
                steps, unknown = _settings(Session(start))
                taking, taken = _downloads()
        shown = Widgets(session, place, drawing, files, shot, unknown, classes, hint, seen,
                        trouble, naming, steps, taken)  # fmt: skip
        events.connect(shown, named, taking, folder)
    return page


def _pictures(place: gr.State, drawings: bool) -> tuple[gr.HTML, gr.File, gr.Image]:
    """Tabs to draw, to choose files and to take a picture; the choice is kept in `place`."""
    with gr.Tabs(selected=DRAWING if drawings else FILES):
        with gr.Tab("Draw", id=DRAWING) as draw:
            drawing = pad()
        with gr.Tab("Files", id=FILES) as choose:
            files = gr.File(
                file_count="multiple", label=f"Up to {MOST_FILES} pictures of {MOST_BYTES >> 20} "
                "MiB each", height=300, elem_id="files",
            )  # fmt: skip
        with gr.Tab("Camera", id=CAMERA) as photograph:
            shot = gr.Image(sources=["webcam"], type="filepath", show_label=False, height=360,
                            elem_id="camera")  # fmt: skip
    for tab, name in ((draw, DRAWING), (choose, FILES), (photograph, CAMERA)):
        tab.select(lambda name=name: name, None, place, **events.PRIVATE)
    return drawing, files, shot


def _settings(example: Session) -> tuple[gr.Slider, gr.Slider]:
    with gr.Accordion("Settings", open=False, elem_id="settings"):
        steps = gr.Slider(
            1, max(_MOST_STEPS, example.steps), example.steps, step=1, label="Inner steps",
            info="How long the classes are learned; more may be better for many classes.",
            visible=example.takes_steps, elem_id="steps",
        )  # fmt: skip
        unknown = gr.Slider(
            0, 0.99, 0.0, step=0.01, label="Unknown below",
            info="Where no class is as probable as this, the answer is “unknown”.",
            elem_id="unknown",
        )  # fmt: skip
        gr.Markdown(f"At most {MOST_CLASSES} classes, and {MOST_PICTURES} pictures of each.")
    return steps, unknown


def _downloads() -> tuple[dict[str, gr.Button], gr.DownloadButton]:
    with gr.Accordion("Download your classifier", open=False, elem_id="downloads"):
        gr.Markdown(
            "The classifier is a zipped folder for `FewShotClassifier.load`; the SavedModel is one "
            "for TensorFlow alone; TensorFlow Lite is a single file, for a phone."
        )
        with gr.Row():
            taking = {
                "classifier": gr.Button("Classifier", elem_id="take_classifier"),
                "saved_model": gr.Button("SavedModel", elem_id="take_saved_model"),
                "tflite": gr.Button("TensorFlow Lite", elem_id="take_tflite"),
            }
        taken = gr.DownloadButton(visible="hidden", elem_id="taken")
    return taking, taken
