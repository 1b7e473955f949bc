import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_gen import DATASETS, ImageSize
from data_gen.errors import UserError
from flags.defaults import settings_of
from hidra_tf.backbones import registry
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.methods import METHODS
from hidra_tf.options import BACKBONES
from hidra_tf.runs import sizes
from hidra_tf.runs.assembly import method_for
from hidra_tf.runs.config import Config

MACHINE = sizes.Machine("this machine", 24 * 2**30)


def make_config(dataset="omniglot", method="hidra", backbone="conv4", **changes):
    fields = {"train_ways": (5,), **settings_of(dataset, method, backbone)}
    own = {"dataset": dataset, "method": method, "backbone": backbone}
    return Config(**{**fields, **own, **changes})


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("method", METHODS)
def test_the_papers_settings_fit_a_small_machine(dataset, method):
    for backbone in BACKBONES:
        config = make_config(dataset, method, backbone)
        sizes.check_training(config, sizes.Machine("a laptop", 2**30))
        sizes.check_evaluation(config, range(2, 51), machine=sizes.Machine("a laptop", 2**30))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"meta_batch": 10**9}, "`meta_batch=1000000000`"),
        ({"image_size": ImageSize(9999, 9999)}, "`image_size=9999`"),
        ({"method": "finetune", "batch_size": 10**9}, "`batch_size=1000000000`"),
        ({"filters": 10**6}, "`filters=1000000`"),
        ({"filters": 10**6, "backbone": "resnet12"}, "fewer `filters`"),
        ({"method": "hypermaml", "hyper_width": 10**6}, "`hyper_width=1000000`"),
        ({"method": "hyperhidra", "hyper_layers": 10**9}, "`hyper_layers=1000000000`"),
        ({"method": "hypershot", "target_width": 10**8}, "`target_width=100000000`"),
        ({"method": "hypershot", "target_layers": 10**9}, "`target_layers=1000000000`"),
        ({"method": "hypershot", "hyper_neck": 10**9}, "`hyper_neck=1000000000`"),
        ({"inner_steps": 10**6}, "`inner_steps=1000000`"),
        ({"method": "maml", "inner_steps": 10**6}, "fewer `inner_steps`"),
        ({"shots": 10**9}, "`shots=1000000000`"),
        ({"train_ways": (5, 10**9)}, "`meta_batch=32`"),
    ],
)
def test_what_cannot_fit_is_refused_with_what_helps(changes, named):
    with pytest.raises(UserError, match=r"expected settings that fit the 25\.8 GB of this") as e:
        sizes.check_training(make_config(**changes), MACHINE)
    assert named in str(e.value)
    assert "what helps: " in str(e.value)


def test_a_need_is_counted_where_it_exists_only():
    sizes.check_training(make_config("glyphs", "random", inner_steps=10**6), MACHINE)
    sizes.check_training(make_config(method="finetune", inner_steps=10**6), MACHINE)
    sizes.check_training(make_config(backbone="mine:make", filters=10**6), MACHINE)


def test_the_pictures_of_an_evaluation_are_counted():
    with pytest.raises(UserError, match=r"fit the 1.1 GB of it; .*10 tasks with 9999 ways .*eval"):
        sizes.check_evaluation(make_config(), (5, 9999), machine=sizes.Machine("it", 2**30))


def test_what_is_counted_is_less_than_what_there_is():
    """The estimates are below the sizes of real arrays."""
    for name in BACKBONES:
        for method, copies in (("hidra", 4), ("reptile", 2)):
            config = make_config("mini_imagenet", method, name, filters=8)
            model = registry.build(name, (84, 84, 3), filters=8)
            real = sum(4 * v.shape.num_elements() for v in map(tf.convert_to_tensor, model.weights))
            counted = sizes._weights(config).size
            assert 0.2 * copies * real < counted < copies * real
    config = make_config("mini_imagenet", image_size=ImageSize(84, 84), channels=3)
    pictures = tf.zeros((config.meta_batch, 5 * 20, 84, 84, 3))
    assert sizes._pictures(config).size == pictures.numpy().nbytes
    stored = np.prod((config.meta_batch, 5 * 20, 96, 96, 3))  # a byte each
    wide = dataclasses.replace(config, crop_margin=1.15)
    assert sizes._pictures(wide).size == pictures.numpy().nbytes + stored


@pytest.mark.parametrize(
    ("steps", "members", "counted"), [(10, None, 3), (9, None, 3), (5, None, 2), (9, 1, 1)]
)
def test_the_members_of_an_ensemble_are_counted_that_there_are_or_will_be(steps, members, counted):
    """`keep_best` of them at most, and no more than measurements after the first."""
    config = make_config(filters=64, steps=steps, log_every=4, keep_best=3)
    size = (counted + 1) * sizes._weights(config, copies=1).size
    sizes.check_ensemble(config, members, sizes.Machine("it", size))
    with pytest.raises(UserError, match=rf"weights of {counted} checkpoints .*`keep_best=3`") as e:
        sizes.check_ensemble(config, members, sizes.Machine("it", size - 1))
    assert str(e.value).endswith("what helps: a single one, as with `checkpoint=best`")


def test_what_is_counted_of_an_ensemble_is_less_than_what_there_is():
    config = make_config("mini_imagenet", filters=64, keep_best=3)
    ensemble = Ensemble(method_for(config, (84, 84, 3)))
    for _ in range(3):
        ensemble.remember()
    real = sum(a.numpy().nbytes for a in [*ensemble._kept, *ensemble.variables])
    with pytest.raises(UserError, match="answer together"):
        sizes.check_ensemble(config, 3, sizes.Machine("it", int(0.8 * real)))
    sizes.check_ensemble(config, 3, sizes.Machine("it", real))


def test_this_machine_has_memory():
    assert sizes.this_machine().size > 2**30


def test_half_precision_halves_the_activations():
    config = make_config()
    half = dataclasses.replace(config, precision="bfloat16")
    assert sizes._activations(config).size == 2 * sizes._activations(half).size
