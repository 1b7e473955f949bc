"""Which checkpoint of a run is evaluated, and what tells its weights from others."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.methods.interface import Method
from hidra_tf.runs import sizes
from hidra_tf.runs.checkpoints.files import (
    BEST,
    ENSEMBLE,
    FOLDERS,
    checkpoints_in,
    saved_step,
    step_of,
)
from hidra_tf.runs.checkpoints.members import members_in
from hidra_tf.runs.checkpoints.reading import best_accuracy, weights_digest
from hidra_tf.runs.checkpoints.store import Checkpoints, DamagedError
from hidra_tf.runs.config import Config

_LOG = logging.getLogger(__name__)


class Weights(NamedTuple):
    """The weights of a checkpoint, or of several that answer together.

    Attributes:
        kind: `best`, `last`, `ensemble`, or the step that was asked for, as text.
        step: the meta-updates that they have seen; of an ensemble the most of them.
        digest: a digest of their values; None if the checkpoint cannot be read again.
        steps: the same meta-updates for each member of an ensemble; empty for one checkpoint.
    """

    kind: str
    step: int
    digest: str | None
    steps: tuple[int, ...] = ()

    @property
    def fields(self) -> dict[str, Any]:
        """What results hold of them, without `steps` where there is one checkpoint."""
        kept = {name: value for name, value in self._asdict().items() if name != "steps"}
        return {**kept, "steps": list(self.steps)} if self.steps else kept

    @classmethod
    def of_fields(cls, fields: Mapping[str, Any]) -> Weights:
        """The weights of which results hold `fields`."""
        return cls(**{**fields, "steps": tuple(fields.get("steps", ()))})

    def __str__(self) -> str:
        """As in "step 20", and for an ensemble "steps 10, 20"."""
        if not self.steps:
            return f"step {self.step}"
        return f"step{'s' if len(self.steps) > 1 else ''} {', '.join(map(str, self.steps))}"


def default_kind(config: Config) -> str:
    """The checkpoint to evaluate where nobody asks for another: `best`, or `last`.

    The best one was chosen by the validation accuracy, which means nothing where the validation
    classes were trained on. A method without training has only one.
    """
    on_trained = config.train_on_validation and config.eval_dataset is None
    return "last" if on_trained or not methods.trains(config.method) else "best"


def restore(path: Path, method: Method, config: Config, asked: str | None) -> Weights:
    """Gives `method` the weights of a checkpoint of the run at `path`, and says which they are.

    Args:
        path: the run's folder.
        method: the run's method; for an ensemble an `Ensemble` of it without members.
        config: the run's configuration.
        asked: `best`, `last`, `ensemble` or a step; None takes `default_kind`.

    Raises:
        UserError: if there is no such checkpoint.
    """
    checkpoints = Checkpoints(path, method, None, _LOG.warning)
    kind = _kind(asked, config)
    if kind == ENSEMBLE:
        return _restore_members(path, method, config, checkpoints)
    if kind == "best":
        found = checkpoints.restore_best(or_last=asked is None)
    elif kind == "last":
        found = checkpoints.restore_last_weights()
    else:
        found = checkpoints.restore_step(int(kind))
    if not found:
        raise UserError(_missing(path, kind))
    _warn_if_untrained(path, config, kind, int(checkpoints.step))
    return _described(kind, checkpoints.restored)


def current(path: Path, config: Config, asked: str | None) -> Weights | None:
    """What `restore` would give, found without a model; None if nothing can be read."""
    kind = _kind(asked, config)
    if kind == ENSEMBLE:
        together = _together(members_in(path, config.keep_best))
        return together if together.digest else None
    found = (_described(kind, prefix) for prefix in _candidates(path, kind, asked))
    return next((weights for weights in found if weights.digest), None)


def validation_accuracy(path: Path, weights: Weights) -> float | None:
    """The accuracy by which weights were chosen as the best of the run at `path`.

    Only the checkpoints in `best/` and `ensemble/` keep one, each that of its own weights, which
    are the last ones too if they are of the same step. Of other weights there is none, nor of an
    ensemble as a whole.
    """
    if weights.steps:
        return None
    chosen = [*checkpoints_in(path / BEST), *checkpoints_in(path / ENSEMBLE)]
    own = (prefix for prefix in chosen if step_of(prefix) == weights.step)
    return next((found for prefix in own if (found := best_accuracy(prefix)) is not None), None)


def check_kept(path: Path, config: Config, asked: str | None) -> None:
    """Raises `UserError`, before anything is loaded, if there is no such checkpoint, or no room."""
    kind = _kind(asked, config)
    _check_several(config, kind)
    kept = _candidates(path, kind, asked)
    if not kept:
        raise UserError(_missing(path, kind))
    if kind == ENSEMBLE:
        sizes.check_ensemble(config, min(len(kept), config.keep_best))


def check_at_the_end(config: Config, asked: str | None) -> None:
    """Raises `UserError` for a checkpoint that a training cannot be evaluated at when it ends."""
    if asked not in (None, "best", "last", ENSEMBLE):
        raise UserError(
            f"checkpoint: expected best, last or ensemble at the end of a training, received "
            f"{asked}; evaluate an earlier one with `eval_only`"
        )
    _check_several(config, asked)


def _check_several(config: Config, kind: str | None) -> None:
    if kind == ENSEMBLE and config.keep_best == 1:
        raise UserError(
            "checkpoint: expected best, last or a step for a run with `keep_best=1`, received "
            "ensemble"
        )


def _kind(asked: str | None, config: Config) -> str:
    kind = asked or default_kind(config)
    return str(int(kind)) if kind.isdecimal() else kind


def _candidates(path: Path, kind: str, asked: str | None) -> list[Path]:
    """The checkpoints that `kind` may mean; the first that can be read is the one.

    The last one takes the place of the best where nobody asked for one of them.
    """
    last, best, members = (checkpoints_in(path / name) for name in FOLDERS)
    if kind == "best":
        return best if asked else [*best, *last]
    if kind in ("last", ENSEMBLE):
        return last if kind == "last" else members
    return [p for p in (*last, *best, *members) if step_of(p) == int(kind)]


def _described(kind: str, prefix: Path) -> Weights:
    # Where the best checkpoint is lost, the last one takes its place under its own name.
    shown = "last" if kind == "best" and prefix.parent.name != "best" else kind
    return Weights(shown, step_of(prefix), weights_digest(prefix))


def _restore_members(
    path: Path, ensemble: Ensemble, config: Config, checkpoints: Checkpoints
) -> Weights:
    """Gives an ensemble all members that the run keeps."""
    prefixes = members_in(path, config.keep_best)
    if not prefixes:
        raise UserError(_missing(path, ENSEMBLE))
    for prefix in prefixes:
        try:
            checkpoints.restore_weights(prefix)
        except DamagedError as error:
            raise DamagedError(f"{error}; {_instead(path, config)}") from error
        ensemble.remember()
    found = _together(prefixes)
    if len(prefixes) < config.keep_best:
        _LOG.warning(
            "expected %d checkpoints in %s, found %d, which are the ensemble: of %s",
            config.keep_best,
            path / ENSEMBLE,
            len(prefixes),
            found,
        )
    return found


def _instead(path: Path, config: Config) -> str:
    """Says which single checkpoints can be read where a member of an ensemble cannot."""
    names = [f"`checkpoint={name}`" for name in ("best", "last") if current(path, config, name)]
    if not names:
        return "neither the best nor the last checkpoint can be read in its place"
    return f"{' and '.join(names)} can be read in its place"


def _together(prefixes: Sequence[Path]) -> Weights:
    """The weights of the members of an ensemble."""
    digests = [weights_digest(prefix) for prefix in prefixes]
    whole = bool(digests) and None not in digests
    digest = hashlib.sha256(" ".join(digests).encode()).hexdigest() if whole else None
    steps = tuple(map(step_of, prefixes))
    return Weights(ENSEMBLE, max(steps, default=0), digest, steps)


def _missing(path: Path, kind: str) -> str:
    kept = {p for name in FOLDERS for p in checkpoints_in(path / name)}
    if not kept:
        return f"expected a checkpoint in {path}, found none; train the run first"
    steps = ", ".join(str(step) for step in sorted({step_of(prefix) for prefix in kept}))
    names = [name for name in ("best", "last", ENSEMBLE) if _candidates(path, name, name)]
    return (
        f"checkpoint: expected {', '.join(names)} or a step out of {steps} for {path}, "
        f"received {kind}"
    )


def _warn_if_untrained(path: Path, config: Config, kind: str, step: int) -> None:
    last = saved_step(path)
    if kind == "best" and step == 0 < last and methods.trains(config.method):
        _LOG.warning(
            "the validation accuracy of %s never rose above that of the untrained weights, which "
            "are therefore the best checkpoint and are evaluated; to evaluate those of step %d, "
            "give --checkpoint=last",
            path,
            last,
        )
