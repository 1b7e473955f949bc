"""The store of runs, as far as nothing is trained."""

from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.lab.store import Store


def test_pictures_of_one_split_are_loaded_without_a_training(tmp_path):
    store = Store(tmp_path / "runs", str(tmp_path / "cache"))
    config = Lab(BUDGETS["smoke"], store).test("omniglot_hidra_5").config
    assert store.load(config, "test").test.num_classes > 0
    assert store.load(config).train.num_classes > 0
    assert not store.is_trained(config)
