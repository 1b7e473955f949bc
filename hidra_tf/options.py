"""Names that a user can choose from, in a module that is free of TensorFlow."""

NORMS = ("transductive", "support", "affine", "none")
HEADS = ("master", "zero", "per_class")
LOSSES = ("softmax", "sigmoid")
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "multistep")
# Under these, the learning rate of every meta-update depends on how many there will be.
SCHEDULES_OVER_STEPS = ("cosine",)
REDUCTIONS = ("mean", "per_class")
INNER_LOOPS = ("auto", "generic")
TASK_MAPS = ("auto", "loop", "unrolled", "vectorized")
# Each with its Keras dtype policy.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Each with the function that makes it; any other function may be named as these are.
BACKBONES = {
    "conv4": "hidra_tf.backbones.conv4:conv4",
    "resnet12": "hidra_tf.backbones.resnet12:resnet12",
}
