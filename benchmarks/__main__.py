"""How long a meta-update takes, beside the usual ways of writing it and the machine's limit.

    make bench                                            (everything)
    python -m benchmarks --groups=headline                (everything against everything)
    python -m benchmarks --groups=headline --side=84 --channels=3 --filters=32
    python -m benchmarks --groups=steps,memory --variants=closed_form,torch_loop

All cases of a group are measured in turn, for several rounds after a warm-up; compare the numbers
of one group. `results.json` and a chart per group are written to --out.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from absl import app
from absl import flags as absl_flags

from benchmarks import cases, charts, memory, rows, timing
from benchmarks.cases import Case

GROUPS = ("headline", "steps", "ways", "sizes", "growth", "memory", "evaluation", "endurance")
# Of groups whose cases are long or many, no more than this many rounds.
FEW_ROUNDS = {"ways": 3, "sizes": 3, "growth": 3, "evaluation": 3}

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_list("groups", list(GROUPS), f"What is measured; of {', '.join(GROUPS)}.")
absl_flags.DEFINE_list(
    "variants", list(cases.VARIANTS), f"Of the meta-update; of {', '.join(cases.VARIANTS)}."
)
absl_flags.DEFINE_integer("rounds", 5, "How often every case is measured.", lower_bound=1)
absl_flags.DEFINE_string("out", "runs/bench", "The folder for results.json and the charts.")
absl_flags.DEFINE_list("inner_steps", ["1", "5"], "U of the groups headline and memory.")
absl_flags.DEFINE_integer("updates", 10_000, "Of the group endurance.", lower_bound=500)
absl_flags.DEFINE_integer("ways", 5, "C, where the group does not vary it.", lower_bound=2)
absl_flags.DEFINE_integer("shots", 5, "K.", lower_bound=1)
absl_flags.DEFINE_integer("query_shots", 15, "Q.", lower_bound=1)
absl_flags.DEFINE_integer("meta_batch", 4, "T, where the group does not vary it.", lower_bound=1)
absl_flags.DEFINE_integer("side", 28, "Pictures are side × side.", lower_bound=16)
absl_flags.DEFINE_integer("channels", 1, "Of the pictures.", lower_bound=1)
absl_flags.DEFINE_integer("filters", 64, "Of Conv-4.", lower_bound=1)
for _name, _known in (("groups", GROUPS), ("variants", tuple(cases.VARIANTS))):
    absl_flags.register_validator(
        _name,
        lambda chosen, known=_known: bool(chosen) and set(chosen) <= set(known),
        f"expected some of {', '.join(_known)}",
    )


def main(argv: list[str]) -> None:
    """Measures group after group; prints, and writes what there is after each."""
    del argv
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"machine": machine(), "flags": settings(), "groups": {}}
    if not has_torch():
        print("PyTorch is not installed: its rows are left out")
    for group in GROUPS:
        chosen = [case for case in of_group(group) if is_wanted(case)]
        if group not in FLAGS.groups or not chosen:
            continue
        started = time.monotonic()
        measured = measure(group, chosen)
        measured["seconds"] = time.monotonic() - started
        results["groups"][group] = measured
        charts.write(chart(group, measured["rows"]), out / f"{group}.png")
        (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        show = rows.endurance_table if group == "endurance" else rows.table
        print(f"\n{group} ({measured['seconds']:.0f} s)\n\n{show(measured['rows'])}")
        for precision, peak in measured.get("peak_flops", {}).items():
            print(f"peak in {precision}: {peak / 1e9:.0f} GFLOP/s")
    print(f"\nwritten  {out}")


def of_group(group: str) -> list[Case]:
    """The cases of a group."""
    base = base_case()
    steps = tuple(map(int, FLAGS.inner_steps))
    make: dict[str, Callable[[], list[Case]]] = {
        "headline": lambda: cases.headline(base, steps),
        "steps": lambda: cases.by_steps(base),
        "ways": lambda: cases.by_ways(base),
        "sizes": lambda: cases.by_size(base),
        "growth": lambda: cases.growth(base),
        "memory": lambda: cases.memory(base, steps),
        "evaluation": lambda: cases.evaluation(base),
        "endurance": lambda: cases.endurance(base),
    }
    return make[group]()


def base_case() -> Case:
    """What the flags say."""
    return Case(
        ways=FLAGS.ways,
        tasks=FLAGS.meta_batch,
        side=FLAGS.side,
        channels=FLAGS.channels,
        filters=FLAGS.filters,
        shots=FLAGS.shots,
        query_shots=FLAGS.query_shots,
    )


def is_wanted(case: Case) -> bool:
    """Whether a case was asked for and can be measured."""
    if case.library == "torch" and not has_torch():
        return False
    return case.variant in (*FLAGS.variants, "evaluation", "training")


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return util.find_spec("torch") is not None


def measure(group: str, chosen: Sequence[Case]) -> dict[str, Any]:
    """Rows of a group, and what else is to be kept of it."""
    if group == "memory":
        return measure_memory(chosen)
    if group == "endurance":
        (case,) = chosen
        calls = memory.endurance(case, FLAGS.updates // cases.UPDATES_PER_CALL)
        return {"rows": rows.of_endurance(case, calls)}
    return measure_times(group, chosen)


def measure_times(group: str, chosen: Sequence[Case]) -> dict[str, Any]:
    """Rows of times, and the peaks that they are shares of."""
    rounds = min(FLAGS.rounds, FEW_ROUNDS.get(group, FLAGS.rounds))
    everything = [*cases.products(chosen), *chosen]
    times = timing.measure(everything, rounds, lambda text: print(f"{group}: {text}", flush=True))
    measured, peaks = rows.timed(times)
    return {"rounds": rounds, "peak_flops": peaks, "rows": measured}


def measure_memory(chosen: Sequence[Case]) -> dict[str, Any]:
    """Rows of peak memory."""
    growths = {}
    for number, case in enumerate(chosen):
        print(f"memory: {number + 1} of {len(chosen)}", flush=True)
        growths[case] = memory.peak_growth(case)
    return {"rows": rows.of_memory(growths)}


def chart(group: str, measured: Sequence[rows.Row]) -> charts.Figure:
    """The chart of a group."""
    if group in ("steps", "ways"):
        return charts.curves(measured, group)
    if group == "growth":
        return charts.growth(measured, cases.growth_base(base_case()))
    if group == "endurance":
        return charts.endurance(measured)
    if group == "memory":
        return charts.bars(measured, steps_of, "peak_mib", "peak memory beyond the library, MiB")
    if group == "evaluation":
        return charts.bars(measured, steps_of, "tasks_per_second", "evaluated tasks per second")
    return charts.bars(measured, lambda row: f"{row['side']}² × {row['channels']}, {steps_of(row)}")


def steps_of(row: rows.Row) -> str:
    """A row's number of inner steps in words."""
    return f"{row['steps']} inner step{'' if row['steps'] == 1 else 's'}"


def settings() -> dict[str, Any]:
    """The flags of this program."""
    return {flag.name: flag.value for flag in FLAGS.get_flags_for_module("__main__")}


def machine() -> dict[str, Any]:
    """What the numbers were measured on and with."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    versions = {}
    for name in ("tensorflow", "keras", "torch"):
        if util.find_spec(name):
            versions[name] = metadata.version(name)
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **versions,
    }


if __name__ == "__main__":
    app.run(main)
