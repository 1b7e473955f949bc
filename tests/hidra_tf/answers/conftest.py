"""A classifier of pictures by their colour, and folders for it."""

import functools

import numpy as np
import pytest
from PIL import Image

from data_gen import own_pictures

COLORS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}


def picture(color, seed, size=(9, 7)):
    """A picture of about one colour, with noise of its own."""
    noise = np.random.default_rng(seed).integers(-25, 25, (*size, 3))
    return Image.fromarray((np.array(COLORS[color]) + noise).astype(np.uint8))


@pytest.fixture
def paint(tmp_path):
    """Writes pictures `folder/…` of the colours that they are to have; returns the folder."""

    def fill(where, **colors):
        for seed, (name, color) in enumerate(colors.items()):
            path = tmp_path / where / name.replace("__", "/").replace("_png", ".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(color, sum(map(ord, where)) + seed).save(path)
        return tmp_path / where

    return fill


@pytest.fixture
def support(paint):
    """Two pictures each of three classes."""
    return paint("support", **{f"{c}__{i}_png": c for c in COLORS for i in range(2)})


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The folder of a classifier that has learned nothing: its features are mean colours."""
    import keras

    from hidra_tf import FewShotClassifier

    pictures = keras.Input((4, 4, 3))
    model = keras.Model(pictures, keras.layers.GlobalAveragePooling2D()(pictures))
    path = tmp_path_factory.mktemp("classifier") / "colors"
    FewShotClassifier(model, n_steps=5).save(path)
    return path


@pytest.fixture(scope="session")
def loaded_once():
    """What loads a classifier once for all tests, which compile nothing anew."""
    from hidra_tf.classifier import storage

    return functools.cache(storage.load)


@pytest.fixture
def ask(saved, loaded_once, tmp_path, capsys, monkeypatch):
    """Answers a request; gives the folder of the answers and what was printed."""
    from hidra_tf.classifier import storage

    own = storage.load
    monkeypatch.setattr(storage, "load", lambda path: (loaded_once if path == saved else own)(path))
    from hidra_tf.answers.answer import answer
    from hidra_tf.answers.request import Request

    def answered(support=None, queries=None, **more):
        learn = support and own_pictures.to_learn(str(support), "adapt", 1)
        predict = queries and own_pictures.opened(str(queries), "predict")
        output = queries and tmp_path / "answers"
        fields = {"classifier": saved, "output_dir": output, **more}
        answer(Request(support=learn, queries=predict, **fields))
        return output, capsys.readouterr().out

    return answered
