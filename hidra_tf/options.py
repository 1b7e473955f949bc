"""Names that a user can choose from, in a module that is free of TensorFlow."""

NORMS = ("transductive", "support", "affine", "none")
INNER_LOOPS = ("auto", "generic")
