import errno

import numpy as np
import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.config import Config
from hidra_tf.runs.place import folder
from hidra_tf.runs.terminal.refusals import in_one_line

CONFIG = Config(
    dataset="glyphs", method="hidra", train_ways=(5,), shots=1, query_shots=1, meta_batch=77,
    steps=1, inner_steps=3, inner_lr=0.1, meta_lr=0.1, filters=9,
)  # fmt: skip

IN_A_GRAPH = """Graph execution error:

Detected at node while/body/mul defined at (most recent call last):
<stack traces unavailable>
OOM when allocating tensor with shape[400,84,84,64] and type float on \
/job:localhost/replica:0/task:0/device:{device} by allocator {allocator}
\t [[{{{{node while/body/mul}}}}]]
Hint: If you want to see a list of allocated tensors when OOM happens, add report_tensor_allocations
 [Op:__inference___call___1]"""


def raised(error, *arguments):
    """What a function that fails like this is answered with."""

    @in_one_line
    def fail(*_arguments):
        raise error

    with pytest.raises(UserError) as caught:
        fail(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("device", "allocator"), [("CPU:0", "cpu"), ("GPU:0", "GPU_0_bfc")])
def test_memory_that_ran_out_in_a_graph_is_told_with_device_settings_and_help(device, allocator):
    text = IN_A_GRAPH.format(device=device, allocator=allocator)
    message = raised(tf.errors.ResourceExhaustedError(None, None, text), CONFIG)
    assert message.startswith(f"memory ran out on {device} when an array of shape [400,84,84,64] ")
    for setting in ("meta_batch=77", "inner_steps=3", "filters=9"):
        assert f"`{setting}`" in message
    for help_ in ("`meta_batch`", "`recompute`", "`precision=bfloat16`", "`filters`"):
        assert help_ in message.split("what helps: ")[1]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("std::bad_alloc"),
        np._core._exceptions._ArrayMemoryError((10**9, 10**9), np.dtype("float32")),
        tf.errors.InternalError(None, None, "Failed to allocate 7 bytes on GPU:0"),
        tf.errors.UnknownError(None, None, "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        tf.errors.ResourceExhaustedError(None, None, "Out of memory while trying to allocate 9"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_ran_out_anywhere_is_told(error):
    assert raised(error, CONFIG).startswith("memory ran out on ")


def test_a_real_array_that_is_too_large_is_told():
    @in_one_line
    def allocate(_config):
        np.empty((2**45, 2**10), np.uint8)

    with pytest.raises(UserError, match=r"^memory ran out on the host"):
        allocate(CONFIG)


def test_a_real_tensor_that_is_too_large_is_told():
    @in_one_line
    def allocate(_config):
        tf.function(lambda n: tf.zeros(n))(tf.constant([2**45, 2**10], tf.int64))

    with pytest.raises(UserError, match=r"^memory ran out on .PU:0.*`meta_batch=77`"):
        allocate(CONFIG)


def test_the_settings_of_an_evaluation_are_those_of_its_run(tmp_path):
    folder.create(tmp_path, CONFIG)
    assert "`filters=9`" in raised(MemoryError(), tmp_path)
    assert "with `" not in raised(MemoryError(), tmp_path / "missing")


def test_a_full_disk_is_not_taken_for_memory():
    full = tf.errors.ResourceExhaustedError(None, None, "runs/a/ckpt; No space left on device")
    assert raised(full, CONFIG) == "runs/a/ckpt; No space left on device"
    assert "No space" in raised(OSError(errno.ENOSPC, "No space left on device", "f"), CONFIG)


def test_what_happened_in_a_graph_is_told_and_not_that_it_was_one():
    text = "Graph execution error:\n\nDetected at node x\nfile.index: not found\n [[x]]"
    assert raised(tf.errors.NotFoundError(None, None, text), CONFIG) == "file.index: not found"


def test_an_error_of_the_program_stays_one():
    @in_one_line
    def fail():
        raise tf.errors.InvalidArgumentError(None, None, "shapes differ")

    with pytest.raises(tf.errors.InvalidArgumentError):
        fail()
