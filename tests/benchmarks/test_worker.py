"""A real process; `test_main.py` has more of them."""

import pytest

from benchmarks.cases import Case
from benchmarks.worker import Worker


def test_a_worker_answers_and_says_what_it_failed_at(capfd):
    worker = Worker("tensorflow")
    try:
        case = Case("tf_map_fn", side=16, filters=2, ways=2, tasks=1, shots=1, query_shots=1)
        first, second = worker.call(case), worker.call(case)
        assert 0 < second.seconds < first.seconds
        assert 0 < first.rss_before < first.rss_peak <= second.rss_peak
        with pytest.raises(RuntimeError, match=r"exit status 1 while measuring .*float8"):
            worker.call(Case(precision="float8"))
    finally:
        worker.close()
    assert "KeyError: 'float8'" in capfd.readouterr().err
