"""A training loop of your own in about twenty lines.

python -m examples.own_training_loop
"""

import keras
import tensorflow as tf

from hidra_tf import Backbone, EpisodeSampler, Hidra, InnerLoop, MasterHead, conv4, load


def main(updates: int = 200, filters: int = 16) -> list[float]:
    """Meta-trains HIDRA on glyphs and returns the query loss of every meta-update."""
    pool = load("glyphs").train
    backbone = Backbone(conv4(pool.image_shape, filters=filters), norm="transductive")
    inner = InnerLoop(steps=1, learning_rate=0.4)
    method = Hidra(backbone=backbone, inner=inner, head=MasterHead.of(backbone, seed=0))
    sampler = EpisodeSampler(
        pool, ways=(5,), shots=1, query_shots=5, meta_batch=4, seed=0, stream="meta_train"
    )
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(method.variables)

    @tf.function
    def update(step: tf.Tensor) -> tf.Tensor:
        outcome = method.meta_gradients(sampler(step), step)
        optimizer.apply(outcome.gradients, method.variables)
        return outcome.loss

    losses = [float(update(tf.constant(step))) for step in range(updates)]
    print(f"query loss: {losses[0]:.3f} at first, {losses[-1]:.3f} at last")
    return losses


if __name__ == "__main__":
    main()
