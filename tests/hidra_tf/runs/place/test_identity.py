"""data.json: which pictures a run has, read strictly and compared."""

import json

import numpy as np
import pytest

from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from hidra_tf.runs.place import identity
from hidra_tf.runs.place.identity import RunData


def pool(names, count=2, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count * len(names), 4, 6, 3))
    return ClassPool(images.astype(np.uint8), (count,) * len(names), tuple(names))


@pytest.fixture
def splits():
    return Splits(pool("abcd"), pool("ef"), pool(["g", "h\udcff\n"]))


def test_what_is_written_is_read(tmp_path, splits):
    data = RunData.of(splits)
    identity.write(tmp_path, data)
    assert identity.read(tmp_path) == data
    assert data.image_shape == (4, 6, 3)
    assert {name: part.classes for name, part in data.splits.items()} == {
        "train": 4, "val": 2, "test": 2
    }  # fmt: skip
    fields = json.loads((tmp_path / "data.json").read_text())
    assert fields["image_shape"] == [4, 6, 3]
    assert fields["splits"]["train"]["counts"] == dict.fromkeys("abcd", 2)


def test_an_earlier_version_wrote_none(tmp_path):
    assert identity.read(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("pillow"),
        lambda fields: fields.update(pillow=11),
        lambda fields: fields.update(image_shape=[4, 6, 1]),
        lambda fields: fields["splits"].pop("val"),
        lambda fields: fields["splits"].update(val=None),
        lambda fields: fields["splits"]["val"].update(classes="2"),
        lambda fields: fields.update(more=1),
    ],
)
def test_anything_else_is_damaged_and_the_file_is_named(tmp_path, splits, change):
    identity.write(tmp_path, RunData.of(splits))
    fields = json.loads((tmp_path / "data.json").read_text())
    change(fields)
    (tmp_path / "data.json").write_text(json.dumps(fields))
    with pytest.raises(UserError, match=r"data\.json is damaged: expected"):
        identity.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_no_json_is_damaged(tmp_path, text):
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(UserError, match=r"data\.json is damaged"):
        identity.read(tmp_path)


def test_the_same_pictures_train_on(tmp_path, splits):
    identity.check_training(tmp_path, RunData.of(splits), RunData.of(splits))


def test_each_split_that_differs_is_named_with_what_is_missing_new_and_changed(tmp_path, splits):
    now = Splits(pool("abxc"), splits.val, pool(["g", "h\udcff\n"], count=3))
    with pytest.raises(UserError) as caught:
        identity.check_training(tmp_path, RunData.of(splits), RunData.of(now))
    message = str(caught.value)
    assert "train: 1 of 4 classes is missing, such as d; 1 is new, such as x" in message
    assert "test: 2 of 2 classes have another number of pictures" in message
    assert "val:" not in message
    assert "\n" not in message


def test_other_pixels_stop_a_training_and_name_another_pillow(tmp_path, splits):
    before = RunData.of(splits)
    now = RunData.of(splits._replace(train=pool("abcd", seed=1)))
    with pytest.raises(UserError, match=r"train: .*the pixels are not") as caught:
        identity.check_training(tmp_path, before, now)
    assert "Pillow" not in str(caught.value)
    older = RunData(before.image_shape, before.splits, "1.0")
    with pytest.raises(UserError, match=rf"by Pillow 1\.0, and now by {now.pillow}"):
        identity.check_training(tmp_path, older, now)


@pytest.mark.parametrize("split", ["train", "val", "test", "all"])
def test_an_evaluation_of_the_same_split_is_silent(tmp_path, splits, split):
    identity.write(tmp_path, RunData.of(splits))
    identity.check_evaluation(tmp_path, split, getattr(splits, split), pytest.fail)


def test_an_evaluation_of_other_classes_is_refused_and_told_how_to_ask(tmp_path, splits):
    identity.write(tmp_path, RunData.of(splits))
    with pytest.raises(UserError, match=r"test split of .*1 of 2 classes is missing") as caught:
        identity.check_evaluation(tmp_path, "test", pool(["g", "a"]), pytest.fail)
    assert "`eval_dataset`" in str(caught.value)


def test_an_evaluation_of_other_pixels_warns(tmp_path, splits):
    identity.write(tmp_path, RunData.of(splits))
    messages = []
    identity.check_evaluation(tmp_path, "val", pool("ef", seed=1), messages.append)
    assert len(messages) == 1
    assert "the pixels are not" in messages[0]


def test_what_is_the_runs_own_is_decided_by_the_pictures_themselves(tmp_path, splits):
    assert identity.is_own(tmp_path, "val", splits.val) is None
    identity.write(tmp_path, RunData.of(splits))
    assert identity.is_own(tmp_path, "val", pool("ef")) is True
    assert identity.is_own(tmp_path, "val", pool("ef", seed=1)) is False
    assert identity.is_own(tmp_path, "test", splits.val) is False
    assert identity.is_own(tmp_path, "all", splits.all) is None


def test_a_run_of_an_earlier_version_is_evaluated_with_a_warning(tmp_path, splits):
    messages = []
    identity.check_evaluation(tmp_path, "test", splits.test, messages.append)
    assert len(messages) == 1
    assert "does not say which pictures" in messages[0]
