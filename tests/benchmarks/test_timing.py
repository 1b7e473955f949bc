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


def test_rounds_take_turns_and_second_calls_count(calls):
    spreads = timing.measure([FIRST, OTHER, SECOND], rounds=2)
    turn = [FIRST, FIRST, SECOND, SECOND, OTHER, OTHER]
    assert calls == [*turn, *turn, *turn, "tensorflow closed", "torch closed"]
    assert spreads[FIRST] == (11.0, 8.0, 14.0)
    assert spreads[OTHER] == (15.0, 12.0, 18.0)


def test_spread():
    assert timing.spread([3.0, 1.0, 9.0]) == (3.0, 1.0, 9.0)


def test_a_training_is_carried_on_call_after_call(calls):
    assert memory.endurance(FIRST, 2) == [(2.0, 20), (3.0, 30)]
    assert calls == [FIRST] * 3 + ["tensorflow closed"]


def test_memory_grows_from_before_anything_was_built(calls):
    assert memory.peak_growth(FIRST) == 10 * memory.CALLS
    assert calls[-1] == "tensorflow closed"
