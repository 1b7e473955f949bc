"""Calls of the library with a wrong argument: an error that says what was expected."""

from __future__ import annotations

import textwrap

from tests.faults.harness import Row

# Tried in this setting; an error of the library's own ends like one of the command line.
_FRAME = """
import sys, traceback
from data_gen.errors import UserError
try:
{body}
except (UserError, ValueError, TypeError) as error:
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    own = "/data_gen/" in last or "/hidra_tf/" in last
    if not own or "\\n" in str(error):
        raise
    print(f"error: {{error}}", file=sys.stderr)
    sys.exit(2)
"""
_SETTING = """
import numpy as np
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.batches import BatchSampler
from hidra_tf import (Backbone, Evaluator, FixedHead, Hidra, InnerLoop, Maml, MasterHead,
                      conv4, make_optimizer)
pool = ClassPool(np.zeros((12, 16, 16, 1), np.uint8), (4, 4, 4), ("a", "b", "c"))
sampler = dict(pool=pool, ways=(2,), shots=1, query_shots=1, meta_batch=1, seed=0,
               stream="meta_train")
"""
_BACKBONE = 'backbone = Backbone(conv4((16, 16, 1), filters=2), norm="transductive")\n'
_LOOP = "inner=InnerLoop(steps=1, learning_rate=0.1)"
_METHOD = _BACKBONE + (
    f"method = Hidra(backbone=backbone, {_LOOP}, head=MasterHead.of(backbone, seed=0))\n"
)
_EVALUATOR = _METHOD + (
    "settings = dict(method=method, pool=pool, ways=(2,), at_steps=(1,), shots=1, query_shots=1,"
    ' seed=0, stream="evaluation")\n'
)


def call(name: str, code: str, says: str) -> Row:
    """A row about lines of Python."""
    body = textwrap.indent(_SETTING + code, "    ")
    return Row(f"library: {name}", (), says, code=_FRAME.format(body=body))


def _samplers() -> list[Row]:
    bad = {
        "stream": ("'train'", "None", "''"),
        "ways": ("3", "()", "(1,)", "(4,)", "('2',)"),
        "shots": ("0", "-1", "4"),
        "query_shots": ("0", "-1", "9"),
        "meta_batch": ("0", "-1"),
        "where": ("'gpu'",),
    }
    says = {"query_shots": "shot|pictures|images", "shots": "shot|pictures|images",
            "where": "auto|where", "ways": "ways|classes"}  # fmt: skip
    return [
        call(f"EpisodeSampler({argument}={value})",
             f"EpisodeSampler(**{{**sampler, '{argument}': {value}}})",
             says.get(argument, argument))
        for argument, values in bad.items()
        for value in values
    ]  # fmt: skip


def _inner_loops() -> list[Row]:
    bad = {
        "steps": ("-1", "1.5"),
        "learning_rate": ("-1.0", "float('nan')"),
        "loss": ("'hinge'", "5"),
        "reduction": ("'sum'",),
    }
    return [
        call(f"InnerLoop({argument}={value})",
             f"InnerLoop(**{{'steps': 1, 'learning_rate': 0.1, '{argument}': {value}}})", argument)
        for argument, values in bad.items()
        for value in values
    ]  # fmt: skip


def _others() -> list[Row]:
    return [
        call("a norm that is none", "Backbone(conv4((16, 16, 1), 2), norm='batch')", "norm|batch"),
        call("a backbone of no filters", "conv4((16, 16, 1), filters=0)", "filters"),
        call("images that are too small", "conv4((8, 8, 1), filters=2)", "16"),
        call("an image of one number", "conv4(16, filters=2)", "image_shape|height"),
        call("a pool whose counts do not fit", "ClassPool(np.zeros((3, 4, 4, 1), np.uint8), (1, 1),"
             " ('a', 'b'))", "counts|images"),
        call("a pool of floats", "ClassPool(np.zeros((2, 4, 4, 1)), (1, 1), ('a', 'b'))", "uint8"),
        call("a pool without channels", "ClassPool(np.zeros((2, 4, 4), np.uint8), (1, 1), "
             "('a', 'b'))", "\\[N, H, W|shape|channels"),
        call("a pool with a name twice", "ClassPool(np.zeros((2, 4, 4, 1), np.uint8), (1, 1), "
             "('a', 'a'))", "name|twice|a"),
        *(call(f"Hidra({argument}=-1)", _METHOD + f"Hidra(backbone=backbone, {_LOOP}, "
               f"head=method.head, {argument}=-1)", argument)
          for argument in ("multi_step_loss", "second_order_after")),
        call("a minibatch of none", "BatchSampler(pool, 0, seed=0)", "size"),
        call("an evaluation of no ways", _EVALUATOR + "Evaluator(**{**settings, 'ways': ()})",
             "ways"),
        call("an evaluation of a number of ways", _EVALUATOR +
             "Evaluator(**{**settings, 'ways': 2})", "ways"),
        call("an evaluation after −1 steps", _EVALUATOR +
             "Evaluator(**{**settings, 'at_steps': (-1,)})", "at_steps|steps"),
        call("an evaluation after no number of steps", _EVALUATOR +
             "Evaluator(**{**settings, 'at_steps': ()})", "at_steps|steps"),
        call("an evaluation of no tasks", _EVALUATOR + "list(Evaluator(**settings).rows(tasks=0))",
             "tasks"),
        call("a method for other ways than its own", _BACKBONE +
             f"Maml(backbone=backbone, {_LOOP}, head=FixedHead.of(backbone, ways=2)).check_ways(3)",
             "2 ways.*3"),
        call("a method for one way", _BACKBONE +
             f"Maml(backbone=backbone, {_LOOP}, head=FixedHead.of(backbone, ways=1)).check_ways(1)",
             "ways"),
        call("an optimizer that is none", _METHOD +
             "make_optimizer(method.variables, 1e-3, kind='adamax')", "adam|sgd"),
        call("a rate of an optimizer that is none", _METHOD +
             "make_optimizer(method.variables, -1e-3)", "rate|above 0|0 or more"),
        call("a data set that is none", "import data_gen; data_gen.load('mnist')", "mnist"),
        call("a data set without its folder", "import data_gen; data_gen.load('folder')",
             "data_dir"),
        call("a size of pictures that is none",
             "import data_gen; data_gen.DataRequest(image_size=(0, 16))", "image_size|size"),
        call("channels that are none", "import data_gen; data_gen.DataRequest(channels=2)",
             "channels"),
        call("a split that is none", "import data_gen; data_gen.load('glyphs', split='tests')",
             "split.*'tests'"),
        call("a norm of gradients below zero", _METHOD + "from hidra_tf import MetaUpdates\n"
             "MetaUpdates(method, None, None, clip_norm=-1)", "clip_norm"),
        call("milestones that descend", "from hidra_tf import learning_rate\n"
             "learning_rate('multistep', 0.1, 10, milestones=(5, 3))", "milestones.*ascending"),
        call("a method built for a number", _BACKBONE + "from hidra_tf.methods import build\n"
             "build('maml', backbone, InnerLoop(1, 0.1), 5)", "ways.*sequence"),
    ]  # fmt: skip


ROWS = [*_samplers(), *_inner_loops(), *_others()]
