"""HIDRA's Figure 4: the weights of MAML's ten output neurons as images, and HIDRA's master's.

The question: are the output neurons that MAML learns on Omniglot, 10-way 5-shot, alike? The paper
shows their weights as images and finds a similar pattern in all of them; it has no number. Here the
similarity is measured: cosines between all pairs of neurons, before and after training, as they are
and after the mean of the neurons is subtracted, beside heads that were drawn at random.

Two facts say what to expect. Adding one vector to all neurons changes no prediction of a softmax,
so nothing but rounding and the optimizer's own arithmetic moves what the neurons have in common:
it is there from the start, and its pattern means nothing. And Glorot's draw already has something
in common by chance: of ten random neurons, a tenth of the squared length lies in their mean.

What differs from the paper: right meta-gradients, and what the presets `omniglot_maml_5` and
`omniglot_hidra_10` name. HIDRA's master was trained at 10 ways, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.lab import networks
from experiments.lab.drawing import as_png
from experiments.lab.findings import Findings, Listing
from experiments.lab.lab import Lab
from experiments.lab.store import Test
from experiments.lab.study import Job, test_job
from experiments.lab.writing import plain_table
from experiments.studies.figure4_alike import Alike, alike, cosine, cosines
from hidra_tf.runs.assembly import method_for
from hidra_tf.runs.config import Config

# Random heads of the baseline.
DRAWS = 1000
MAML, HIDRA = "MAML at 10 ways", "HIDRA 10"


def tested(lab: Lab) -> dict[str, Test]:
    """Both networks, as in Table 2."""
    return {
        MAML: lab.test("omniglot_maml_5", ["--train_ways=10"]),
        HIDRA: lab.test("omniglot_hidra_10"),
    }


def trained_neurons(lab: Lab, config: Config) -> np.ndarray:
    """The weights of a trained head's neurons as rows: [C, D], of a master [1, D]."""
    return _rows(networks.restored(lab.store, config), config)


def first_neurons(config: Config) -> np.ndarray:
    """The same before training."""
    return _rows(method_for(config, config.seen_shape), config)


def _rows(method: Any, config: Config) -> np.ndarray:  # noqa: ANN401
    ways = config.train_ways[0] if config.is_fixed_way else 1
    return method.head.initial(ways).kernel.numpy().T.astype(np.float64)


def random_heads(ways: int, features: int, draws: int = DRAWS) -> list[Alike]:
    """The similarity of the neurons of heads as they are drawn before training, of many seeds."""
    bound = math.sqrt(6 / (ways + features))
    drawn = np.random.default_rng(0).uniform(-bound, bound, (draws, ways, features))
    return [alike(neurons) for neurons in drawn]


class Figure4:
    """The study; see the module's words."""

    name = "figure4"
    title = "HIDRA, Figure 4: the weights of MAML's ten output neurons, and HIDRA's master"

    def jobs(self, lab: Lab) -> list[Job]:
        """Two trainings with their tests."""
        return [test_job(label, test, lab) for label, test in tested(lab).items()]

    def collect(self, lab: Lab) -> Findings:
        """Whatever the trained networks show."""
        configs = {
            label: test.config
            for label, test in tested(lab).items()
            if lab.store.is_trained(test.config)
        }
        after = {label: trained_neurons(lab, config) for label, config in configs.items()}
        if MAML not in after:
            return Findings(absent=(MAML,))
        before = {label: first_neurons(config) for label, config in configs.items()}
        random = random_heads(*after[MAML].shape)
        table = _table(before[MAML], after[MAML], random)
        words = (table, _about(configs[MAML]), *_common(before, after))
        numbers = _numbers(before, after, random)
        image = drawn(after[MAML], after.get(HIDRA))
        listing = Listing("similarity", "", tuple(_records(after[MAML])), shown=False)
        return Findings(
            listings=(listing,), figures={"figure4": image}, words=words, numbers=numbers
        )


def _table(before: np.ndarray, after: np.ndarray, random: list[Alike]) -> str:
    """The similarity of neurons after and before training, and of random ones."""
    bands = [np.quantile(values, [0.025, 0.975]) for values in zip(*random, strict=True)]
    rows = [
        ["after training", *(f"{value:.3f}" for value in alike(after))],
        ["before training", *(f"{value:.3f}" for value in alike(before))],
        [f"{len(random)} random heads, 95 %", *(f"{low:.3f} to {high:.3f}" for low, high in bands)],
    ]
    heading = ["", *(name.replace("_", " ") for name in Alike._fields)]
    return plain_table(f"The output neurons of {MAML} ({len(after)} neurons)", heading, rows)


def _about(config: Config) -> str:
    return (
        "*Cosine* is the mean over all pairs of neurons, with the *lowest* and the *highest* one; "
        "*centred* is the mean after the mean neuron is subtracted, which is −1/(C − 1) on the "
        "average of C neurons of equal length, whatever they are; *length* is the mean norm; "
        "*common* is the share of the neurons' squared length that lies in their mean, and the "
        "*deviation* is the norm of what is left, on the average of neurons. The random heads are "
        "draws of Glorot's distribution, from which the training began. One network was looked "
        f"at, of seed {config.seed}, after {config.steps:,} updates × {config.meta_batch} tasks."
    )


def _common(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> list[str]:
    """How far training moved what neurons have in common: MAML's mean, and HIDRA's master."""
    texts = []
    for label, what in ((MAML, "The mean of MAML's neurons"), (HIDRA, "HIDRA's master")):
        if label in after:
            old, new = (found[label].mean(axis=0) for found in (before, after))
            texts.append(
                f"{what} has a cosine of {cosine(old, new):.3f} with what it was before training; "
                f"its length went from {np.linalg.norm(old):.3f} to {np.linalg.norm(new):.3f}. No "
                "prediction depends on it (fact 3)."
            )
    return texts


def _numbers(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], random: list[Alike]
) -> dict[str, Any]:
    """All that the table and the figure are made of."""
    return {
        "after": alike(after[MAML])._asdict(),
        "before": alike(before[MAML])._asdict(),
        "random": {
            name: np.quantile(values, [0.025, 0.5, 0.975]).tolist()
            for name, values in zip(Alike._fields, zip(*random, strict=True), strict=True)
        },
        "cosines": cosines(after[MAML]).tolist(),
        "centred_cosines": cosines(after[MAML] - after[MAML].mean(axis=0)).tolist(),
        "neurons": {label: neurons.tolist() for label, neurons in after.items()},
    }


def _records(neurons: np.ndarray) -> list[dict[str, Any]]:
    """One record for each of MAML's neurons: its norm, and its cosines with all of them."""
    return [
        {
            "network": MAML,
            "neuron": number,
            "norm": float(np.linalg.norm(neuron)),
            **{f"cosine with {i}": float(value) for i, value in enumerate(row, start=1)},
        }
        for number, (neuron, row) in enumerate(zip(neurons, cosines(neurons), strict=True), start=1)
    ]


def drawn(neurons: np.ndarray, master: np.ndarray | None) -> bytes:
    """Each neuron as an image in one scale of colours, the master's beside, and all cosines."""
    count = len(neurons)
    columns = math.ceil(count / 2)
    figure = Figure(figsize=(14.2, 3.1), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=[5, 1.4, 4])
    most = np.max(np.abs(neurons))
    for number, axes in enumerate(np.ravel(left.subplots(2, columns))):
        axes.axis("off")
        if number < count:
            _image(axes, neurons[number], most, f"neuron {number + 1}")
    left.suptitle("MAML, one scale of colours")
    axes = middle.subplots()
    axes.axis("off")
    if master is not None:
        _image(axes, master[0], np.max(np.abs(master)), "master neuron")
    middle.suptitle("HIDRA, a scale of its own")
    for axes, (title, shown) in zip(
        right.subplots(1, 2),
        (("as they are", neurons), ("less their mean", neurons - neurons.mean(axis=0))),
        strict=True,
    ):
        matrix = axes.imshow(cosines(shown), cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    right.colorbar(matrix, ax=right.axes, shrink=0.6)
    right.suptitle("cosines of MAML's neurons")
    return as_png(figure)


def _image(axes: Any, neuron: np.ndarray, most: float, title: str) -> None:  # noqa: ANN401
    """A neuron's weights as an image, about as wide as high; red is positive."""
    size = len(neuron)
    height = next(rows for rows in range(math.isqrt(size), 0, -1) if size % rows == 0)
    axes.imshow(neuron.reshape(height, -1), cmap="RdBu_r", vmin=-most, vmax=most)
    axes.set_title(title, fontsize=9)


STUDY = Figure4()
