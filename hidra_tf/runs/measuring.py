"""From a run and what is asked of it to the evaluators that measure it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from data_gen.class_pool import Splits
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods.interface import Method
from hidra_tf.options import BY_STATISTICS
from hidra_tf.runs import sizes
from hidra_tf.runs.checkpoints.files import ENSEMBLE
from hidra_tf.runs.config import Config, EvalRequest, MethodSettings, TaskSettings
from hidra_tf.runs.seen import view_of

# What an any-way head is evaluated at unless something else is asked for: the paper's Table 2.
ANY_WAYS = range(2, 11)


def make_monitors(config: Config, method: Method, splits: Splits) -> dict[str, Evaluator]:
    """Evaluators for the curves of Figure 8."""
    ways = monitored_ways(config)
    if not config.is_fixed_way:
        # The validation split may have fewer classes than a training task.
        ways = sorted({min(c, splits.val.num_classes) for c in ways})
    check_ways("train_ways", ways, splits.val.num_classes, "val")
    return {
        split: _evaluator_of(
            config,
            method.monitored,
            splits,
            split,
            ways,
            [config.own_steps],
            "monitor",
            EvalRequest(),
        )
        for split in ("train", "val")
    }


def monitored_ways(config: TaskSettings) -> list[int]:
    """The smallest and the largest trained number of ways, over which the curves are means."""
    return sorted({config.train_ways[0], config.train_ways[-1]})


def make_evaluator(
    config: Config, method: Method, splits: Splits, request: EvalRequest
) -> Evaluator:
    """The evaluator of a run for what was requested, and for the defaults of the rest.

    Its method is an `Ensemble` of the given one where the checkpoints of one are requested.

    Raises:
        UserError: if the method or the split cannot give such tasks.
    """
    classes = getattr(splits, request.split).num_classes
    ways = evaluated_ways(config, request, classes)
    check_ways("train_ways" if request.ways is None else "eval_ways", ways, classes, request.split)
    steps = evaluated_steps(config, request)
    sizes.check_evaluation(config, ways, request)
    seeded = dataclasses.replace(config, seed=evaluated_seed(config, request))
    if request.checkpoint == ENSEMBLE:
        method = Ensemble(method)
    return _evaluator_of(seeded, method, splits, request.split, ways, steps, "evaluation", request)


def evaluated_ways(config: Config, request: EvalRequest, classes: int) -> tuple[int, ...]:
    """The numbers of ways that `request` means, given the number of classes of its split."""
    if request.ways is not None:
        return tuple(request.ways)
    if config.is_fixed_way:
        return config.train_ways
    most = classes if config.most_ways is None else min(classes, config.most_ways)
    return tuple(c for c in ANY_WAYS if c <= most)


def evaluated_steps(config: Config, request: EvalRequest) -> tuple[int, ...]:
    """The numbers of inner steps that `request` means."""
    return tuple(sorted(set(request.steps or (config.own_steps,))))


def evaluated_seed(config: Config, request: EvalRequest) -> int:
    """The seed of the tasks that `request` means: the run's own unless it names another."""
    return config.seed if request.seed is None else request.seed


def evaluated_norm(own: MethodSettings, wanted: str | None) -> str:
    """The norm that is meant: the run's own unless another is wanted.

    Raises:
        UserError: if the run's weights mean something else under it.
    """
    wanted = wanted or own.norm
    others = [n for n in BY_STATISTICS if n != "running" and methods.takes_norm(own.method, n)]
    fit = others if own.norm in BY_STATISTICS else []
    if wanted not in (own.norm, *fit):
        names = ", ".join(dict.fromkeys((own.norm, *fit)))
        raise UserError(
            f"eval_norm: expected {names} for a run that was trained with `norm={own.norm}`, "
            f"received {wanted}"
        )
    return wanted


def check_ways(setting: str, ways: Sequence[int], classes: int, split: str) -> None:
    """Raises `UserError`, which names the setting, if a split has too few classes for its tasks."""
    if max(ways, default=0) > classes:
        raise UserError(
            f"{setting}: expected at most {classes} ways, the classes of the {split} split; "
            f"received {max(ways)}"
        )


def _evaluator_of(
    config: Config,
    method: Method,
    splits: Splits,
    split: str,
    ways: Sequence[int],
    steps: Sequence[int],
    stream: str,
    request: EvalRequest,
) -> Evaluator:
    pool = getattr(splits, split)
    shots = (request.shots_of(config), request.query_shots_of(config))
    how = (config.seed, stream, config.pictures, view_of(config).plain, request.confusion)
    try:
        return Evaluator(method, pool, ways, steps, *shots, *how)
    except UserError as error:
        raise UserError(f"{split} split: {error}") from error
