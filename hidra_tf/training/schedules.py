"""The meta-learning rate β in the course of training, by names in `options.SCHEDULES`."""

from __future__ import annotations

from collections.abc import Sequence

from keras.optimizers.schedules import CosineDecay, LearningRateSchedule, PiecewiseConstantDecay

from hidra_tf.options import SCHEDULES, check_choice, check_count


def learning_rate(
    schedule: str,
    initial: float,
    steps: int,
    least: float = 0.0,
    milestones: Sequence[int] = (),
    gamma: float = 0.1,
    warmup: int = 0,
) -> float | LearningRateSchedule:
    """β as a function of the optimizer's own count of updates, which is saved with it.

    - `constant`: β
    - `cosine`: β_min + ½(β − β_min)(1 + cos(π·t/steps)) (Loshchilov and Hutter, 2017,
      https://arxiv.org/abs/1608.03983; MAML++). With a warm-up of w updates the rate first rises in
      equal steps, update number t (from 0) having β·(t + 1)/(w + 1) (Goyal et al., 2017,
      https://arxiv.org/abs/1706.02677), and then falls over the other steps − w updates.
    - `multistep`: β·gammaⁿ after n of the milestones, update number m (from 0) the first with the
      new rate of a milestone m

    Example:
        >>> from hidra_tf import learning_rate
        >>> round(float(learning_rate("cosine", initial=0.1, steps=100)(50)), 4)
        0.05

    Args:
        schedule: one of `options.SCHEDULES`.
        initial: the rate β of the first meta-update.
        steps: the number of meta-updates.
        least: the rate β_min at the end of `cosine`.
        milestones: ascending numbers of meta-updates at which `multistep` lowers the rate.
        gamma: the factor by which `multistep` lowers it.
        warmup: the number of meta-updates, below `steps`, in which `cosine` rises to β.

    Raises:
        ValueError: if there is no such schedule, the milestones do not ascend, or the warm-up takes
            all steps.
    """
    check_choice("schedule", schedule, SCHEDULES)
    check_count("warmup", warmup, 0)
    if warmup and warmup >= steps:
        raise ValueError(f"warmup: expected fewer than the {steps} steps; received {warmup}")
    if list(milestones) != sorted(set(milestones)):
        raise ValueError(f"milestones: expected ascending numbers; received {milestones!r}")
    if schedule == "cosine":
        alpha = least / initial
        if not warmup:
            return CosineDecay(initial, steps, alpha=alpha)
        first = initial / (warmup + 1)
        return CosineDecay(
            first, steps - warmup, alpha=alpha, warmup_target=initial, warmup_steps=warmup
        )
    if schedule == "multistep" and milestones:
        rates = [initial * gamma**n for n in range(len(milestones) + 1)]
        # Keras keeps a rate up to its boundary, that update included.
        return PiecewiseConstantDecay([m - 1 for m in milestones], rates)
    return initial
