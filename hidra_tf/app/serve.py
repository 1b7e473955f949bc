"""Serves the page until it is stopped: on this machine alone, and without the internet."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_gen import STROKES
from data_gen.errors import UserError
from hidra_tf.answers.answer import start_of
from hidra_tf.answers.request import Request
from hidra_tf.app.bounds import MOST_BYTES
from hidra_tf.app.session import Session
from hidra_tf.classifier.initialization import Initialization

if TYPE_CHECKING:
    import gradio as gr

_LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
USUAL_PORT = 7860
# Visitors whose classes are kept at a time.
_VISITORS = 200
# Gradio would ask its makers for versions, and tell them that it was started.
OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUBOFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


def check_installed() -> None:
    """Raises `UserError` unless the optional packages of the page are installed."""
    if importlib.util.find_spec("gradio") is None:
        raise UserError(
            "app: expected the optional package gradio, which is not installed; "
            "pip install '.[app]' installs it"
        )


def serve(request: Request, host: str = LOOPBACK, port: int | None = None) -> None:
    """Serves the page until Ctrl-C or SIGTERM.

    Args:
        request: says what every visitor's classifier starts from.
        host: the address to listen on; another than this machine's own is warned of.
        port: the port to listen on; None takes the first free one from 7860 on.

    Raises:
        UserError: if gradio is missing, if the address or port cannot be had, or if the
            initialization takes no pictures, or one number of classes only.
    """
    check_installed()
    check_address(host, port)
    start = start_of(request).starting_point()
    check_start(start)
    with tempfile.TemporaryDirectory(prefix="hidra-app-") as folder, _stoppable():
        _warm_up(start)
        page = launched(start, named(request), host, port, Path(folder))
        if not is_loopback(host):
            _LOG.warning(
                "host: everyone who reaches %s can use this page, and no password is asked", host
            )
        print(f"open {page.local_url} in a browser; Ctrl-C stops", flush=True)
        threading.Event().wait()


def check_start(start: Initialization) -> None:
    """Raises `UserError` where classes cannot come and go, or pictures cannot be shown."""
    if start.pictures is None:
        raise UserError("expected an initialization for pictures; received one for features")
    for ways in (2, 3):
        start.method.check_ways(ways)


def launched(
    start: Initialization, name: str, host: str, port: int | None, folder: Path
) -> gr.Blocks:
    """Starts the server in threads of its own; `local_url` is the page's address, `close` ends it.

    Args:
        start: what every visitor's classifier starts from.
        name: what it is called on the page.
        host: the address to listen on.
        port: the port to listen on; None takes the first free one from 7860 on.
        folder: an empty folder for visitors' files.

    Raises:
        UserError: if the address or the port cannot be had.
    """
    made = folder / "downloads"
    made.mkdir()
    os.environ.update(OFFLINE, GRADIO_TEMP_DIR=str(folder / "cache"))
    import gradio as gr

    from hidra_tf.app.page import build
    from hidra_tf.app.widgets import text

    drawings = start.origin is not None and start.origin.dataset in STROKES
    page = build(start, name, drawings, made)
    # Fonts that every machine has; Gradio's own ones would come from the internet.
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    try:
        page.launch(
            server_name=host, server_port=port, share=False, quiet=True, inbrowser=False,
            prevent_thread_lock=True, max_file_size=MOST_BYTES, footer_links=[], ssr_mode=False,
            state_session_capacity=_VISITORS, enable_monitoring=False, mcp_server=False, pwa=False,
            theme=gr.themes.Base(primary_hue="indigo", neutral_hue="slate", **fonts),
            css=text("page.css"),
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"port: expected a free one; received {error}") from error
    return page


def named(request: Request) -> str:
    """What is started from, without the places of this machine's folders."""
    return request.start if request.run_dir is None else f"the run {request.run_dir.name}"


def _warm_up(start: Initialization) -> None:
    """Compiles what the first visitor would otherwise wait for."""
    shape = start.pictures.size + ((3,) if start.pictures.channels == 3 else ())
    example = Session(start)
    for name, shade in (("a", 0), ("b", 255)):
        example.name_class(name)
        example.teach(name, [np.full(shape, shade, np.uint8)])
    example.probabilities(np.zeros(shape, np.uint8))


def check_address(host: str, port: int | None) -> None:
    """Raises `UserError` unless the address is one of this machine's, and the port is free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        asked = "" if port is None else f" with `port={port}`"
        raise UserError(
            f"host: expected an address of this machine and a free port; received `host={host}`"
            f"{asked}: {reason}"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _stoppable() -> Iterator[None]:
    """Lets SIGTERM end the block in order, as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing is kept of what visitors taught") from None
    finally:
        signal.signal(signal.SIGTERM, before)
