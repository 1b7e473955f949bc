import os

import pytest

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.methods import build
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.config import Config
from hidra_tf.runs.place import folder, paths
from hidra_tf.runs.records.event_log import EventLog


@pytest.fixture
def any_bytes(tmp_path):
    """A folder whose name is no text."""
    return tmp_path / os.fsdecode(b"caf\xe9") / "run"


def test_a_name_of_utf8_is_left_alone(tmp_path):
    for path in (tmp_path / "run", tmp_path / "café"):
        assert paths.for_tensorflow(path) == path
        assert not path.exists()


def test_any_other_name_has_a_link_that_leads_there(any_bytes):
    link = paths.for_tensorflow(any_bytes)
    str(link).encode()
    (link / "file").write_text("text")
    assert (any_bytes / "file").read_text() == "text"
    assert paths.for_tensorflow(any_bytes) == link


def test_a_run_may_be_kept_in_a_folder_of_any_bytes(any_bytes):
    config = Config(
        dataset="folder", data_dir=str(any_bytes), method="hidra", train_ways=(2,), shots=1,
        query_shots=1, meta_batch=1, steps=1, inner_steps=1, inner_lr=0.1, meta_lr=0.1, filters=2,
    )  # fmt: skip
    folder.create(any_bytes, config)
    assert folder.find(any_bytes) == config
    log = EventLog(any_bytes)
    log.configuration(config)
    log.scalars("train", 1, loss=0.5)
    assert list((any_bytes / "train").glob("events.*"))
    backbone = Backbone(conv4((16, 16, 1), 2, "none"), "none")
    method = build("hidra", backbone, InnerLoop(1, 0.1), (3,))
    Checkpoints(any_bytes, method, None, pytest.fail).save()
    assert (any_bytes / "checkpoints" / "ckpt-0.index").exists()
    assert Checkpoints(any_bytes, method, None, pytest.fail).restore_last()
