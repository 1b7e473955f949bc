"""Pictures of your own, as arrays, become a `ClassPool` that every part of the library takes.

python -m examples.own_class_pool
"""

import numpy as np

from data_gen.class_pool import ClassPool, Splits, split_by_name
from hidra_tf import EpisodeSampler


def stripes(classes: int = 30, pictures: int = 20) -> ClassPool:
    """Stripes: each class has a direction of its own, and each picture a phase of its own."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28] / 28
    images = []
    for angle in np.linspace(0, np.pi, classes, endpoint=False):
        along = np.cos(angle) * x + np.sin(angle) * y
        for phase in rng.uniform(0, 1, pictures):
            images.append(127.5 + 127.5 * np.sin(2 * np.pi * (4 * along + phase)))
    names = tuple(f"stripe{number:02d}" for number in range(classes))
    # The pictures of a class follow one another; `counts` says how many each class has.
    return ClassPool(np.stack(images)[..., None].astype(np.uint8), (pictures,) * classes, names)


def main() -> Splits:
    """Splits the pool by the names of its classes, and draws a meta-batch of tasks."""
    splits = split_by_name(stripes(), "stripes", train=20, val=5)
    sampler = EpisodeSampler(
        splits.train, ways=(5,), shots=1, query_shots=5, meta_batch=4, seed=0, stream="meta_train"
    )
    episodes = sampler(0)
    print("support", episodes.support_images.shape, "queries", episodes.query_images.shape)
    return splits


if __name__ == "__main__":
    main()
