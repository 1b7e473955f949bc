"""A training whose best checkpoints are evaluated together, from its settings to its results."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from hidra_tf.evaluation.evaluator import TASKS_PER_CALL
from hidra_tf.runs import sizes
from hidra_tf.runs.assembly import build_method, load_splits
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.train import train

CONFIG = Config(
    dataset="glyphs", method="protonet", train_ways=(3,), shots=1, query_shots=2, meta_batch=1,
    steps=6, inner_steps=1, inner_lr=0.1, meta_lr=0.1, filters=2, log_every=2, val_tasks=3,
    norm="running", keep_best=2,
)  # fmt: skip
REQUEST = EvalRequest(tasks=4, ways=(3,), checkpoint="ensemble")


def by_hand(run, cache, steps):
    """The correct queries of each task, by the largest mean of the members' logits."""
    splits = load_splits(CONFIG, cache)
    method = build_method(CONFIG, splits)
    sampler = EpisodeSampler(splits.test, (3,), 1, 2, TASKS_PER_CALL, CONFIG.seed, "evaluation")
    episodes, logits = sampler(0), []
    predict = tf.function(lambda: method.query_logits(episodes, [0])[:, 0])
    for step in steps:
        assert Checkpoints(run, method, None, pytest.fail).restore_step(step)
        logits.append(predict().numpy())
    assert not np.allclose(*logits)
    best = np.mean(logits, axis=0).argmax(axis=-1)
    return (best == episodes.query_labels.numpy()).sum(axis=-1)[: REQUEST.tasks].tolist()


def test_the_best_checkpoints_of_a_training_are_evaluated_together(tmp_path, capsys, caplog):
    run, cache = tmp_path / "run", str(tmp_path / "cache")
    train(CONFIG, run, REQUEST, cache)
    printed = capsys.readouterr().out
    made = json.loads((run / "results" / "test.json").read_text())
    steps = made["checkpoint"]["steps"]
    assert len(steps) == 2
    assert set(steps) < {2, 4, 6}
    assert f"steps {steps[0]}, {steps[1]} (ensemble)" in printed
    assert made["validation"] is None
    assert made["rows"][0]["correct"] == by_hand(run, cache, steps)
    train(CONFIG, run, REQUEST, cache)
    assert f"tested at steps {steps[0]}, {steps[1]}\n" in capsys.readouterr().out
    written = evaluate(run, REQUEST, cache_dir=cache)
    assert f"checkpoint=ensemble-{steps[1]}_" in written.name
    assert json.loads(written.read_text())["rows"] == made["rows"]
    with pytest.raises(UserError, match="keep_best is 2, received 5"):
        train(Config(**{**vars(CONFIG), "keep_best": 5}), run, REQUEST, cache)
    # Another test of the same process may have asked for more than warnings.
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_an_ensemble_that_the_machine_could_not_hold_is_refused_before_the_training(
    tmp_path, monkeypatch
):
    many = Config(**{**vars(CONFIG), "filters": 64, "keep_best": 1000, "steps": 2000})
    monkeypatch.setattr(sizes, "this_machine", lambda: sizes.Machine("it", 10**8))
    with pytest.raises(UserError, match="the weights of 1000 checkpoints that answer together"):
        train(many, tmp_path / "run", REQUEST, str(tmp_path / "cache"))
    assert not (tmp_path / "run").exists()
