"""Baseline++: transfer learning with a classifier that compares angles."""

from __future__ import annotations

from collections.abc import Sequence

from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_sgd import PUBLISHED
from hidra_tf.adaptation.head_training import NewHead
from hidra_tf.heads.cosine import CosineHead, class_directions
from hidra_tf.methods.objective import Objective
from hidra_tf.methods.transfer import TransferMethod


class BaselinePlusPlus(TransferMethod):
    """The "Baseline++" of Chen, Liu, Kira, Wang and Huang (2019).

        logits_c(x) = s·g_c·cos(f(x), v_c)

    As `Finetune`, with such neurons in the classifier of all training classes and in the new head
    of a task. As in their program, v_c and the length g_c are both trained, and s is 2 for at most
    200 classes, 10 for more. The new head is trained by `head_sgd.PUBLISHED` unless another
    optimizer is asked for. See https://arxiv.org/abs/1904.04232.

    Zero has no direction, so a task's neurons begin at the means of the normalised support
    features of their classes (theirs at random). Therefore the names of the classes change
    nothing. The minibatches are drawn by the places of the pictures in the support set.

    Example:
        >>> from hidra_tf import Backbone, BaselinePlusPlus, CosineHead, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="affine")
        >>> inner = InnerLoop(steps=100, learning_rate=0.01)
        >>> classifier = CosineHead.of(backbone, ways=64)
        >>> method = BaselinePlusPlus(backbone=backbone, inner=inner, classifier=classifier)
        >>> method.training.sgd
        HeadSgd(momentum=0.9, dampening=0.9, decay=0.001, batch=4)

    The arguments are those of `TransferMethod`.
    """

    classifier_class = CosineHead
    own_sgd = PUBLISHED

    def new_heads(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Sequence[NewHead]:
        """Directions [T, D, C] and lengths [T, C], from class means; see `TransferMethod`."""
        del objective
        features, labels = episodes.support_images, episodes.support_labels
        start = class_directions(features, labels, episodes.ways)
        return self.training.heads_at(start, features, labels, at_steps)
