"""Does the jobs of a study one after the other, and writes what is found after each of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from data_gen.errors import UserError, printable
from experiments.lab import writing
from experiments.lab.lab import Lab
from experiments.lab.study import Job, Study
from flags.parsing import spelled
from hidra_tf.runs.place.lock import InUseError


def run(study: Study, lab: Lab, results: Path, only: Sequence[str] = ()) -> bool:
    """Does what is left of a study; returns whether nothing of it is.

    A job whose run is in use by another process is passed over, and named at the end; so is one
    that fails, with its error.

    Args:
        study: the study.
        lab: where it works.
        results: the folder of all results.
        only: the labels of the jobs, or of lines of tables, that are wanted; none means all.

    Raises:
        UserError: if a label is not one of the study's.
        KeyboardInterrupt: after Ctrl-C; what was made is kept.
    """
    jobs = _wanted(study, lab, only)
    left = [job for job in jobs if not job.is_done()]
    done = len(jobs) - len(left)
    print(f"{study.name}: {done} of {len(jobs)} trainings and tests are there", flush=True)
    begun, unfinished = time.monotonic(), []
    for number, job in enumerate(left):
        print(f"\n{study.name}, {job.label}: {done + number + 1} of {len(jobs)}", end="")
        print(_time_left(time.monotonic() - begun, number, len(left)), flush=True)
        problem = _problem(job)
        if problem:
            unfinished.append(f"{job.label}: {problem}")
            print(f"passed over: {problem}", file=sys.stderr, flush=True)
        else:
            writing.write(study.name, study.collect(lab), lab, results)
    writing.write(study.name, study.collect(lab), lab, results)
    print(f"\n{len(jobs) - len(unfinished)} of {len(jobs)} are there")
    for line in unfinished:
        print(f"left: {line}", file=sys.stderr)
    print(f"results  {printable(results / study.name / f'{lab.budget.name}.md')}", flush=True)
    return not unfinished


def _wanted(study: Study, lab: Lab, only: Sequence[str]) -> list[Job]:
    jobs = study.jobs(lab)
    labels = list(dict.fromkeys(name for job in jobs for name in (*job.lines, job.label)))
    unknown = [label for label in only if label not in labels]
    if unknown:
        raise UserError(f"only: expected some of {'; '.join(labels)}; received {unknown[0]}")
    return [job for job in jobs if not only or {*job.lines, job.label} & set(only)]


def _problem(job: Job) -> str | None:
    """Does a job; what kept it from being done, or None."""
    try:
        job.do()
    except InUseError:
        return "its run is in use by another process"
    except UserError as error:
        return spelled(str(error))
    return None


def _time_left(seconds: float, done: int, all_of_them: int) -> str:
    """The time that is left if the rest takes as long as what was done."""
    if not done:
        return ""
    minutes = seconds / done * (all_of_them - done) / 60
    return f", about {minutes:.0f} minutes left" if minutes >= 1 else ", seconds left"
