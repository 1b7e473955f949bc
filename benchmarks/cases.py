"""What is measured: cases, and the groups that they are compared in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Variants of a meta-update, and what the tables and charts call them.
VARIANTS = {
    "closed_form": "HIDRA, closed form",
    "generic": "generic",
    "tf_unrolled": "plain TF, unrolled",
    "tf_map_fn": "plain TF, map_fn",
    "torch_loop": "PyTorch, loop",
    "torch_channels_last": "PyTorch, channels last",
    "torch_vmap": "PyTorch, vmap",
}
# What else can be timed: 2000 × 2000 matrix products, and evaluations at 2 … C ways.
OTHERS = {
    "tf_product": "TF, matrix product",
    "torch_product": "PyTorch, matrix product",
    "evaluation": "HIDRA, evaluation",
    "training": "HIDRA, training",
}
NORMS = ("affine", "transductive")
PRODUCT_SIDE = 2000
# Of a training, which one call carries on.
UPDATES_PER_CALL = 500


@dataclass(frozen=True)
class Case:
    """One thing to be measured.

    Attributes:
        variant: a key of `VARIANTS` or of `OTHERS`.
        method: `hidra` or `maml`; the peers are MAML from a tied head, which is HIDRA as well.
        norm: `affine` or `transductive`.
        steps: U.
        ways: C.
        tasks: T per meta-update; of an evaluation, those at each number of ways.
        side: pictures are side × side × channels.
        channels: of the pictures.
        filters: of Conv-4.
        shots: K.
        query_shots: Q.
        precision: what convolutions and matrix products compute in.
    """

    variant: str = "closed_form"
    method: str = "hidra"
    norm: str = "affine"
    steps: int = 1
    ways: int = 5
    tasks: int = 4
    side: int = 28
    channels: int = 1
    filters: int = 64
    shots: int = 5
    query_shots: int = 15
    precision: str = "float32"

    @property
    def library(self) -> str:
        """`torch` or `tensorflow`: what a process has to import to measure this."""
        return "torch" if self.variant.startswith("torch") else "tensorflow"

    @property
    def label(self) -> str:
        """Method and variant in words."""
        label = (VARIANTS | OTHERS)[self.variant]
        if self.variant == "generic":
            label = "MAML" if self.method == "maml" else "HIDRA, generic"
        return label if self.precision == "float32" else f"{label}, {self.precision}"


def ours(base: Case) -> list[Case]:
    """HIDRA as it is and without its closed form, and MAML."""
    return [
        replace(base, method=method, variant=variant)
        for method, variant in [
            ("hidra", "closed_form"),
            ("hidra", "generic"),
            ("maml", "generic"),
        ]
    ]


def in_bfloat16(base: Case) -> list[Case]:
    """HIDRA as it is and MAML, in the faster precision; the peers' is float32."""
    return [
        replace(case, precision="bfloat16") for case in ours(base) if not _is_generic_hidra(case)
    ]


def _is_generic_hidra(case: Case) -> bool:
    """Whether this is HIDRA without its closed form, which nobody has to use."""
    return case.method == "hidra" and case.variant == "generic"


def peers(base: Case) -> list[Case]:
    """The usual ways of writing it."""
    written = [v for v in VARIANTS if v.startswith(("tf", "torch"))]
    return [replace(base, method="maml", variant=variant) for variant in written]


def headline(base: Case, steps: Sequence[int]) -> list[Case]:
    """Everything against everything."""
    starts = [replace(base, steps=u, norm=norm) for u in steps for norm in NORMS]
    return [case for start in starts for case in ours(start) + in_bfloat16(start) + peers(start)]


def by_steps(base: Case) -> list[Case]:
    """1, 3 and 5 inner steps."""
    return _compared(replace(base, steps=steps) for steps in (1, 3, 5))


def by_ways(base: Case) -> list[Case]:
    """2 to 20 ways, with the steps of `base`."""
    return _compared(replace(base, ways=ways) for ways in (2, 5, 10, 20))


def by_size(base: Case) -> list[Case]:
    """Omniglot's and mini-ImageNet's pictures, with the papers' filters for each."""
    small = replace(base, side=28, channels=1, filters=64)
    large = replace(base, side=84, channels=3, filters=32)
    return _compared(replace(size, steps=steps) for size in (small, large) for steps in (1, 5))


def growth_base(base: Case) -> Case:
    """Where the growth is measured from: half the filters, so that it takes less time."""
    return replace(base, filters=max(1, base.filters // 2))


def growth(base: Case) -> list[Case]:
    """One thing at a time made larger."""
    start = growth_base(base)
    changed = [
        *(replace(start, tasks=tasks) for tasks in (1, 2, 4, 8, 16)),
        *(replace(start, ways=ways) for ways in (2, 5, 10, 20)),
        *(replace(start, steps=steps) for steps in (1, 2, 3, 5, 8)),
        *(replace(start, side=side) for side in (28, 42, 56, 84)),
    ]
    kept = [case for case in ours(start) if not _is_generic_hidra(case)]
    cases = [
        replace(c, method=k.method, variant=k.variant, norm=norm)
        for c in changed
        for k in kept
        for norm in NORMS
    ]
    return list(dict.fromkeys(cases))


def memory(base: Case, steps: Sequence[int]) -> list[Case]:
    """Every variant, each in a process of its own."""
    starts = [replace(base, steps=u) for u in steps]
    return [case for start in starts for case in ours(start) + peers(start)]


def evaluation(base: Case) -> list[Case]:
    """Features computed once (the first), and every task adapting for itself."""
    start = replace(base, variant="evaluation", ways=10)
    return [
        replace(start, norm="affine", steps=1, tasks=4000),
        replace(start, norm="affine", steps=5, tasks=10),
        replace(start, norm="transductive", steps=1, tasks=10),
        replace(start, norm="transductive", steps=5, tasks=10),
    ]


def endurance(base: Case) -> list[Case]:
    """A training, from which slow growth of time or memory would show: small, to go far."""
    return [replace(base, variant="training", tasks=2, filters=max(1, base.filters // 4))]


def products(cases: Iterable[Case]) -> list[Case]:
    """The matrix products whose speed the cases' is a share of."""
    cases = list(cases)
    found = {Case("tf_product", precision=case.precision) for case in cases}
    if any(case.library == "torch" for case in cases):
        found.add(Case("torch_product"))
    return sorted(found, key=lambda case: case.label)


def _compared(starts: Iterable[Case]) -> list[Case]:
    """Our defaults in both normalisations, and the peers in the cheaper one."""
    cases = []
    for start in starts:
        for norm in NORMS:
            own = ours(replace(start, norm=norm))
            cases += [case for case in own if not _is_generic_hidra(case)]
        theirs = peers(replace(start, norm="affine"))
        cases += [c for c in theirs if c.variant != "torch_channels_last"]
    return cases
