"""The four facts on trained networks: what they call equal is compared, on the same test tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data_gen.episodes import Episodes
from experiments.lab import networks
from experiments.lab.networks import Answers
from experiments.lab.store import Store, Test
from hidra_tf.methods.gradient import GradientMethod

# Tasks that are compared at each number of ways.
TASKS = 100
# Beside the number of ways of the training.
MANY_WAYS = 20
STEPS = (1, 3)


class Neuron(NamedTuple):
    """An output neuron: kernel [D] and bias []."""

    kernel: np.ndarray
    bias: np.ndarray


class Network:
    """A trained network and the test tasks that its changed forms are asked about.

    Nothing of what is compared is built in: all steps are found by differentiation.

    Args:
        store: the store with the trained run.
        test: the run and its test.

    Attributes:
        method: the network as it was trained.
        ways: the numbers of ways of the tasks, the training's first.
    """

    def __init__(self, store: Store, test: Test) -> None:
        restored = networks.restored(store, test.config)
        self.method = networks.with_inner(restored, exact=False)
        self.tasks = networks.test_tasks(store, test)
        self.steps = tuple(sorted({test.steps(step) for step in STEPS}))
        self.count = min(TASKS, test.request.tasks)
        more = () if test.config.is_fixed_way else (MANY_WAYS,)
        self.ways = tuple(dict.fromkeys((test.config.train_ways[0], *more)))

    def answers(self, method: GradientMethod, ways: Sequence[int] = ()) -> dict[int, Answers]:
        """What a form of the network answers at some numbers of ways, or at all of them."""
        ask = networks.answering(method, self.tasks, self.steps)
        return {one: ask(one, 0, self.count) for one in ways or self.ways}

    def answers_of(self, neurons: Mapping[str, Neuron]) -> dict[str, dict[int, Answers]]:
        """What the network answers at all numbers of ways, if its neurons begin as each of some."""
        form = networks.with_master(self.method, *self.zero)
        ask = networks.answering(form, self.tasks, self.steps)
        found = {}
        for name, neuron in neurons.items():
            form.head.kernel.assign(neuron.kernel)
            form.head.bias.assign(neuron.bias)
            found[name] = {one: ask(one, 0, self.count) for one in self.ways}
        return found

    def moved(self, method: GradientMethod) -> float:
        """How far the first step moves the backbone in the first task: ‖θ′ − θ‖ / ‖θ‖."""
        *arrays, ways = self.tasks(0, self.ways[0])
        task = Episodes(*(array[0] for array in arrays), ways)
        start, first = (weights.backbone for weights in method.adaptation(task)((0, 1)))
        steps = [new - old for new, old in zip(first, start, strict=True)]
        return float(tf.linalg.global_norm(steps) / tf.linalg.global_norm(start))

    def of_zeros(self, **inner: Any) -> GradientMethod:  # noqa: ANN401
        """The network with zeros in the place of its neurons, with another inner loop."""
        return networks.with_inner(networks.with_master(self.method, *self.zero), **inner)

    @property
    def mean(self) -> Neuron:
        """The mean of the neurons, which is any of them where they are equal."""
        head = self.method.head.initial(self.ways[0])
        return Neuron(head.kernel.numpy().mean(axis=1), head.bias.numpy().mean())

    @property
    def zero(self) -> Neuron:
        """A neuron of zeros."""
        return Neuron(0 * self.mean.kernel, np.zeros(()))

    @property
    def random(self) -> Neuron:
        """A neuron in a random direction, as long as the mean one."""
        drawn = np.random.default_rng(0).normal(size=self.mean.kernel.shape)
        length = np.linalg.norm(self.mean.kernel)
        return Neuron(drawn * length / np.linalg.norm(drawn), np.zeros(()))


def of_softmax(store: Store, test: Test) -> dict[str, Any]:
    """A master neuron under a softmax, of which the facts speak.

    Returns:
        `rows` as `_compared` yields them, and `moved` as `_moves` returns it.
    """
    network = Network(store, test)
    rows, first = other_masters(network)
    forms = {
        "closed": networks.with_inner(network.method, exact=True),
        "longer": networks.with_inner(network.method, reduction="per_class"),
        "sigmoid": network.of_zeros(loss="sigmoid"),
    }
    for key, form in forms.items():
        rows += _compared(network, key, network.answers(form), first)
    for ways in network.ways:
        rate = network.method.inner.learning_rate / ways
        form = networks.with_inner(network.method, reduction="per_class", learning_rate=rate)
        rows += _compared(network, "rescaled", network.answers(form, (ways,)), first)
    return {"rows": rows, "moved": _moves(network, zeros=True)}


def of_maml(store: Store, test: Test) -> dict[str, Any]:
    """The same of a head with neurons of its own for each class, of which no fact speaks."""
    network = Network(store, test)
    tied = network.answers_of({"tied": network.mean})["tied"]
    rows = list(_compared(network, "tied", tied, network.answers(network.method)))
    return {"rows": rows, "moved": _moves(network, zeros=False)}


def of_sigmoid(store: Store, test: Test) -> dict[str, Any]:
    """The same of a master neuron under the sigmoid loss, where it matters."""
    network = Network(store, test)
    rows, _ = other_masters(network)
    return {"rows": rows, "moved": _moves(network, zeros=True)}


def other_masters(network: Network) -> tuple[list[dict[str, Any]], dict[int, Answers]]:
    """The network beside itself with other masters, and what it answers as it was trained."""
    masters = {"own": network.mean, "zero": network.zero, "random": network.random}
    found = network.answers_of(masters)
    first = found.pop("own")
    rows = [row for key, then in found.items() for row in _compared(network, key, then, first)]
    return rows, first


def _moves(network: Network, zeros: bool) -> dict[str, float]:
    """How far the first step moves the backbone: from the network's head, and from zeros."""
    forms = {"own": network.method, **({"zeros": network.of_zeros()} if zeros else {})}
    return {name: network.moved(form) for name, form in forms.items()}


def _compared(
    network: Network, key: str, then: Mapping[int, Answers], first: Mapping[int, Answers]
) -> Iterator[dict[str, Any]]:
    """How what a form of a network answers, `then`, differs from what the network answers `first`.

    Yields:
        For each number of ways and of steps: how many `answers` differ `of` how many, and the
        largest difference of `probabilities`, softmax probabilities of all classes.
    """
    for ways, answers in then.items():
        for at, steps in enumerate(network.steps):
            differ = first[ways].classes[:, at] != answers.classes[:, at]
            gap = first[ways].probabilities[:, at] - answers.probabilities[:, at]
            yield {
                "check": key,
                "ways": ways,
                "steps": steps,
                "answers": int(np.sum(differ)),
                "of": int(differ.size),
                "probabilities": float(np.max(np.abs(gap))),
            }
