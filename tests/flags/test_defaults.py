"""What a flag means that is not given."""

import dataclasses

import pytest

from data_gen import DATASETS, STROKES
from flags import defaults
from flags.defaults import describe, settings_of
from hidra_tf.methods import METHODS, uses
from hidra_tf.options import BACKBONES
from hidra_tf.runs.config import Config


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_whole_configuration_on_every_data_set(dataset, method):
    for backbone in BACKBONES:
        settings = settings_of(dataset, method, backbone)
        made = Config(
            dataset=dataset, method=method, train_ways=(5,), backbone=backbone, **settings
        )
        assert made.meta_lr == (1.0 if method == "reptile" else 1e-3)


def test_a_methods_own_settings_win_over_the_data_sets():
    assert settings_of("mini_imagenet", "finetune")["inner_steps"] == 100
    assert settings_of("mini_imagenet", "hypermaml")["inner_steps"] == 1
    assert settings_of("mini_imagenet", "hidra")["inner_steps"] == 5


def test_hypershot_has_its_published_size_and_other_hypernetworks_have_theirs():
    settings = settings_of("cub", "hypershot")
    assert (settings["hyper_layers"], settings["hyper_width"]) == (2, 512)
    assert not {"hyper_layers", "hyper_width"} & settings_of("cub", "hypermaml").keys()
    assert describe("hyper_layers") == "default 3; 2 for hypershot"
    assert describe("hyper_width") == "default 256; 512 for hypershot"


def test_some_of_them_are_for_drawings_only():
    for dataset in DATASETS:
        drawn = settings_of(dataset, "fomaml")["inner_lr"] == 0.1
        assert drawn == (dataset in STROKES)


def test_a_methods_own_rate_is_for_its_own_optimizer():
    assert settings_of("cub", "reptile", optimizer="sgd")["meta_lr"] == 1.0
    assert settings_of("cub", "reptile", optimizer="adam")["meta_lr"] == 1e-3
    assert settings_of("cub", "hidra", optimizer="sgd")["meta_lr"] == 1e-3


def test_only_conv4_has_the_papers_filters():
    assert settings_of("mini_imagenet", "hidra")["filters"] == 32
    assert settings_of("mini_imagenet", "hidra", "resnet12")["filters"] == defaults.FILTERS
    assert settings_of("mini_imagenet", "hidra", "mine:make")["filters"] == defaults.FILTERS


def test_settings_are_copies():
    settings_of("glyphs", "hidra")["shots"] = 99
    assert settings_of("glyphs", "hidra")["shots"] == 5


def test_only_known_methods_and_settings_have_defaults():
    fields = {field.name for field in dataclasses.fields(Config)}
    for own in (defaults.METHODS, defaults.METHODS_ON_STROKES):
        assert set(own) <= set(METHODS)
        for method, settings in own.items():
            assert set(settings) <= fields
            assert all(uses(method, name) for name in settings)


def test_what_new_runs_have_is_not_what_earlier_runs_mean():
    (field,) = (f for f in dataclasses.fields(Config) if f.name == "correction")
    assert settings_of("omniglot", "hyperhidra")["correction"] == "midpoint" != field.default
    assert "correction" not in settings_of("omniglot", "hidra")


def test_equal_defaults_are_described_once():
    assert describe("shots") == "default 5"


@pytest.mark.parametrize("name", defaults.DEFAULTS["omniglot"])
def test_the_description_names_every_data_set_and_method_with_its_value(name):
    said = describe(name)
    if said.count(";") == 0 and " for " not in said:
        values = {settings[name] for settings in defaults.DEFAULTS.values()}
        assert said == f"default {values.pop()}"
        return
    groups = {
        group.split(" for ")[1]: float(group.split(" for ")[0])
        for group in said.removeprefix("default ").split("; ")
    }
    of = {who: value for names, value in groups.items() for who in names.split(", ")}
    for dataset in DATASETS:
        assert of[dataset] == settings_of(dataset, "hidra")[name]
    for method, own in defaults.METHODS.items():
        assert name not in own or of[method] == own[name]
