"""What is found before the page is served."""

import dataclasses
import importlib.util
import socket
from pathlib import Path

import pytest

from data_gen.errors import UserError
from hidra_tf.answers.request import Request
from hidra_tf.app import serve


def test_without_gradio_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"gradio, which is not installed; pip install '\.\[app\]'"):
        serve.serve(Request(initialization="omniglot"))


def test_a_port_or_an_address_that_cannot_be_had_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"`host=127\.0\.0\.1` with `port={port}`"):
            serve.check_address("127.0.0.1", port)
    for host in ("192.0.2.1", "no such host", "x" * 70):
        with pytest.raises(UserError, match="host: expected an address of this machine"):
            serve.check_address(host, None)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_the_machines_own_address_needs_no_warning(host, loopback):
    assert serve.is_loopback(host) is loopback


def test_what_takes_one_number_of_classes_or_features_is_refused(start):
    from hidra_tf.classifier import starts
    from hidra_tf.runs.assembly import method_for

    serve.check_start(start)
    config = dataclasses.replace(start.origin, method="maml", head="per_class")
    fixed = dataclasses.replace(start, method=method_for(config, config.seen_shape))
    with pytest.raises(UserError, match="5"):
        serve.check_start(fixed)
    with pytest.raises(UserError, match="expected an initialization for pictures"):
        serve.check_start(starts.of_features(3))


def test_the_page_does_not_tell_where_a_run_lies():
    assert serve.named(Request(run_dir=Path("/home/somebody/runs/mine"))) == "the run mine"
    assert serve.named(Request(initialization="omniglot")) == "the initialization omniglot"
