"""Flags about the page in the browser."""

from __future__ import annotations

from absl import flags as absl_flags

TITLE = "A page to try it on"

absl_flags.DEFINE_bool(
    "app",
    False,
    "Serve a page on which classes are named, drawn or uploaded, and predicted while you draw; it "
    "starts from --initialization (default: omniglot) or --run_dir. The word app as the first "
    "argument says the same. It needs an optional package: pip install '.[app]'.",
)
absl_flags.DEFINE_string(
    "host",
    "127.0.0.1",
    "The address on which the page is served. The default can be reached from this machine alone; "
    "0.0.0.0 lets everyone in the network use it, without a password.",
)
absl_flags.DEFINE_integer(
    "port",
    None,
    "The port on which the page is served (default: the first free one from 7860 on).",
    lower_bound=1,
    upper_bound=65535,
)
