import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.methods import build
from hidra_tf.runs.checkpoints import Checkpoints
from hidra_tf.runs.pretraining import load_backbone


def method(name, filters=3, norm="support", seed=0, **options):
    backbone = Backbone(conv4((16, 16, 1), filters, norm, seed), norm)
    return build(name, backbone, InnerLoop(1, 0.1), (3,), seed=seed, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder, and the method that was trained there."""
    path = tmp_path_factory.mktemp("run")
    trained = method("finetune", seed=1, classes=5)
    rng = np.random.default_rng(0)
    for variable in trained.variables:
        variable.assign(rng.normal(size=variable.shape))
    Checkpoints(path, trained, None, print).save_if_best(0.5)
    return path, trained


def test_another_method_begins_with_the_backbone_of_the_best_checkpoint(run):
    path, trained = run
    target = method("maml")
    head = target.head.kernel.numpy()
    # Evaluation makes no classifier, and nor does this.
    load_backbone(path, method("finetune"), target, pytest.fail)
    for ours, theirs in zip(target.backbone.variables, trained.backbone.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.any(target.backbone.variables[0] != method("maml").backbone.variables[0])
    np.testing.assert_array_equal(target.head.kernel, head)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 4}, "block_1/kernel is 3 × 3 × 1 × 3 there and 3 × 3 × 1 × 4 here"),
        ({"norm": "affine"}, "block_1/bias is missing there and 3 here"),
    ],
)
def test_another_backbone_is_refused_in_one_line(run, options, message):
    target = method("maml", **options)
    before = [v.numpy() for v in target.backbone.variables]
    with pytest.raises(UserError, match=f"^pretrained: expected the same backbone .*{message}"):
        load_backbone(run[0], method("finetune"), target, pytest.fail)
    for old, new in zip(before, target.backbone.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^pretrained: expected a checkpoint in"):
        load_backbone(tmp_path, method("finetune"), method("maml"), pytest.fail)
