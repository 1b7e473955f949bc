"""The multiply-adds of a meta-update, for any number of steps, ways, tasks and any size.

Counted are convolutions and matrix products, as they are written, whatever a compiler may merge;
everything else (normalisation, ReLU, pooling, softmax) is not. Of n pictures, a forward pass takes

    F(n) = n · Σ_blocks 9·side²·inputs·filters      (the side halves from block to block)
    H(n) = n · D·C                                  (the head)

of which the first layer takes L(n). A product y = x·w costs

- 1 forward;
- 2 backward, one for the gradient of w and one for that of x, which the first layer, whose x are
  the pictures, does not need;
- 6 to differentiate these three once more: each of them has two factors, and so two derivatives.
  The first layer, without its backward pass to x and without any derivative with respect to x,
  needs 2: those of y and of the gradient of w, to w and to the gradient of y.

That makes, for each task with S support and Q query pictures,

    a second-order SGD step     9·(F(S) + H(S)) − 5·L(S)      (1 + 2 + 6; first layer 1 + 1 + 2)
    the queries                 3·(F(Q) + H(Q)) − L(Q)        (1 + 2; first layer 1 + 1)
    the closed-form step        3·F(S) − L(S) + 2·H(S)        (1 + 2; the head's labels: 1 + 1)
    the same before another     2·H(S)                        (they look at the same features)

`tests/benchmarks/test_counts.py` finds the same numbers in TensorFlow's graphs.
"""

from __future__ import annotations

from benchmarks.cases import PRODUCT_SIDE, VARIANTS, Case
from benchmarks.inputs import BLOCKS


def multiply_adds(case: Case) -> int | None:
    """Of one call of `case`; None where it is not counted."""
    if case.variant.endswith("product"):
        return PRODUCT_SIDE**3
    if case.variant not in VARIANTS:
        return None
    support, query = case.ways * case.shots, case.ways * case.query_shots
    closed = min(case.steps, 1) if case.variant == "closed_form" else 0
    steps = (case.steps - closed) * second_order_step(case, support)
    if closed:
        steps += closed_form_step(case, support) if case.steps == 1 else 2 * head(case, support)
    return case.tasks * (steps + queries(case, query))


def second_order_step(case: Case, pictures: int) -> int:
    """A step of SGD on `pictures` support pictures, and its part of the meta-gradient."""
    return 9 * (forward(case, pictures) + head(case, pictures)) - 5 * first_layer(case, pictures)


def closed_form_step(case: Case, pictures: int) -> int:
    """The exact first step of a tied head, and its part of the meta-gradient."""
    return 3 * forward(case, pictures) - first_layer(case, pictures) + 2 * head(case, pictures)


def queries(case: Case, pictures: int) -> int:
    """The loss of `pictures` query pictures and its gradient."""
    return 3 * (forward(case, pictures) + head(case, pictures)) - first_layer(case, pictures)


def forward(case: Case, pictures: int) -> int:
    """F, a forward pass of the backbone."""
    deeper = sum(
        9 * (case.side // 2**block) ** 2 * case.filters * case.filters for block in range(1, BLOCKS)
    )
    return first_layer(case, pictures) + pictures * deeper


def first_layer(case: Case, pictures: int) -> int:
    """L, the part of F in the first layer."""
    return pictures * 9 * case.side**2 * case.channels * case.filters


def head(case: Case, pictures: int) -> int:
    """H, a forward pass of the head."""
    return pictures * (case.side // 2**BLOCKS) ** 2 * case.filters * case.ways
