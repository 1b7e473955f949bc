import json
from pathlib import Path

import numpy as np
import pytest

import hidra_tf
from data_gen.errors import UserError
from data_gen.typed_json import parse, read
from hidra_tf import FewShotClassifier, shipped
from hidra_tf.evaluation.temperature import Temperature

ROOT = Path(shipped.__file__).parent
NAMES = shipped.names()


def test_each_initialization_is_small_and_has_a_card():
    assert sorted(hidra_tf.initializations()) == NAMES
    assert NAMES == ["mini_imagenet", "omniglot"]
    for name, card in hidra_tf.initializations().items():
        files = list((ROOT / name).iterdir())
        assert {file.name for file in files} == {"card.json", "classifier.json", "weights.npz"}
        assert sum(file.stat().st_size for file in files) < 1e6
        assert {row.ways for row in card.accuracies} == {2, 5, 10, 20}
        for row in card.accuracies:
            assert 1 / row.ways < row.accuracy <= 1
            assert row.after < 0.05
        origin = json.loads((ROOT / name / "classifier.json").read_text())["origin"]
        assert origin["data_dir"] is None and origin["norm"] in ("running", "support")


@pytest.mark.parametrize("name", NAMES)
def test_an_initialization_learns_two_classes_of_pictures_of_any_size(name):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:60, :40]
    lines = [np.where((axis // 6) % 2, 255, 0) for axis in (y, x)]
    shown = [
        np.clip(line + rng.integers(-9, 9, (60, 40)), 0, 255).astype(np.uint8) for line in lines * 3
    ]
    classifier = FewShotClassifier.from_pretrained(name).fit(shown[:4], ["down", "across"] * 2)
    assert classifier.predict(shown[4:]).tolist() == ["down", "across"]
    card = read(shipped.Card, ROOT / name / shipped.CARD)
    assert classifier.initialization_.temperature == card.temperature


def test_an_older_card_tells_one_temperature_and_thresholds_of_five_pictures():
    card = json.loads((ROOT / NAMES[0] / shipped.CARD).read_text())
    for threshold in card["thresholds"]:
        threshold.pop("shots", None)
    found = parse(shipped.Card, json.dumps({**card, "temperature": 0.75}))
    assert found.temperature == Temperature(0.75)
    assert {threshold.shots for threshold in found.thresholds} == {5}


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(UserError, match=r"expected one of .*omniglot.*; received 'imagenet'"):
        FewShotClassifier.from_pretrained("imagenet")
