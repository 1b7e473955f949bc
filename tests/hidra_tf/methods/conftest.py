"""The grid of methods: one row for each, which the tests of all methods go through."""

from typing import NamedTuple

import pytest


class Row(NamedTuple):
    """What tests have to know of a method beside its line in the registry.

    Attributes:
        settings: settings that make it small, or that it cannot do without.
        gradients: where its meta-gradient is compared with finite differences of the query loss:
            whether its first step may take the closed form, norm, steps, whether γ and β adapt.
            Where there are none, the row's comment says why.
        unordered: settings under which the order of its classes does not matter.
        order_matters: whether it matters under all settings.
    """

    settings: dict = {}  # noqa: RUF012 — nobody writes into it
    gradients: tuple = ()
    unordered: dict = {}  # noqa: RUF012
    order_matters: bool = False


# So wide that the ReLUs do not all happen to say the same about every class.
_HYPER = {"hyper_layers": 2, "hyper_width": 32}

ROWS = {
    "hidra": Row(
        gradients=(
            (True, "transductive", 2, True),
            (True, "support", 1, False),
            (True, "support", 3, False),
            (True, "affine", 1, False),
            (True, "none", 3, False),
            (False, "transductive", 1, False),
            (False, "affine", 2, False),
        )
    ),
    "maml": Row(
        gradients=(
            (True, "transductive", 1, False),
            (True, "transductive", 3, False),
            (True, "support", 2, True),
            (True, "affine", 3, True),
            (True, "none", 2, False),
        )
    ),
    "fomaml": Row(),  # no derivative of the loss: test_reptile.py
    "reptile": Row(),  # no derivative of the loss: test_reptile.py
    "anil": Row(gradients=((True, "support", 2, False), (True, "affine", 2, False))),
    "boil": Row(
        gradients=(
            (True, "transductive", 1, True),
            (True, "none", 2, False),
        )
    ),
    "meta_sgd": Row(
        gradients=(
            (True, "support", 1, False),
            (True, "affine", 2, True),
        )
    ),
    "protonet": Row(gradients=((True, "joint", 1, False), (True, "none", 1, False))),
    "finetune": Row({"classes": 4}),  # learns no tasks: test_frozen.py
    "baseline_pp": Row({"classes": 4}),  # learns no tasks: test_transfer.py
    # Constants in their gradients: test_hyper.py. What the enhancement shows the hypernetwork
    # depends on the numbers of the classes.
    "hypermaml": Row(_HYPER, unordered={"enhancement": False}),
    "hyperhidra": Row(_HYPER),
    "proto_maml": Row(
        gradients=(
            (True, "transductive", 1, False),
            (True, "support", 2, True),
            (True, "affine", 3, False),
            (True, "none", 1, False),
        )
    ),
    # With a single assignment, for the loss of several is no loss of their sum: test_anyway.py.
    "anyway": Row(
        {"outputs": 5},
        gradients=((True, "transductive", 1, False), (True, "none", 2, False)),
    ),
    "r2d2": Row(gradients=((True, "transductive", 1, False), (True, "none", 1, False))),
    "matching_net": Row(gradients=((True, "transductive", 1, False), (True, "none", 1, False))),
    "relation_net": Row(
        gradients=(
            (True, "transductive", 1, False),
            (True, "support", 1, False),
            (True, "affine", 1, False),
        )
    ),
    # Its loss counts class means too: test_hypershot.py.
    "hypershot": Row({"hyper_neck": 0, "hyper_layers": 1, "target_width": 16}, order_matters=True),
    "random": Row(),  # is not trained
}


def pytest_generate_tests(metafunc):
    """Makes a test of every row's gradients, for tests that take `gradient_case`."""
    if "gradient_case" in metafunc.fixturenames:
        cases = [(name, *case) for name, row in ROWS.items() for case in row.gradients]
        metafunc.parametrize("gradient_case", cases, ids=["-".join(map(str, c)) for c in cases])


@pytest.fixture(scope="session")
def rows():
    """Method → its row."""
    return ROWS
