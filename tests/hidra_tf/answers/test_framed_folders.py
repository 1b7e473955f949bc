"""Drawings in folders are framed, and contact sheets show what a person gave."""

import keras
import numpy as np
import pytest
from PIL import Image

from data_gen import framing, own_pictures
from hidra_tf import FewShotClassifier
from hidra_tf.answers import learning, reading

SHEET = np.full((60, 120), 255, np.uint8)
SHEET[10:40, 20:23] = 0


@pytest.fixture
def folder(tmp_path):
    for name, turns in (("line/0.png", 0), ("bar/0.png", 1)):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(np.rot90(SHEET, turns)).save(tmp_path / name)
    return tmp_path


def test_arrays_are_framed_and_thumbnails_are_not(folder):
    model = keras.Sequential([keras.Input((20, 20, 1)), keras.layers.Flatten()])
    classifier = FewShotClassifier(model, frame=True, n_steps=1)
    support = own_pictures.to_learn(str(folder), "adapt")
    wanted = learning.format_of(classifier)
    (one,) = reading.read(support.tree, ["line/0.png"], wanted, {})
    expected = framing.framed(SHEET, (20, 20))
    np.testing.assert_array_equal(one.array[..., 0], expected)
    assert one.thumbnail.shape == (36, 72, 3)
    learned = learning.learn(classifier, support)
    assert learned.thumbnails["line"][0].shape == (36, 72, 3)
    # What was framed is not framed again.
    kept = classifier.memory_.sums["line"].reshape(20, 20)
    np.testing.assert_allclose(kept, expected / 255, atol=1e-6)
