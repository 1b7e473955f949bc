"""A classifier as a folder: JSON, arrays without objects, and nothing that is executed."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.classifier import starts
from hidra_tf.classifier.arrays import read_arrays, write_arrays
from hidra_tf.classifier.contents import Contents, contents_of
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.memory import ClassSums, Examples, Memory
from hidra_tf.runs.assembly import method_for
from hidra_tf.runs.config import Config
from hidra_tf.runs.place.whole import written

CLASSIFIER, WEIGHTS, LEARNED, MODEL = (
    "classifier.json",
    "weights.npz",
    "learned.npz",
    "backbone.keras",
)


def save(
    path: str | os.PathLike,
    settings: Mapping[str, Any],
    start: Initialization,
    memory: Memory | None,
    precision: str | None = None,
) -> None:
    """Writes a classifier into a new folder, all or nothing.

    Args:
        path: the folder, which is made.
        settings: those of `FewShotClassifier` that choose nothing of the initialization.
        start: the initialization.
        memory: what was learned of a task, or None.
        precision: the type of the weights in the file; None is their own. float16 halves it.

    Raises:
        UserError: if something is there already or cannot be written, or if the classifier has
            something that cannot be written.
    """
    contents = contents_of(settings, start, memory)
    with written(path, "path") as folder:
        folder.mkdir()
        _write(folder, contents, start, memory, precision)


def load(path: str | os.PathLike) -> tuple[dict[str, Any], Initialization, Memory | None]:
    """The settings, the initialization and the memory that `save` was given.

    Raises:
        UserError: if there is no classifier, or if it is damaged, of another version, or names
            code.
    """
    try:
        folder = Path(path).expanduser().absolute()
    except TypeError as error:
        raise UserError(f"expected the name of a folder; received {path!r}") from error
    file = folder / CLASSIFIER
    try:
        contents = typed_json.read(Contents, file)
    except OSError as error:
        raise UserError(f"expected a classifier's folder with {file}; received {error}") from error
    start = _start(folder, contents)
    return dict(contents.settings), start, _memory(folder, contents, start)


def _write(
    folder: Path,
    contents: Contents,
    start: Initialization,
    memory: Memory | None,
    precision: str | None,
) -> None:
    fields = dataclasses.asdict(contents)
    (folder / CLASSIFIER).write_text(json.dumps(fields, indent=1) + "\n")
    if start.origin is not None:
        write_arrays(folder / WEIGHTS, _weights(start), precision)
    elif start.pictures is not None:
        start.backbone.model.save(folder / MODEL)
    if memory is not None:
        write_arrays(folder / LEARNED, _learned(memory), None)


def _weights(start: Initialization) -> list[np.ndarray]:
    kept = [*start.method.variables, *start.method.statistics]
    return [variable.numpy() for variable in kept]


def _learned(memory: Memory) -> list[np.ndarray]:
    if isinstance(memory, ClassSums):
        return [memory.sums[label] for label in memory.classes]
    return [np.stack(memory.kept[label]) for label in memory.classes]


def _start(folder: Path, contents: Contents) -> Initialization:
    if contents.origin is not None:
        start = _start_of_run(folder, contents.origin)
    elif contents.features is not None:
        start = starts.of_features(contents.features)
    else:
        start = starts.of_model(_model(folder / MODEL))
    rate = contents.learning_rate
    steps = None if rate is None else contents.steps
    start = starts.adjusted(start, steps, rate)
    pictures = start.pictures and dataclasses.replace(
        start.pictures, invert=contents.invert, frame=contents.frame
    )
    return dataclasses.replace(start, pictures=pictures, temperature=contents.temperature)


def _start_of_run(folder: Path, config: Config) -> Initialization:
    if config.names_code:
        raise UserError(
            f"{folder} names code of its own as its backbone, {config.backbone}; expected one of "
            "this project's"
        )
    method = method_for(config, config.seen_shape)
    variables = [*method.variables, *method.statistics]
    arrays = read_arrays(folder / WEIGHTS)
    shapes = [list(v.shape) for v in variables], [list(a.shape) for a in arrays]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"{folder / WEIGHTS}: expected {len(variables)} arrays of the shapes that "
            f"{CLASSIFIER} tells, received {len(arrays)} others"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array.astype(variable.dtype.name))
    return Initialization(method, config.own_steps, starts.format_of(config), origin=config)


def _model(path: Path) -> keras.Model:
    own = {"TaskNormalization": TaskNormalization}
    try:
        return keras.saving.load_model(path, custom_objects=own, compile=False, safe_mode=True)
    except Exception as error:  # whatever a damaged or foreign archive makes of Keras
        raise UserError(f"{path}: expected a Keras model; received {error}") from error


def _memory(folder: Path, contents: Contents, start: Initialization) -> Memory | None:
    if not contents.labels:
        return None
    arrays = read_arrays(folder / LEARNED)
    if len(arrays) != len(contents.labels):
        raise UserError(
            f"{folder / LEARNED}: expected {len(contents.labels)} arrays, received {len(arrays)}"
        )
    model = start.backbone.model
    sums = all(array.shape == model.output_shape[1:] for array in arrays)
    examples = all(
        array.shape[1:] in (model.output_shape[1:], model.input_shape[1:]) and len(array) == count
        for array, count in zip(arrays, contents.counts, strict=True)
    )
    if not (sums or examples) or not all(_finite(array) for array in arrays):
        raise UserError(
            f"{folder / LEARNED}: expected what {CLASSIFIER} tells of each class; received other "
            "shapes, or no finite numbers"
        )
    return (_sums if sums else _examples)(arrays, contents)


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and bool(np.isfinite(array).all())


def _sums(arrays: list[np.ndarray], contents: Contents) -> Memory:
    memory = ClassSums()
    for label, array, count in zip(contents.labels, arrays, contents.counts, strict=True):
        memory.add_sum(label, array, count)
    return memory


def _examples(arrays: list[np.ndarray], contents: Contents) -> Memory:
    memory = Examples()
    for label, array in zip(contents.labels, arrays, strict=True):
        memory.add(array, [label] * len(array))
    return memory
