import io
import sys

import pytest

from hidra_tf.runs.terminal import streams


@pytest.fixture
def output(monkeypatch):
    """Makes standard output one of an encoding; returns what was written so far."""

    def make(encoding):
        written = io.BytesIO()
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(written, encoding=encoding, write_through=True)
            monkeypatch.setattr(sys, name, stream)
        streams.show_anything()
        return written

    return make


def test_what_an_encoding_lacks_is_spelled(output):
    written = output("ascii")
    print("98.71 ± 0.12 %, 28 × 28, φ → ψ, 漢")
    assert written.getvalue() == b"98.71 +/- 0.12 %, 28 x 28, phi -> psi, \\u6f22\n"


def test_what_it_has_is_shown(output):
    written = output("cp1252")
    print("± φ")
    assert written.getvalue().decode("cp1252") == "± phi\n"


def test_bytes_of_file_names_do_not_break_it(output):
    written = output("utf-8")
    print("φ \udcff")
    assert written.getvalue() == "φ \\udcff\n".encode()


def test_a_stream_that_is_no_stream_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    streams.show_anything()
