"""`--backbone=module:function` that is none, and `--pretrained` of what does not fit."""

from __future__ import annotations

from tests.faults.harness import Row
from tests.faults.recipes import (
    OWN,
    TINY,
    damage,
    edit,
    folder,
    remove,
    shared_pictures,
    trained,
    write,
)
from tests.faults.rows.combinations import new

_MODEL = """
import keras
def make(image_shape):
    images = keras.Input(image_shape)
    {body}
"""
# What a function of one's own makes wrong: name → (its file, what the line says).
_SOURCES = {
    "that does not parse": ("def make(:\n", "own"),
    "whose module raises when it is imported": ("raise ValueError('mine')\n", "mine"),
    "whose module ends the program": ("import sys\nsys.exit(3)\n", "own"),
    "whose module divides by zero": ("1 / 0\n", "own"),
    "whose module needs another that is missing": ("import not_there\n", "not_there"),
    "that is not in its module": ("def other(image_shape): pass\n", "make"),
    "that is a number": ("make = 5\n", "make"),
    "that takes nothing": ("def make(): pass\n", "image_shape"),
    "that takes something else": ("def make(size): pass\n", "image_shape"),
    "that wants one more argument": ("def make(image_shape, depth): pass\n", "depth|argument"),
    "that raises": ("def make(image_shape):\n    raise RuntimeError('mine')\n", "mine"),
    "that raises a type error": ("def make(image_shape):\n    return None + 1\n", "own"),
    "that makes nothing": ("def make(image_shape): pass\n", "Keras model"),
    "that makes a word": ("def make(image_shape): return 'model'\n", "Keras model"),
    "that makes a class": ("import keras\ndef make(image_shape): return keras.Model\n",
                           "Keras model"),
    "without weights": (_MODEL.format(
        body="return keras.Model(images, keras.layers.Flatten()(images))"), "weights"),
    "that makes maps instead of features": (_MODEL.format(
        body="return keras.Model(images, keras.layers.Conv2D(2, 3)(images))"), "features"),
    "for images of another size": (_MODEL.format(
        body="images = keras.Input((9, 9, 1)); x = keras.layers.Flatten()(images)\n"
        "    return keras.Model(images, keras.layers.Dense(2)(x))"), "9"),
    "with two outputs": (_MODEL.format(
        body="x = keras.layers.Flatten()(images); y = keras.layers.Dense(2)(x)\n"
        "    return keras.Model(images, [y, y])"), "features|output"),
    "with two inputs": (_MODEL.format(
        body="x = keras.layers.Flatten()(images); y = keras.Input((3,))\n"
        "    z = keras.layers.Dense(2)(keras.layers.Concatenate()([x, y]))\n"
        "    return keras.Model([images, y], z)"), "input|images"),
    "that counts its calls": (_MODEL.format(
        body="x = keras.layers.Flatten()(images)\n"
        "    return keras.Model(images, keras.layers.Dense(2)(Count()(x)))")
        + "class Count(keras.layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.n = self.add_weight(shape=(), dtype='int32', trainable=False)\n"
        "    def call(self, x): return x\n", "counts|random"),
}  # fmt: skip
_WORDS = ("", ":", "own", "own:", ":make", "own:make:more", "own/make", "own.py:make", "conv5",
          "no_such_module:make", "os:getcwd", "os:environ", "own make", "../own:make")  # fmt: skip


def _functions() -> list[Row]:
    path = (("PYTHONPATH", "."),)
    own = [
        new(f"a backbone {name}", "--backbone=own:make", says=says,
            prepare=(write("own.py", source),), environment=path)
        for name, (source, says) in _SOURCES.items()
    ]  # fmt: skip
    words = [new(f"--backbone={word!r}", f"--backbone={word}", says="backbone|own|os|conv5|module")
             for word in _WORDS]  # fmt: skip
    return [*own, *words]


def _pretrained() -> list[Row]:
    def row(name: str, *flags: str, says: str = "pre", prepare: tuple = (), **more: object) -> Row:
        steps = prepare or (trained("hidra", "pre"),)
        return new(name, "--pretrained=pre", *flags, says=says, prepare=steps, **more)

    wider = tuple(flag for flag in TINY if "filters" not in flag)
    larger = tuple(flag for flag in TINY if "image_size" not in flag)
    return [
        row("pretrained on nothing", prepare=(write("other", ""),)),
        row("pretrained on an empty folder", prepare=(folder("pre"),)),
        row("pretrained on a file", prepare=(write("pre", "a file"),)),
        row("pretrained on a folder of something else", prepare=(write("pre/a.txt", "mine"),)),
        row("pretrained on itself", "--run_dir=pre", says="pre"),
        row("pretrained without a name", "--pretrained=", says="pretrained|is not a run"),
        row("pretrained with fewer filters", "--filters=3", base=wider, says="filters|shape|pre"),
        row("pretrained with another backbone", "--backbone=resnet12", "--filters=1",
            says="backbone|resnet12|pre"),
        row("pretrained without normalisation", "--norm=none", says="norm|pre"),
        row("pretrained on grey pictures for colour", "--channels=3", says="channels|shape|pre"),
        row("pretrained on other sizes with a run that says none", "--image_size=0", base=larger,
            says="image_size"),
        row("pretrained on a run without checkpoints", says="checkpoint",
            prepare=(trained("hidra", "pre"), remove("pre/best"), remove("pre/checkpoints"))),
        row("pretrained on damaged checkpoints", says="damaged|checkpoint",
            prepare=(trained("hidra", "pre"), damage("pre/*/ckpt-*", "garbled"))),
        row("pretrained on half a configuration", says="config.json",
            prepare=(trained("hidra", "pre"), damage("pre/config.json", "half"))),
        row("pretrained on a run that names code", says="antigravity|backbone",
            prepare=(trained("hidra", "pre"),
                     edit("pre/config.json", ("backbone", "antigravity:fly")))),
        row("pretrained on the classes that choose the best", says="validation|val\\b|class",
            prepare=(trained("with validation", "pre"),)),
        row("pretrained on another deal of the same folder", "--split_seed=3",
            "--data_dir=pictures", base=OWN, says="class",
            prepare=(trained("folder", "pre"), shared_pictures())),
    ]  # fmt: skip


ROWS = [*_functions(), *_pretrained()]
