"""What is printed: everything that was given is counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from data_gen.errors import printable
from data_gen.own_pictures import LEADS_OUT, LOOSE, OTHER, SPECIAL, OwnPictures
from data_gen.picture_tree import shortened
from hidra_tf.answers.answering import Answer
from hidra_tf.answers.learning import Learned
from hidra_tf.answers.scoring import Score, Share

_LOG = logging.getLogger(__name__)
# Of a table, of a list of classes, and of the files that a warning names.
MOST_ROWS, MOST_CLASSES, MOST_NAMED = 40, 20, 10
LONGEST = 40  # characters of a name in a table
DAMAGED = "damaged or no picture inside"


def count(number: int, singular: str, plural: str) -> str:
    """A number with its noun."""
    return f"{number} {singular if number == 1 else plural}"


def pictures(number: int) -> str:
    """A number of pictures."""
    return count(number, "picture", "pictures")


def classes(counts: Mapping[str, int]) -> str:
    """Classes with their numbers of pictures."""
    listed = [f"{printable(name)} {number}" for name, number in counts.items()]
    more = f", and {len(listed) - MOST_CLASSES} more" * (len(listed) > MOST_CLASSES)
    return ", ".join(listed[:MOST_CLASSES]) + more


def learning(support: OwnPictures, learned: Learned, start: str) -> str:
    """What was learned, from what."""
    what = count(len(learned.counts), "class", "classes")
    return (
        f"starts from   {printable(start)}\n"
        f"learned from  {printable(support.tree.root)}: {pictures(sum(learned.counts.values()))} "
        f"of {what} in {learned.seconds:.1f} s{_less(learned.left_out)}\n"
        f"              {classes(learned.counts)}"
    )


def known(start: str, counts: Mapping[str, int]) -> str:
    """What had been learned before."""
    what = count(len(counts), "class", "classes")
    return f"starts from   {printable(start)}, which knows {what}\n              {classes(counts)}"


def predicting(queries: OwnPictures, answers: Sequence[Answer], left_out: Mapping[str, str]) -> str:
    """What was predicted."""
    root = printable(queries.tree.root)
    return f"predicted     {root}: {pictures(len(answers))}{_less(left_out)}"


def _less(left_out: Mapping[str, str]) -> str:
    return f"; {count(len(left_out), 'file', 'files')} left out" if left_out else ""


def warn_of_left_out(root: object, left_out: Mapping[str, str]) -> None:
    """One warning counts what is not used in a folder, and names it."""
    reasons = {why if why in (OTHER, SPECIAL, LEADS_OUT, LOOSE) else DAMAGED: None
               for why in left_out.values()}  # fmt: skip
    parts = []
    for reason in reasons:
        files = [f for f, why in left_out.items()
                 if why == reason or (reason == DAMAGED and why not in reasons)]  # fmt: skip
        parts.append(f"{len(files)} {reason} ({shortened(files, MOST_NAMED)})")
    if parts:
        what = count(len(left_out), "file", "files")
        _LOG.warning("%s: leaving out %s: %s", printable(root), what, "; ".join(parts))


def warn_of_empty(queries: OwnPictures) -> None:
    """Names the folders without pictures, of which nothing can be said."""
    empty = [name for name, files in queries.classes.items() if not files]
    if empty:
        what = count(len(empty), "folder", "folders")
        named = shortened(empty, MOST_NAMED)
        _LOG.warning("%s: %s without pictures: %s", printable(queries.tree.root), what, named)


def warn_of_seen(answers: Sequence[Answer]) -> None:
    """Says how many pictures were asked about that had been learned from."""
    seen = [one.file for one in answers if one.seen]
    if seen:
        _LOG.warning(
            "%d of %s to be predicted had been learned from, so that the answers about them say "
            "nothing of new pictures: %s",
            len(seen),
            pictures(len(answers)),
            shortened(seen),
        )


def table(answers: Sequence[Answer]) -> str:
    """The first answers, a line each."""
    lines = [("file", "class", "probability", "runner-up", "")]
    lines += [_line(one) for one in answers[:MOST_ROWS]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    if len(answers) > MOST_ROWS:
        shown.append(f"… and {len(answers) - MOST_ROWS} more")
    return "\n".join(line.rstrip() for line in shown)


def _line(one: Answer) -> tuple[str, ...]:
    sure = "" if one.probability is None else f"{one.probability:.3f}"
    wrong = "" if one.right is not False else f"wrong: is {shorter(one.true)}"
    runner_up = f"{shorter(one.runner_up)} {one.runner_up_probability:.3f}"
    return shorter(one.file), shorter(one.answer), sure, runner_up, wrong


def shorter(name: str) -> str:
    """A name without its middle where it is long."""
    shown, half = printable(name), LONGEST // 2
    return shown if len(shown) <= LONGEST else f"{shown[: half - 1]}…{shown[-half:]}"


def accuracy(found: Score) -> str:
    """The accuracy, and what it counts."""
    lines = [f"accuracy      {_percent(found.all)}"]
    if found.strange:
        number = sum(found.strange.values())
        rejected = f" but for {found.rejected} answered unknown" if found.rejected else ""
        lines.append(
            f"              {pictures(number)} of classes that were never learned "
            f"({classes(found.strange)}) count as wrong{rejected}"
        )
    if found.strange and found.known.total:
        lines.append(f"              without them: {_percent(found.known)}")
    if found.classless:
        lines.append(
            f"              {pictures(found.classless)} in no folder of a class: not counted"
        )
    return "\n".join(lines)


def no_accuracy(folders: Sequence[str]) -> str:
    """Why there is none, where folders could have named classes."""
    named = shortened(folders, MOST_NAMED)
    return f"accuracy      none: no folder is named like a class that was learned; received {named}"


def unknown(answers: Sequence[Answer], below: float) -> str:
    """How many pictures no class was probable enough for."""
    number = sum(one.probability is None for one in answers)
    return f"unknown       {number} of {len(answers)}, where no class reaches {below:g}"


def taken(answers: Sequence[Answer]) -> str:
    """How many pictures were taken for each class."""
    counts = Counter(one.answer for one in answers)
    return f"answers       {classes(dict(sorted(counts.items())))}"


def _percent(share: Share) -> str:
    low, high = share.interval
    return (
        f"{share.right / share.total:.1%} ({share.right} of {pictures(share.total)}; 95 % interval "
        f"{low:.1%} to {high:.1%}, Wilson's)"
    )
