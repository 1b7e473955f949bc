"""Minibatches: a run that is continued, or repeated with a later version, sees the same ones."""

import numpy as np
import pytest

from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool


@pytest.mark.parametrize(
    ("seed", "step", "rows"),
    [
        (0, 0, [91, 143, 79, 58, 186, 162]),
        (0, 7, [183, 193, 22, 49, 156, 50]),
        (2**40 + 5, 0, [146, 7, 188, 105, 167, 165]),
        (-1, 3, [18, 1, 0, 136, 116, 41]),
    ],
)
def test_minibatches_stay_what_they_were(seed, step, rows):
    images = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1, 1)
    pool = ClassPool(images, (2,) * 100, tuple(map(str, range(100))))
    batch = BatchSampler(pool, 6, seed)(step)
    np.testing.assert_array_equal(np.rint(batch.images.numpy().ravel() * 255), rows)
    np.testing.assert_array_equal(batch.labels, np.array(rows) // 2)
