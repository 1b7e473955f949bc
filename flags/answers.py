"""From flags to a question about one's own pictures."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from data_gen import own_pictures
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from flags import build, effects
from hidra_tf import methods, shipped
from hidra_tf.answers.request import Request
from hidra_tf.options import TRANSDUCTIVE
from hidra_tf.runs.config import EvalRequest, show
from hidra_tf.runs.place import folder
from hidra_tf.runs.place.whole import check_new

FLAGS = absl_flags.FLAGS

PREDICTIONS = Path("predictions")
# What is started from where nothing is named.
USUAL = "omniglot"
# Flags that are read; all else is decided by what is started from.
_READ = (
    "adapt", "predict", "initialization", "classifier", "save", "output_dir", "unknown_below",
    "run_dir", "checkpoint", "eval_norm", "eval_steps", "invert", "frame", "trust_run", "backbone",
)  # fmt: skip
# Those of them that depend on it, rather than on other flags.
_OF_A_RUN = ("checkpoint", "eval_norm", "trust_run", "backbone")
_OF_A_START = ("run_dir", "eval_steps", "invert", *_OF_A_RUN)
_STARTS = ("run_dir", "initialization", "classifier")


def asked() -> bool:
    """Whether the flags ask about one's own pictures."""
    return FLAGS.adapt is not None or FLAGS.predict is not None


def request() -> Request:
    """What the flags ask; folders are listed, and no picture is read yet.

    Raises:
        UserError: if a flag has no effect, or a folder is not what it has to be.
    """
    given = build.given_flags()
    _check_flags(given)
    start = start_of_flags(given)
    support = None
    if FLAGS.adapt is not None:
        least = 1 if FLAGS.classifier else own_pictures.LEAST_CLASSES
        support = own_pictures.to_learn(FLAGS.adapt, "adapt", least)
    queries = FLAGS.predict and own_pictures.opened(FLAGS.predict, "predict")
    return Request(
        support=support,
        queries=queries,
        output_dir=queries and _output_dir(queries),
        save=_save(),
        n_steps=_n_steps(),
        invert=given.get("invert"),
        frame=FLAGS.frame,
        unknown_below=FLAGS.unknown_below,
        **start,
    )


def _check_flags(given: Mapping[str, Any]) -> None:
    asking = "adapt" if "adapt" in given else "predict"
    reason = "for which nothing is trained or tested by tasks"
    effects.check_read(given, _READ, asking, reason)
    if FLAGS.adapt is None and FLAGS.classifier is None:
        raise UserError(
            "predict: expected with `adapt`, a folder of classes to learn, or with `classifier`, "
            "which has learned some; received neither"
        )
    if FLAGS.predict is None and FLAGS.save is None:
        raise UserError(
            "adapt: expected with `predict`, pictures to be named, or with `save`, a folder for "
            "what is learned; received neither, so that nothing would be left of it"
        )
    if not 0 <= (FLAGS.unknown_below or 0) <= 1:  # NaN is neither
        raise UserError(f"unknown_below: expected 0 to 1; received {FLAGS.unknown_below}")
    effects.check_given({name: value for name, value in given.items() if name not in _OF_A_START})
    if FLAGS.classifier:
        reason = "which keeps those that it was made with"
        read = given.keys() - {"eval_steps", "invert", "frame"}
        effects.check_read(given, read, "classifier", reason)


def _check_one_start(given: Mapping[str, Any]) -> None:
    starts = [name for name in _STARTS if name in given]
    if len(starts) > 1:
        raise UserError(
            f"expected one of `run_dir`, `initialization` and `classifier` to start from; received "
            f"{' and '.join(f'`{name}`' for name in starts)}"
        )
    for name in _OF_A_RUN:
        if name in given and not FLAGS.run_dir:
            raise UserError(f"{name}: expected with `run_dir`, received {show(given[name])}")


def start_of_flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Request` that say what is started from.

    Args:
        given: flag → value of those that the user gave.

    Raises:
        UserError: if several are named, the one that is named is not there, or a flag has no
            effect on it.
    """
    _check_one_start(given)
    if FLAGS.run_dir:
        return _run(Path(FLAGS.run_dir), given)
    if FLAGS.classifier:
        return {"classifier": Path(FLAGS.classifier)}
    name = FLAGS.initialization or USUAL
    if name not in shipped.names():
        known = ", ".join(shipped.names()) or "none, for this copy of the program has none"
        raise UserError(
            f"initialization: expected one of {known}; received {name}; `run_dir` starts from a "
            "run instead"
        )
    return {"initialization": name}


def _run(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a run, whose settings say which flags have an effect."""
    run = folder.open_run(path)
    build.check_trusted_run(path)
    asked = EvalRequest(checkpoint=FLAGS.checkpoint)
    if "eval_steps" in given and not methods.METHODS[run.method].steps:
        raise UserError(
            f"eval_steps: expected with a method with inner steps, received "
            f"{show(FLAGS.eval_steps)} for {path}, a run of {run.method}"
        )
    norm = FLAGS.eval_norm or run.norm
    if norm in TRANSDUCTIVE:
        raise UserError(
            f"{path} normalises by `norm={norm}`, under which the answer about a picture would "
            "depend on which other pictures are asked about; expected `eval_norm=support`, or a "
            "run that was trained with support, running, affine or none"
        )
    return {
        "run_dir": path,
        "checkpoint": asked.checkpoint,
        "norm": FLAGS.eval_norm,
        "backbone": run.backbone if run.names_code else None,
    }


def _n_steps() -> int | None:
    steps = FLAGS.eval_steps
    if steps is not None and (len(steps) > 1 or steps[0] < 1):
        raise UserError(
            f"eval_steps: expected one number ≥ 1 to learn with; received {show(steps)}"
        )
    return steps and steps[0]


def _save() -> Path | None:
    if FLAGS.save is None:
        return None
    check_new(Path(FLAGS.save), "save")
    return Path(FLAGS.save)


def _output_dir(queries: PictureTree) -> Path:
    """`--output_dir`, else the first free name under `predictions/`."""
    if FLAGS.output_dir is not None:
        check_new(Path(FLAGS.output_dir), "output_dir", or_empty=True)
        return Path(FLAGS.output_dir)
    name = queries.root.name.removesuffix(".zip") or "pictures"
    numbered = (PREDICTIONS / f"{name}-{number}" for number in itertools.count(2))
    free = (p for p in itertools.chain([PREDICTIONS / name], numbered) if not _is_there(p))
    return next(free)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
