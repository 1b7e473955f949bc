import dataclasses

import pytest

from experiments.lab import presets
from experiments.lab.budgets import BUDGETS, shortened

SHORT = BUDGETS["short"]


@pytest.mark.parametrize(
    ("preset", "updates", "tasks"),
    [
        ("omniglot_hidra_5", 6000, 4),
        ("omniglot_emnist_maml_1shot", 1000, 4),
        ("omniglot_emnist_protonet_1shot", 4000, 1),
        ("mini_imagenet_mamlpp_1shot", 2000, 2),
        ("mini_imagenet_reptile_1shot", 1000, 4),
    ],
)
def test_a_training_of_fewer_tasks_in_an_update_has_more_updates(preset, updates, tasks):
    made = SHORT.training(presets.read(preset)[0])
    assert (made.steps, made.meta_batch) == (updates, tasks)


def test_a_training_on_minibatches_sees_as_many_pictures_as_the_tasks_have():
    made = SHORT.training(presets.read("mini_imagenet_finetune_1shot")[0])
    assert made.steps * made.batch_size == 1000 * 4 * 100
    # It is never longer than the published one.
    assert SHORT.training(presets.read("omniglot_emnist_finetune_1shot")[0]).steps == 9985


def test_schedules_keep_their_shares_and_their_order():
    config = presets.read("omniglot_emnist_hypermaml_switch")[0]
    assert (config.steps, config.switch, config.milestones) == (6144, (150, 1650), (153, 1650))
    made = shortened(config, 1000)
    assert (made.switch, made.milestones) == ((24, 269), (25, 269))
    assert shortened(config, 2).switch == (1, 2)


@pytest.mark.parametrize("preset", ["mini_imagenet_r2d2_1shot", "omniglot_emnist_hypermaml_switch"])
def test_a_tiny_training_has_schedules_that_can_be_meant(preset):
    config = BUDGETS["smoke"].training(presets.read(preset)[0])
    assert list(config.milestones) == sorted(set(config.milestones))
    assert dataclasses.replace(config).steps == 2
