"""Output that no locale can break: what a terminal cannot show is spelled in ASCII."""

from __future__ import annotations

import codecs
import sys

_SPELLED = {
    "×": "x", "±": "+/-", "·": "*", "−": "-", "–": "-", "—": "-", "→": "->", "…": "...",
    "≤": "<=", "≥": ">=", "°": " degrees", "√": "sqrt ", "½": "1/2", "α": "alpha", "β": "beta",
    "γ": "gamma", "η": "eta", "θ": "theta", "λ": "lambda", "φ": "phi", "ψ": "psi", "Ŷ": "Y^",
    "τ": "tau", "ε": "epsilon", "ⁿ": "^n", "′": "'",
}  # fmt: skip
_NAME = "hidra_spelled"


def show_anything() -> None:
    """Lets standard output and standard error take every character, bytes of file names too."""
    codecs.register_error(_NAME, _spell)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_NAME)


def _spell(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks; see `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    shown = (_SPELLED.get(c) or c.encode("ascii", "backslashreplace").decode() for c in missing)
    return "".join(shown), error.end
