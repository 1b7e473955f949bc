"""Few-shot classifiers as files that need nothing of this package: SavedModel and TensorFlow Lite.

The endpoints of both are pure functions:

    adapt(images, labels, ways) → head       learns a task: any number of classes and pictures
    infer(images, head) → probabilities      answers any number of queries

A head is a dictionary of arrays, which can be kept and sent. `hidra_tf.export.endpoints` says what
they take and give.
"""
