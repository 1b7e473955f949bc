"""Methods are made from named parts, by hand or by the registry, and say what is wrong in them."""

import inspect
from importlib import import_module

import numpy as np
import pytest

import hidra_tf.methods as registry
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.assigned import AssignedHead
from hidra_tf.heads.cosine import CosineHead
from hidra_tf.heads.hyper_heads import HyperHead
from hidra_tf.heads.kernel_hypernetwork import KernelHypernetwork
from hidra_tf.heads.midpoint_head import MidpointHyperHead
from hidra_tf.heads.neurons import FixedHead, MasterHead, RandomHead
from hidra_tf.methods import METHODS, any_way_of, build, is_fixed_way
from hidra_tf.methods.anil import Anil
from hidra_tf.methods.anyway import AnyWay
from hidra_tf.methods.baseline_pp import BaselinePlusPlus
from hidra_tf.methods.boil import Boil
from hidra_tf.methods.finetune import Finetune
from hidra_tf.methods.fomaml import FirstOrderMaml
from hidra_tf.methods.hidra import Hidra
from hidra_tf.methods.hyperhidra import HyperHidra
from hidra_tf.methods.hypermaml import HyperMaml
from hidra_tf.methods.hypershot import HyperShot
from hidra_tf.methods.interface import Method
from hidra_tf.methods.maml import Maml
from hidra_tf.methods.matching_net import MatchingNet
from hidra_tf.methods.meta_sgd import MetaSgd
from hidra_tf.methods.proto_maml import ProtoMaml
from hidra_tf.methods.protonet import ProtoNet
from hidra_tf.methods.r2d2 import R2D2
from hidra_tf.methods.random_init import RandomInit
from hidra_tf.methods.relation_net import RelationNet
from hidra_tf.methods.reptile import Reptile

WAYS, SEED = 3, 5
INNER = InnerLoop(steps=1, learning_rate=0.3)

# By hand, as a user of the library would.
BY_HAND = {
    "hidra": lambda b: Hidra(backbone=b, inner=INNER, head=MasterHead.of(b, seed=SEED)),
    "maml": lambda b: Maml(backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)),
    "fomaml": lambda b: FirstOrderMaml(
        backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)
    ),
    "reptile": lambda b: Reptile(
        backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)
    ),
    "anil": lambda b: Anil(backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)),
    "protonet": lambda b: ProtoNet(backbone=b),
    "finetune": lambda b: Finetune(
        backbone=b, inner=INNER, classifier=FixedHead.of(b, ways=4, seed=SEED)
    ),
    "baseline_pp": lambda b: BaselinePlusPlus(
        backbone=b, inner=INNER, classifier=CosineHead.of(b, ways=4, seed=SEED), seed=SEED
    ),
    "boil": lambda b: Boil(backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)),
    "meta_sgd": lambda b: MetaSgd(
        backbone=b, inner=INNER, head=FixedHead.of(b, ways=WAYS, seed=SEED)
    ),
    "hypermaml": lambda b: HyperMaml(
        backbone=b, inner=INNER, head=HyperHead.of(b, ways=WAYS, layers=2, width=32, seed=SEED)
    ),
    "hyperhidra": lambda b: HyperHidra(
        backbone=b, inner=INNER, head=MidpointHyperHead.of(b, layers=2, width=32, seed=SEED)
    ),
    "proto_maml": lambda b: ProtoMaml(backbone=b, inner=INNER),
    "anyway": lambda b: AnyWay(
        backbone=b, inner=INNER, head=AssignedHead.of(b, outputs=5, seed=SEED)
    ),
    "r2d2": lambda b: R2D2(backbone=b),
    "matching_net": lambda b: MatchingNet(backbone=b),
    "relation_net": lambda b: RelationNet(backbone=b, seed=SEED),
    "hypershot": lambda b: HyperShot(
        backbone=b,
        hypernetwork=KernelHypernetwork.of(
            b, ways=WAYS, neck=0, layers=1, target_width=16, seed=SEED
        ),
    ),
    "random": lambda b: RandomInit(backbone=b, inner=INNER, head=RandomHead.of(b, seed=SEED)),
}


def class_of(name):
    return getattr(import_module(METHODS[name].module), METHODS[name].class_name)


@pytest.mark.parametrize("name", METHODS)
def test_all_arguments_are_named(name):
    """`Hidra(b, i, 5)` set a seed once, and `Maml(b, i, 5)` the ways."""
    assert issubclass(class_of(name), Method)
    kinds = {p.kind for p in inspect.signature(class_of(name)).parameters.values()}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand_and_by_the_registry_it_is_the_same_method(
    name, make_backbone, make_episodes, rows
):
    backbone, episodes = make_backbone("none", filters=2), make_episodes(WAYS, 2, 2)
    ours = BY_HAND[name](backbone)
    theirs = build(name, backbone, INNER, (WAYS,), seed=SEED, **rows[name].settings)
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        ours.query_logits(episodes, [0, 1]), theirs.query_logits(episodes, [0, 1])
    )


@pytest.mark.parametrize(
    ("method", "head", "expected"),
    [(HyperMaml, "master", "HyperHead"), (HyperHidra, "per_class", "AnyWayHyperHead")],
)
def test_a_head_without_a_hypernetwork_is_refused(method, head, expected, make_backbone):
    backbone = make_backbone("none", filters=1)
    head = MasterHead.of(backbone) if head == "master" else FixedHead.of(backbone, ways=WAYS)
    with pytest.raises(
        TypeError, match=f"^head: expected a {expected}, received a {type(head).__name__}$"
    ):
        method(backbone=backbone, inner=INNER, head=head)


def test_first_order_maml_is_first_order():
    with pytest.raises(TypeError, match="multiple values for keyword argument 'first_order'"):
        FirstOrderMaml(backbone=None, inner=INNER, head=None, first_order=False)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("hydra", {}, ValueError, r"^method: expected one of hidra, .*; received 'hydra'$"),
        ("maml", {"task_map": "parallel"}, ValueError, r"^task_map: .*; received 'parallel'$"),
        ("maml", {"first_ordr": True}, TypeError, r"^expected settings .*, received first_ordr$"),
        ("maml", {"multi_step_loss": -1}, ValueError, r"^multi_step_loss: .*; received -1$"),
        ("maml", {"second_order_after": 0.5}, ValueError, r"^second_order_after: .*received 0.5$"),
        ("hypermaml", {"switch": (9, 3)}, ValueError, r"^switch: expected two .*\(9, 3\)$"),
        ("hypermaml", {"hyper_layers": 0}, ValueError, r"^layers: .* at least 1; received 0$"),
        ("protonet", {"head": "master"}, UserError, r"^head: protonet has its own"),
        ("hidra", {"head": "slave"}, UserError, r"^head: expected master or .*received slave$"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(
    name, options, error, message, make_backbone
):
    with pytest.raises(error, match=message):
        build(name, make_backbone("none", filters=1), INNER, (WAYS,), **options)


def test_a_head_for_each_class_wants_to_know_how_many(make_backbone):
    with pytest.raises(
        ValueError, match=r"^ways: expected an integer of at least 1; received None$"
    ):
        FixedHead.of(make_backbone("none", filters=1), ways=None)


class Mine(HyperMaml):
    """A method that is not in the registry."""


def test_the_registry_alone_says_which_method_takes_any_number_of_ways():
    for name in filter(is_fixed_way, METHODS):
        assert any_way_of(class_of(name)) == METHODS[name].any_way
    assert any_way_of(Mine) == "hyperhidra"
    assert any_way_of(int) == registry.ANY_WAY
    assert not any(hasattr(class_of(name), "any_way") for name in METHODS)


def test_training_and_prediction_change_nothing_about_a_method(make_backbone, make_episodes):
    """What they aim at is passed along, and not written into the method or a copy of it."""
    aids = {"multi_step_loss": 4, "second_order_after": 2}
    method = build("maml", make_backbone("none", filters=1), InnerLoop(2, 0.1), (WAYS,), **aids)
    before, episodes = dict(vars(method)), make_episodes(WAYS)
    for step in (0, 3, 9):
        method.meta_gradients(episodes, step)
    method.predictions(episodes, [0, 2])
    assert vars(method) == before


@pytest.mark.parametrize(
    ("name", "count"),
    [("hidra", 2), ("maml", 2), ("protonet", 0), ("finetune", 2), ("random", 0)],
)
def test_what_is_trained_beside_the_backbone_is_the_heads(name, count, make_backbone):
    method = BY_HAND[name](make_backbone("none"))
    assert len(method.head_variables) == count
    theta = [variable.value for variable in method.backbone.variables]
    together = [*theta, *method.head_variables]
    assert [id(v) for v in together] == [id(v) for v in method.variables]


def test_a_hypernetwork_is_the_heads_and_learned_rates_are_not(make_backbone):
    backbone = make_backbone("none")
    hyper = BY_HAND["hypermaml"](backbone)
    assert len(hyper.head_variables) == len(hyper.head.trainable_variables) > 2
    maml = build("maml", backbone, INNER, (WAYS,), learn_inner_lr=True)
    assert {id(v) for v in maml.head_variables} == {id(maml.head.kernel), id(maml.head.bias)}


@pytest.mark.parametrize("name", METHODS)
def test_the_registry_says_whose_features_no_step_changes(name, make_backbone):
    method = BY_HAND[name](make_backbone("transductive"))
    assert METHODS[name].frozen == getattr(method, "frozen", False)


@pytest.mark.parametrize("name", ["hidra", "proto_maml"])
def test_joint_statistics_are_refused_where_steps_move_the_features(name, make_backbone):
    with pytest.raises(ValueError, match="joint is for methods whose steps leave the features"):
        BY_HAND[name](make_backbone("joint"))
