"""The presets of `flags/paper`: each of them trains.

A training is shrunk to tiny pictures, widths and numbers. Presets that are the same training then
share it, so that every preset is trained and no training is repeated. Updates are computed without
being compiled, which is the quickest where there are only three; `make presets` compiles them.
"""

import dataclasses
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags

from data_gen import ImageSize
from data_gen.class_pool import ClassPool, Splits
from flags import build, parsing
from hidra_tf.backbones.pairing import check_untrained, paired
from hidra_tf.methods import METHODS, trains, uses
from hidra_tf.runs import assembly
from hidra_tf.training.updates import MetaUpdates

ROOT = Path(__file__).parents[2]
PAPER = sorted(ROOT.glob("flags/paper/*.flags"))
METHOD_OF = {path: re.search(r"^--method=(\w+)$", path.read_text(), re.M)[1] for path in PAPER}
TRAINED = sorted(method for method in set(METHOD_OF.values()) if trains(method))
CLASSES, PICTURES, UPDATES = 4, 6, 3


@pytest.fixture(autouse=True)
def fresh_flags(monkeypatch):
    for name in ("DATA_DIR", "EVAL_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield
    absl_flags.FLAGS.unparse_flags()
    forget_flags()


@pytest.fixture(params=["eager", pytest.param("compiled", marks=pytest.mark.slow)])
def _computed(request):
    tf.config.run_functions_eagerly(request.param == "eager")
    yield
    tf.config.run_functions_eagerly(False)


def forget_flags():
    for name in list(absl_flags.FLAGS):
        absl_flags.FLAGS[name].unparse()


def config_of(preset):
    """The training that a preset describes."""
    forget_flags()
    parsing.parse(["main.py", f"--flagfile={preset}"], "usage")
    return build.config()


def shrunk(config):
    """The same training of tiny things: its numbers that are larger than needed become small."""
    drawings = config.dataset == "omniglot"
    # Relation Networks compare maps, which the margins of two convolutions leave.
    side = 36 if config.backbone == "conv4_np" and not drawings else 16
    stepping = uses(config.method, "inner_steps")
    return dataclasses.replace(
        config,
        dataset="omniglot" if drawings else "mini_imagenet",
        eval_dataset=None,
        image_size=ImageSize(side, side),
        crop_margin=min(config.crop_margin, 1.1),
        invert=True,
        train_on_validation=False,
        train_ways=(2, 3)[-len(config.train_ways) :],
        shots=2,
        query_shots=1,
        meta_batch=min(config.meta_batch, 2),
        batch_size=4,
        filters=2,
        inner_steps=min(config.inner_steps, 2) if stepping else 1,
        inner_lr=0.01,
        multi_step_loss=min(config.multi_step_loss, 2),
        temperature=1.0 if config.temperature == 1 else 2.0,
        hyper_layers=min(config.hyper_layers, 2),
        hyper_width=4,
        target_width=4,
        # The gradient step alone, then both, then the hypernetwork's update alone.
        switch=config.switch and (0, 2),
        steps=UPDATES,
        log_every=UPDATES,
        val_tasks=1,
        meta_lr=0.001,
        milestones=(1,) if config.milestones else (),
        gamma=0.5,
        pretrained=None,
    )


def splits_for(config):
    """Pictures of noise, of the shape that a training stores."""
    shape = (CLASSES * PICTURES, *config.stored_size, config.seen_shape[2])
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    pool = ClassPool(images, (PICTURES,) * CLASSES, tuple("abcd"))
    return Splits(pool, pool, pool)


def train(config):
    """Makes the first updates of a training, which must be finite and move the weights."""
    splits = splits_for(config)
    method = assembly.build_method(config, splits, CLASSES)
    before = [variable.numpy() for variable in method.variables]
    sampler = assembly.training_sampler(config, splits)
    optimizer = assembly.build_optimizer(config, method)
    result = MetaUpdates(method, sampler, optimizer, config.clip_norm)(
        tf.constant(0), tf.constant(UPDATES)
    )
    assert bool(result.finite), config
    assert int(result.step) == UPDATES
    assert np.isfinite(float(result.loss))
    after = [variable.numpy() for variable in method.variables]
    assert all(np.isfinite(value).all() for value in after)
    assert any(np.any(old != new) for old, new in zip(before, after, strict=True))


def trainings(presets):
    """Tiny training → the presets that it stands for."""
    found = defaultdict(list)
    for preset in presets:
        found[shrunk(config_of(preset))].append(preset)
    return found


@pytest.mark.usefixtures("_computed")
@pytest.mark.parametrize("method", TRAINED)
def test_every_preset_of_a_method_trains(method):
    presets = [preset for preset in PAPER if METHOD_OF[preset] == method]
    run = []
    for config, same in trainings(presets).items():
        train(config)
        run += same
    assert Counter(run) == Counter(presets)
    assert presets


def test_every_preset_is_of_a_method_that_is_trained_here_or_of_one_without_training():
    counted = Counter(METHOD_OF.values())
    untrained = [method for method in counted if method not in TRAINED]
    assert untrained == ["random"]
    assert sum(counted[method] for method in [*TRAINED, *untrained]) == len(PAPER) > 90
    assert set(counted) <= set(METHODS)


def test_presets_that_begin_with_anothers_backbone_have_the_same_network():
    configs = {preset: config_of(preset) for preset in PAPER}
    sources = {run_dir_of(preset): made for preset, made in configs.items()}
    begun = [made for made in configs.values() if made.pretrained]
    assert len(begun) > 10
    for theirs, ours in {(shrunk(sources[c.pretrained]), shrunk(c)) for c in begun}:
        there, here = (assembly.build_method(c, splits_for(c)).backbone for c in (theirs, ours))
        assert len(paired(there.variables, here.variables)) == len(here.variables)
        check_untrained(there.model, here.model)


@pytest.mark.parametrize("preset", PAPER, ids=lambda preset: preset.stem)
def test_presets_have_what_the_programs_have_that_their_comments_point_to(preset):
    text = " ".join(preset.read_text().replace("\n# ", " ").split())
    made, request = config_of(preset), build.eval_request()
    if "programs that follow Chen et al. (2019) stands in flags/paper/README.md" in text:
        adapting = made.method in ("maml", "hypermaml")
        assert made.norm == ("transductive" if adapting else "running")
        assert made.adapt_norm == (made.method == "maml")
        assert request.query_shots_of(made) == 15
        assert made.crop_margin == 1.15
        photographs = made.dataset != "omniglot"
        assert made.random_crop == made.random_flip == (made.color_jitter > 0) == photographs
        assert made.invert == photographs
        # The program of Patacchiola et al. has one channel of drawings, which has no colours.
        assert (made.standardize == "none") == (made.seen_shape[2] == 1)
    elif "programs of Ye et al. stands in flags/paper/README.md" in text:
        resnet = made.backbone == "resnet12"
        assert made.crop_margin == 1.1
        assert made.standardize == ("mini_imagenet" if resnet else "imagenet")
        assert made.norm == "running"
        assert made.l2 == 5e-4
        assert made.nesterov == (made.meta_optimizer == "sgd")
        assert made.pretrained is None or request.tasks == 10_000
    else:
        others = r"hidra_(\d|5-30)|maml_5$|_random$|mamlpp|reptile|meta_sgd|r2d2"
        assert re.search(others, preset.stem), "a program without a section"
        return
    assert made.clip_norm == 0


def run_dir_of(preset):
    """The folder that a preset trains in, as `--pretrained` of another names it; None without."""
    found = re.search(r"^--run_dir=(.*)$", preset.read_text(), re.M)
    return found and str(Path(found[1]).absolute())
