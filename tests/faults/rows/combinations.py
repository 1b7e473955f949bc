"""Flags that are right one by one: contradictions, and flags that would have no effect."""

from __future__ import annotations

from tests.faults.harness import Row
from tests.faults.recipes import EVAL, OWN, STEPLESS, TINY, UNTRAINED, trained
from tests.faults.rows.flags import QUICK

FIXED = ("maml", "fomaml", "reptile", "anil", "hypermaml")
TASKLESS = tuple(flag for flag in TINY if "meta_batch" not in flag)


def new(name: str, *flags: str, says: str, base: tuple[str, ...] = TINY, **more: object) -> Row:
    """A training that is refused before it begins."""
    return Row(name, (*base, "--run_dir=run", *flags), says, **more)


def tested(name: str, *flags: str, says: str, run: str = "hidra", **more: object) -> Row:
    """An evaluation of a run that is there."""
    return Row(name, (*EVAL, *flags), says, (trained(run),), **more)


def _ways() -> list[Row]:
    several = [
        new(f"{method} with several ways", f"--method={method}", "--train_ways=2-3", says="ways")
        for method in FIXED
    ]
    others = [
        tested("maml tested at other ways", "--eval_ways=3", run="maml", says="2 ways.*hidra"),
        tested("maml tested at a range of ways", "--eval_ways=2-4", run="maml", says="2 ways"),
        new("hidra with per_class and several ways", "--head=per_class", "--train_ways=2,3",
            says="ways"),
        new("maml to be tested at other ways", "--method=maml", "--eval_ways=3", says="ways"),
        new("more ways than training classes", "--train_ways=281", says="280|classes"),
        new("a range of ways that ends above the classes", "--train_ways=2-300",
            says="280|classes"),
        new("more ways to test than test classes", "--eval_ways=81", says="80.*81"),
        tested("more ways than a run has test classes", "--eval_ways=2-81", says="80"),
        tested("more ways than validation classes", "--eval_split=val", "--eval_ways=41",
               says="40"),
    ]  # fmt: skip
    return several + others


def _pictures_of_a_class() -> list[Row]:
    return [
        new("one more shot than a class has pictures", "--shots=20", says="20|pictures|shots"),
        new("more query pictures than a class has", "--query_shots=20", says="20|pictures|shots"),
        new("shots and query shots that a class has not together", "--shots=11", "--query_shots=10",
            says="21|pictures"),
        new("a thousand shots", "--shots=1000", says="pictures|shots"),
        new("defaults on pictures of which each class has few", "--shots=5", "--query_shots=15",
            "--dataset=folder", says="data_dir|folder"),
    ]  # fmt: skip


def _sizes() -> list[Row]:
    small = [
        new(f"Conv-4 on images of {size}", f"--image_size={size}", says="16 × 16")
        for size in ("1", "8", "15", "15x16", "16x15", "8x200")
    ]
    return [
        *small,
        new("ResNet-12 on images of 8", "--backbone=resnet12", "--image_size=8",
            says="image|16 × 16"),
        new("rotations of pictures that are not square", "--rotations", "--image_size=16x20",
            says="square"),
        new("a meta-batch that no memory holds", "--meta_batch=1000000", "--shots=10",
            "--query_shots=10", says="memory|meta_batch", limit=QUICK),
        new("many small sizes that are too large together", "--meta_batch=20000",
            "--train_ways=200", "--shots=9", "--query_shots=9", "--filters=512",
            says="memory|meta_batch", limit=QUICK),
    ]  # fmt: skip


def _without_effect() -> list[Row]:
    split = "--eval_split=train"
    return [
        tested("training classes of another data set", split, "--eval_dataset=glyphs",
               says="eval_split|eval_dataset"),
        # The other data set is validated on, and the table says whose classes it is about.
        new("a training split at the end with another data set", split, "--eval_dataset=glyphs",
            says="", codes=(0,), prints="glyphs, hidra.*: transductive accuracy on 10 tasks"),
        tested("--eval_data_dir without --eval_dataset", "--eval_data_dir=.", says="eval_dataset"),
        new("--eval_data_dir of a training without --eval_dataset", "--eval_data_dir=.",
            says="eval_dataset"),
        new("cosine up instead of down", "--meta_lr_schedule=cosine", "--meta_lr_min=1",
            says="meta_lr_min"),
        new("cosine to the rate that it has", "--meta_lr_schedule=cosine", "--meta_lr_min=0.001",
            says="meta_lr_min"),
        new("--meta_lr_min without cosine", "--meta_lr_min=1e-5", says="meta_lr_min"),
        new("--gamma without milestones", "--gamma=0.5", says="gamma"),
        new("--milestones without multistep", "--milestones=1", says="milestones"),
        new("multistep without milestones", "--meta_lr_schedule=multistep", says="milestones"),
        new("milestones after the end", "--meta_lr_schedule=multistep", "--milestones=100",
            says="milestones"),
        new("eval_steps of protonet", "--method=protonet", "--eval_steps=3", base=STEPLESS,
            says="eval_steps"),
        tested("eval_steps of a protonet run", "--eval_steps=3", run="protonet", says="eval_steps"),
        new("inner_lr of protonet", "--method=protonet", "--inner_lr=0.1", base=STEPLESS,
            says="inner_lr"),
        new("inner_steps of protonet", "--method=protonet", "--inner_steps=2", base=STEPLESS,
            says="inner_steps"),
        new("data_dir of glyphs", "--data_dir=.", says="data_dir"),
        tested("data_dir of a glyphs run", "--data_dir=.", says="data_dir"),
        new("split_seed of glyphs", "--split_seed=1", says="split_seed"),
        new("invert of photographs", "--noinvert", "--data_dir=.", base=OWN, says="invert"),
        new("drop_block of Conv-4", "--drop_block=0.1", says="drop_block"),
    ]  # fmt: skip


def _of_another_method() -> list[Row]:
    return [
        new("adapt_norm without normalisation", "--norm=none", "--adapt_norm", says="adapt_norm"),
        new("adapt_norm of reptile", "--method=reptile", "--adapt_norm", says="adapt_norm"),
        new("first_order of fomaml", "--method=fomaml", "--first_order", says="first_order"),
        new("first_order of reptile", "--method=reptile", "--first_order", says="first_order"),
        new("second_order_after of fomaml", "--method=fomaml", "--second_order_after=1",
            says="second_order_after"),
        new("second_order_after beside first_order", "--second_order_after=1", "--first_order",
            "--inner_steps=2", says="first_order"),
        new("multi_step_loss of one step", "--multi_step_loss=1", says="multi_step_loss"),
        new("multi_step_loss of reptile", "--method=reptile", "--multi_step_loss=1",
            says="multi_step_loss"),
        new("learn_inner_lr of reptile", "--method=reptile", "--learn_inner_lr",
            says="learn_inner_lr"),
        new("batch_size of hidra", "--batch_size=8", says="batch_size"),
        new("meta_batch of finetune", "--method=finetune", says="meta_batch"),
        new("switch of hidra", "--switch=1,2", says="switch"),
        new("hyper_width of hidra", "--hyper_width=8", says="hyper_width"),
        new("enhancement of maml", "--method=maml", "--noenhancement", says="enhancement"),
        new("a head for protonet", "--method=protonet", "--head=zero", base=STEPLESS, says="head"),
        new("a head for finetune", "--method=finetune", "--head=master", base=TASKLESS,
            says="head"),
        new("hyperhidra with neurons of their own", "--method=hyperhidra", "--head=per_class",
            says="head"),
        new("hyperhidra under a sigmoid", "--method=hyperhidra", "--loss=sigmoid", says="loss"),
        new("hypermaml with a master", "--method=hypermaml", "--head=master", says="head"),
        new("a damping of the optimizer that reptile has not", "--method=reptile",
            "--meta_optimizer=adamw", says="meta_optimizer"),
        *(new(f"random with --{flag}", f"--{flag}", base=UNTRAINED, says=flag.split("=")[0])
          for flag in ("meta_lr=0.1", "clip_norm=1", "weight_decay=0.1", "meta_optimizer=sgd",
                       "meta_lr_schedule=cosine", "rotations", "train_on_validation")),
    ]  # fmt: skip


def _evaluations() -> list[Row]:
    return [
        Row("an evaluation of nothing", ("--eval_only",), "expected a run"),
        Row("an evaluation of a run that is not there", ("--eval_only", "--run_dir=no"), "no\\b"),
        tested("training flags that say something else", "--norm=affine", "--shots=3",
               says="norm.*shots|shots.*norm"),
        tested("another method than the run's", "--method=maml", says="method"),
        tested("another data set than the run's", "--dataset=omniglot", says="dataset"),
        tested("another seed than the run's", "--seed=7", says="seed"),
        tested("other steps than the run's", "--steps=3", says="steps"),
        tested("a checkpoint that is not there", "--checkpoint=77", says="77"),
        tested("a checkpoint before the first", "--checkpoint=-1", says="checkpoint"),
        tested("a checkpoint in words", "--checkpoint=newest", says="checkpoint"),
        tested("a checkpoint without a name", "--checkpoint=", says="checkpoint"),
        new("a step's checkpoint for a training", "--checkpoint=1", says="checkpoint.*eval_only"),
        new("emnist to train on", "--dataset=emnist", "--data_dir=.", says="emnist|EMNIST"),
        tested("emnist without pictures", "--eval_dataset=emnist", "--eval_data_dir=.",
               says="emnist"),
        tested("an evaluation on a folder that is not there", "--eval_dataset=folder",
               "--eval_data_dir=missing", says="missing"),
        tested("an evaluation on a folder that nobody names", "--eval_dataset=folder",
               says="data_dir"),
    ]  # fmt: skip


ROWS = [
    *_ways(),
    *_pictures_of_a_class(),
    *_sizes(),
    *_without_effect(),
    *_of_another_method(),
    *_evaluations(),
]
