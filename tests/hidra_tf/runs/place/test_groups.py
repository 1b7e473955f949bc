"""Which runs a name stands for, and which of them count as one."""

import pytest

from data_gen.errors import UserError
from hidra_tf.runs.config import Config
from hidra_tf.runs.place.groups import find_groups, group_of


@pytest.fixture
def make(tmp_path):
    """Makes a run's folder with nothing but its configuration."""

    def run(name, **changes):
        fields = {
            "dataset": "glyphs", "method": "hidra", "train_ways": (5,), "shots": 1,
            "query_shots": 1, "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1,
            "meta_lr": 0.1, "filters": 4,
        }  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(Config(**fields | changes).to_json())
        return tmp_path / name

    return run


def test_a_folder_of_runs_and_a_pattern_stand_for_the_same_group(make, tmp_path):
    paths = [make(f"A/seed{seed}", seed=seed) for seed in (10, 9)]
    (tmp_path / "A/compare.csv").touch()
    (tmp_path / "A/notes").mkdir()
    alone = make("B", method="maml")
    for name in (f"{tmp_path}/A/", f"{tmp_path}/A/seed*"):
        first, second = find_groups([name, str(alone)])
        assert (first.paths, first.seeds) == (tuple(paths[::-1]), (9, 10))
        assert first.name == name.rstrip("/")
        assert second.paths == (alone,)


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(make):
    first, second = make("a[1]"), make("b*")
    groups = find_groups([str(first), str(second)])
    assert [group.paths for group in groups] == [(first,), (second,)]


def test_bookkeeping_may_differ_in_a_group(make):
    paths = [make("a", seed=0, checkpoint_every=1), make("b", seed=1, checkpoint_every=2)]
    assert group_of("ab", paths).seeds == (0, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1, "filters": 8}, r"differ in their seed alone.*\(filters is 4 and 8\)$"),
        ({"seed": 0}, r"of different seeds in x; received \[0, 0\]"),
    ],
)
def test_runs_that_are_not_one_are_refused(make, changes, message):
    with pytest.raises(UserError, match=message):
        group_of("x", [make("a"), make("b", **changes)])


def test_a_run_stands_in_one_group_only(make, tmp_path):
    make("A/0")
    make("A/1", seed=1)
    with pytest.raises(UserError, match=r"every run once; received .*A/0"):
        find_groups([f"{tmp_path}/A", f"{tmp_path}/A/0"])
