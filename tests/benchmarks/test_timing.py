import pytest

from benchmarks import memory, timing
from benchmarks.cases import Case
from benchmarks.worker import Reply

FIRST, SECOND, OTHER = Case(), Case(steps=3), Case("torch_loop")


@pytest.fixture
def calls(monkeypatch):
    """What is called, by workers that take a second more at every call."""
    made = []

    class FakeWorker:
        def __init__(self, library):
            self.library = library

        def call(self, case):
            assert case.library == self.library
            made.append(case)
            return Reply(float(len(made)), 100, 100 + 10 * len(made))

        def close(self):
            made.append(f"{self.library} closed")

    monkeypatch.setattr(timing, "Worker", FakeWorker)
    monkeypatch.setattr(memory, "Worker", FakeWorker)
    monkeypatch.setattr(timing, "SETTLE_SECONDS", 0)
    return made


def test_rounds_take_turns_and_warm_ups_do_not_count(calls):
    spreads = timing.measure([FIRST, OTHER, SECOND], rounds=2)
    warm_up = [FIRST, FIRST, SECOND, SECOND, OTHER, OTHER]
    turn = [FIRST, SECOND, OTHER]
    assert calls == [*warm_up, *turn, *turn, "tensorflow closed", "torch closed"]
    assert spreads[FIRST] == (8.5, 7.0, 10.0)
    assert spreads[OTHER] == (10.5, 9.0, 12.0)


def test_spread():
    assert timing.spread([3.0, 1.0, 9.0]) == (3.0, 1.0, 9.0)


def test_memory_grows_from_before_anything_was_built(calls):
    assert memory.peak_growth(FIRST) == 10 * memory.CALLS
    assert calls[-1] == "tensorflow closed"
