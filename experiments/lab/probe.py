"""What is computed from trained networks beyond an evaluation, and kept beside the runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.lab.lab import Lab
from experiments.lab.store import Store, Test
from experiments.lab.study import Job
from hidra_tf.runs.checkpoints.weights import current


@dataclass(frozen=True)
class Probe:
    """A computation from the networks of some runs, which is kept for these weights.

    Attributes:
        name: a name that no other probe has.
        tests: the trainings, and the tests whose tasks are met.
        compute: from a store that holds the trained runs to numbers that fit JSON.
    """

    name: str
    tests: tuple[Test, ...]
    compute: Callable[[Store], Mapping[str, Any]]

    def known(self, store: Store) -> dict[str, Any] | None:
        """What was computed from the present weights, or None; nothing is computed."""
        weights = self._weights(store)
        kept = None if weights is None else store.kept(self._file(store))
        return kept["found"] if kept is not None and kept["weights"] == weights else None

    def job(self, label: str, lab: Lab) -> Job:
        """The job that makes what is missing: trainings, tests, and the computation."""
        return Job(label, lambda: self.known(lab.store) is not None, lambda: self._do(lab.store))

    def _do(self, store: Store) -> None:
        for test in self.tests:
            store.measure(test)
        found = dict(self.compute(store))
        store.keep(self._file(store), {"weights": self._weights(store), "found": found})

    def _weights(self, store: Store) -> list[str] | None:
        """The digests of the networks' weights; None if one is not trained or cannot be read."""
        if not all(store.is_trained(test.config) for test in self.tests):
            return None
        found = [current(store.run(test.config), test.config, None) for test in self.tests]
        digests = [None if one is None else one.digest for one in found]
        return None if None in digests else digests

    def _file(self, store: Store) -> str:
        """A name that differs wherever the trainings or the tests do."""
        asked = "".join(f"{store.run(one.config).name} {one.request}" for one in self.tests)
        return f"{self.name}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
