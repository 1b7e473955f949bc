"""The files of numbers that stand in the folder of the answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from data_gen.errors import printable
from hidra_tf.answers.answering import Answer
from hidra_tf.answers.learning import Learned
from hidra_tf.answers.request import Request
from hidra_tf.answers.scoring import Score, Share
from hidra_tf.evaluation.confusion import Confusion


def predictions(answers: Sequence[Answer]) -> str:
    """A line for every picture; with its true class where folders name the classes."""
    told = any(one.true is not None for one in answers)
    heads = ["file", "class", "probability", "runner_up", "runner_up_probability"]
    return _csv([*heads, *["true_class", "right"] * told], (_line(one, told) for one in answers))


def _line(one: Answer, told: bool) -> list[str]:
    line = [
        one.file,
        one.answer,
        "" if one.probability is None else f"{one.probability:.6f}",
        one.runner_up,
        f"{one.runner_up_probability:.6f}",
    ]
    if told:
        line += ["", ""] if one.true is None else [one.true, "yes" if one.right else "no"]
    return line


def matrix(found: Confusion, names: Sequence[str]) -> str:
    """A row for each true class, and in it the number of its pictures by answer."""
    rows = zip(names, found.counts.tolist(), strict=True)
    queried = ([name, *counts] for name, counts in rows if sum(counts))
    return _csv(["true class \\ answer", *names], queried)


def left_out(support: Mapping[str, str], queries: Mapping[str, str]) -> str:
    """A line for every file that was not used, with the reason."""
    parts = (("learned from", support), ("predicted", queries))
    lines = ((where, file, why) for where, files in parts for file, why in sorted(files.items()))
    return _csv(["where", "file", "why"], lines)


def summary(
    request: Request,
    counts: Mapping[str, int],
    learned: Learned,
    answers: Sequence[Answer],
    skipped: Mapping[str, str],
    score: Score | None,
) -> str:
    """What was done and what came of it, as JSON."""
    support = request.support
    made = {
        "start": printable(request.start),
        "learned_from": None if support is None else printable(support.tree.root),
        "classes": {printable(name): count for name, count in counts.items()},
        "learned_left_out": len(learned.left_out),
        "predicted": printable(request.queries.root),
        "pictures": len(answers),
        "predicted_left_out": len(skipped),
        "among_the_learned": sum(one.seen for one in answers),
        "n_steps": request.n_steps,
        "invert": request.invert,
        "frame": request.frame,
        "unknown_below": request.unknown_below,
        "unknown": sum(one.probability is None for one in answers),
        "accuracy": score and _share(score.all),
        "accuracy_on_learned_classes": score and _share(score.known),
        "pictures_of_other_classes": score and {printable(c): n for c, n in score.strange.items()},
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def _share(share: Share) -> dict[str, object] | None:
    if not share.total:
        return None
    low, high = share.interval
    return {
        "right": share.right,
        "pictures": share.total,
        "accuracy": share.right / share.total,
        "ci95": [low, high],
        "interval": "Wilson",
    }


def _csv(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(printable, heads))
    writer.writerows(map(printable, line) for line in lines)
    return text.getvalue()
