"""The counts, beside those of TensorFlow's graphs and one made by hand."""

import math
from dataclasses import replace

import pytest
import tensorflow as tf

from benchmarks import counts
from benchmarks.cases import Case
from benchmarks.tensorflow_calls import meta_update, our_method
from hidra_tf.adaptation.inner_loop import query_logits
from hidra_tf.adaptation.losses import cross_entropy

CASE = Case(tasks=1, ways=3, side=32, channels=3, filters=4, shots=2, query_shots=3)


def products(graph):
    """Multiply-adds of the operations that a graph's outputs need; all shapes are known."""
    found, waiting = set(), [output.op for output in graph.outputs]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return sum(of_operation(op) for op in found)


def of_operation(op):
    """Every element of a product's larger side meets each of the weights that reach it."""
    shapes = [tensor.shape for tensor in op.inputs]
    if op.type == "Conv2D":
        return math.prod(op.outputs[0].shape) * math.prod(shapes[1][:3])
    if op.type == "Conv2DBackpropInput":
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if op.type == "Conv2DBackpropFilter":
        return math.prod(shapes[2]) * math.prod(op.outputs[0].shape[:3])
    if op.type == "MatMul":
        inner = shapes[0][0] if op.get_attr("transpose_a") else shapes[0][1]
        return math.prod(op.outputs[0].shape) * inner
    return 0


def specs(case):
    images = [case.side, case.side, case.channels]
    support, query = case.ways * case.shots, case.ways * case.query_shots
    return [
        tf.TensorSpec([support, *images]),
        tf.TensorSpec([support], tf.int32),
        tf.TensorSpec([query, *images]),
        tf.TensorSpec([query], tf.int32),
    ]


@pytest.mark.parametrize(
    ("method", "variant"), [("hidra", "closed_form"), ("hidra", "generic"), ("maml", "generic")]
)
@pytest.mark.parametrize("steps", [1, 2])
def test_our_graphs_hold_that_many(method, variant, steps):
    case = replace(CASE, method=method, variant=variant, steps=steps)
    ours = our_method(case)

    @tf.function(autograph=False, input_signature=specs(case))
    def gradients(support, labels, query, query_labels):
        with tf.GradientTape() as tape:
            start = ours.initialization(case.ways)
            (adapted,) = ours.inner.trajectory(
                ours.backbone, start, ours.head.tied, support, labels, (steps,)
            )
            logits = query_logits(ours.backbone, support, query, adapted)
            loss = cross_entropy(query_labels, logits)
        return tape.gradient(loss, ours.variables, unconnected_gradients="zero")

    assert products(gradients.get_concrete_function().graph) == counts.multiply_adds(case)


def test_the_plain_loop_holds_that_many():
    case = replace(CASE, variant="tf_unrolled", norm="transductive", steps=3, tasks=2)
    signature = [tf.TensorSpec([case.tasks, *spec.shape], spec.dtype) for spec in specs(case)]
    graph = meta_update(case).get_concrete_function(signature).graph
    assert products(graph) == counts.multiply_adds(case)


def test_by_hand():
    """One picture of 16 × 16, two filters, two ways: D is 2."""
    case = Case(steps=1, ways=2, tasks=1, side=16, filters=2, shots=1, query_shots=1)
    first, second, third, fourth = 256 * 9 * 2, 64 * 9 * 4, 16 * 9 * 4, 4 * 9 * 4
    deeper, head = second + third + fourth, 2 * 2
    pictures = 2
    support = pictures * (2 * first + 3 * deeper + 2 * head)
    query = pictures * (2 * first + 3 * deeper + 3 * head)
    assert counts.multiply_adds(case) == support + query
    generic = pictures * (4 * first + 9 * deeper + 9 * head)
    assert counts.multiply_adds(replace(case, variant="generic")) == generic + query
    assert counts.multiply_adds(replace(case, steps=3)) == pictures * 2 * head + 2 * generic + query
    assert counts.multiply_adds(replace(case, tasks=7)) == 7 * (support + query)


def test_what_is_no_meta_update():
    assert counts.multiply_adds(Case("tf_product")) == 2000**3
    assert counts.multiply_adds(Case("evaluation")) is None
