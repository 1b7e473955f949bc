"""What was compared on trained networks, as tables beside what the facts say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.lab.writing import plain_table


class Check(NamedTuple):
    """Two ways to adapt one network, which are compared.

    Attributes:
        network: the form whose network it is.
        key: what it is called in `facts_checks`.
        fact: the fact that it is about.
        what: what is compared with the network as it was trained.
        says: what the facts say.
    """

    network: str
    key: str
    fact: str
    what: str
    says: str


CHECKS = (
    Check("master", "closed", "2", "the first step in closed form", "equal"),
    Check("master", "zero", "3", "zeros in the master's place", "equal"),
    Check("master", "random", "3", "a random neuron in the master's place", "equal"),
    Check("master", "rescaled", "4", "`per_class` with α/C", "equal"),
    Check(
        "master",
        "longer",
        "1, 2, 4",
        "`per_class` with α: steps C times as long",
        "equal answers after one step, not after more",
    ),
    Check(
        "master",
        "sigmoid",
        "1, 2",
        "zeros in the master's place, adapted under the sigmoid loss",
        "equal after one step, not after more",
    ),
    Check("per class", "tied", "none", "copies of the mean of its neurons", "not equal"),
    Check("master, sigmoid", "zero", "none", "zeros in the master's place", "not equal"),
    Check("master, sigmoid", "random", "none", "a random neuron in its place", "not equal"),
)
# Form, and the head from which its first step is taken → what facts say of the backbone.
MOVES = {
    ("master", "own"): "fact 1: stays",
    ("master", "zeros"): "fact 1: stays",
    ("per class", "own"): "moves",
    ("master, sigmoid", "own"): "moves",
    ("master, sigmoid", "zeros"): "stays, because zeros hand no gradient on",
}


def comparisons(known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table of what was compared; nothing before anything was."""
    rows = [
        [
            f"`{check.network}`",
            check.what,
            f"{check.fact}: {check.says}",
            str(row["ways"]),
            str(row["steps"]),
            f"{row['answers']} of {row['of']}",
            f"{row['probabilities']:.1e}",
        ]
        for check in CHECKS
        for row in known.get(check.network, {}).get("rows", ())
        if row["check"] == check.key
    ]
    heading = [
        "network", "compared with it", "fact: what it says", "ways", "steps", "other answers",
        "largest difference of a probability",
    ]  # fmt: skip
    if rows:
        yield plain_table("One network, the same tasks, adapted in two ways", heading, rows)


def movements(known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table of how far the backbone moves in the first step."""
    rows = [
        [f"`{label}`", "its own" if head == "own" else head, says, f"{moved[head]:.1e}"]
        for (label, head), says in MOVES.items()
        if (moved := known.get(label, {}).get("moved"))
    ]
    title = "How far the first step moves the backbone, ‖θ′ − θ‖ / ‖θ‖ in a test task"
    if rows:
        yield plain_table(title, ["network", "head", "the facts", "moved"], rows)
