"""HIDRA-TF: few-shot classification with any number of classes from one checkpoint.

The rooms, in the order in which data passes through them:

    backbones → heads → adaptation → methods → training, evaluation → runs → classifier
    → answers → export → app

A module imports only from rooms before it (`data_gen` comes before all of them). The names below
are imported when they are first asked for, so `import hidra_tf` costs no TensorFlow.

Example:
    >>> import hidra_tf
    >>> backbone = hidra_tf.Backbone(hidra_tf.conv4((28, 28, 1), filters=8), norm="support")
    >>> backbone.feature_size
    8
"""

from typing import Any

from hidra_tf.quiet import quietly_import

__version__ = "0.1.0"

# Public name → the module that defines it.
_PUBLIC = {
    "load": "data_gen",
    "DataRequest": "data_gen",
    "EpisodeSampler": "data_gen.episodes",
    "Backbone": "hidra_tf.backbones.backbone",
    "conv4": "hidra_tf.backbones.conv4",
    "conv4_np": "hidra_tf.backbones.conv4_np",
    "resnet12": "hidra_tf.backbones.resnet12",
    "with_task_normalization": "hidra_tf.backbones.keras_models",
    "MasterHead": "hidra_tf.heads.neurons",
    "ZeroHead": "hidra_tf.heads.neurons",
    "FixedHead": "hidra_tf.heads.neurons",
    "RandomHead": "hidra_tf.heads.neurons",
    "CosineHead": "hidra_tf.heads.cosine",
    "HyperHead": "hidra_tf.heads.hyper_heads",
    "AnyWayHyperHead": "hidra_tf.heads.hyper_heads",
    "MidpointHyperHead": "hidra_tf.heads.midpoint_head",
    "AssignedHead": "hidra_tf.heads.assigned",
    "FullContext": "hidra_tf.heads.full_context",
    "KernelHypernetwork": "hidra_tf.heads.kernel_hypernetwork",
    "InnerLoop": "hidra_tf.adaptation.inner_loop",
    "Hidra": "hidra_tf.methods.hidra",
    "Maml": "hidra_tf.methods.maml",
    "FirstOrderMaml": "hidra_tf.methods.fomaml",
    "Reptile": "hidra_tf.methods.reptile",
    "Anil": "hidra_tf.methods.anil",
    "Boil": "hidra_tf.methods.boil",
    "MetaSgd": "hidra_tf.methods.meta_sgd",
    "ProtoNet": "hidra_tf.methods.protonet",
    "Finetune": "hidra_tf.methods.finetune",
    "BaselinePlusPlus": "hidra_tf.methods.baseline_pp",
    "HyperMaml": "hidra_tf.methods.hypermaml",
    "HyperHidra": "hidra_tf.methods.hyperhidra",
    "ProtoMaml": "hidra_tf.methods.proto_maml",
    "AnyWay": "hidra_tf.methods.anyway",
    "R2D2": "hidra_tf.methods.r2d2",
    "MatchingNet": "hidra_tf.methods.matching_net",
    "RelationNet": "hidra_tf.methods.relation_net",
    "HyperShot": "hidra_tf.methods.hypershot",
    "RandomInit": "hidra_tf.methods.random_init",
    "WithClassLoss": "hidra_tf.methods.beside_classes",
    "MetaUpdates": "hidra_tf.training.updates",
    "WeightAverages": "hidra_tf.training.averaging",
    "make_optimizer": "hidra_tf.training.optimizers",
    "learning_rate": "hidra_tf.training.schedules",
    "Evaluator": "hidra_tf.evaluation.evaluator",
    "Ensemble": "hidra_tf.evaluation.ensemble",
    "Row": "hidra_tf.evaluation.rows",
    "FewShotClassifier": "hidra_tf.classifier.estimator",
    "initializations": "hidra_tf.shipped",
    "export_saved_model": "hidra_tf.export.saved_model",
    "export_tflite": "hidra_tf.export.tflite",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:  # noqa: ANN401 — whatever a public name stands for
    """A public name, imported now (PEP 562).

    Raises:
        AttributeError: if the name is not public.
    """
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(quietly_import(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
