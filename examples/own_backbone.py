"""HIDRA over a Keras backbone of your own.

python -m examples.own_backbone
"""

import keras

from hidra_tf import (
    Backbone,
    EpisodeSampler,
    Evaluator,
    Hidra,
    InnerLoop,
    MasterHead,
    MetaUpdates,
    load,
    make_optimizer,
    with_task_normalization,
)


def small_network(image_shape: tuple[int, int, int]) -> keras.Model:
    """Any model from pictures in [0, 1] to features [N, D] will do."""
    images = keras.Input(image_shape)
    hidden = images
    for filters in (8, 16):
        hidden = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(hidden)
        hidden = keras.layers.BatchNormalization()(hidden)
        hidden = keras.layers.ReLU()(hidden)
    return keras.Model(images, keras.layers.Flatten()(hidden))


def main(updates: int = 100, tasks: int = 100) -> float:
    """Meta-trains on glyphs, prints accuracies at 2 and 10 ways, and returns that at 2."""
    splits = load("glyphs")
    # Keras's batch normalisation has a wrong second derivative; this one takes its place.
    model = with_task_normalization(small_network(splits.train.image_shape))
    backbone = Backbone(model, norm="transductive")
    inner = InnerLoop(steps=1, learning_rate=0.4)
    method = Hidra(backbone=backbone, inner=inner, head=MasterHead.of(backbone, seed=0))
    shape = {"shots": 5, "query_shots": 10, "seed": 0}
    sampler = EpisodeSampler(splits.train, ways=(5,), meta_batch=4, stream="meta_train", **shape)
    train = MetaUpdates(method, sampler, make_optimizer(method.variables, 1e-3), clip_norm=10.0)
    train(0, updates)
    evaluator = Evaluator(
        method, splits.test, ways=(2, 10), at_steps=(1,), stream="evaluation", **shape
    )
    rows = list(evaluator.rows(tasks=tasks))
    for row in rows:
        print(f"{row.ways} ways: {row.accuracy:.3f}")
    return rows[0].accuracy


if __name__ == "__main__":
    main()
