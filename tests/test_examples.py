"""The programs in examples/ run, and do what they say."""

import copy
import json

import numpy as np

from examples import few_shot_classifier, own_backbone, own_class_pool, own_training_loop
from experiments import run_notebook


def test_hidra_trains_over_a_backbone_of_ones_own(capsys):
    assert own_backbone.main(updates=2, tasks=10) > 0.5
    assert "10 ways" in capsys.readouterr().out


def test_pictures_of_ones_own_become_a_class_pool(capsys):
    splits = own_class_pool.main()
    assert [pool.num_classes for pool in (splits.train, splits.val, splits.test)] == [20, 5, 5]
    assert "support" in capsys.readouterr().out


def test_a_training_loop_of_ones_own_learns():
    losses = own_training_loop.main(updates=30, filters=4)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_classifier_learns_adds_forgets_and_is_kept(capsys):
    loaded = few_shot_classifier.main()
    assert loaded.classes_.tolist() == ["star", "triangle"]
    shown = capsys.readouterr().out
    for name in few_shot_classifier.CORNERS:
        assert f"{name}: taken for {name}," in shown


def test_the_notebook_runs_and_keeps_outputs_of_the_same_kinds():
    text = run_notebook.NOTEBOOK.read_text()
    assert len(text) < 200_000
    kept = json.loads(text)
    again = run_notebook.run(copy.deepcopy(kept))
    assert kinds(again) == kinds(kept)
    assert kinds(kept).count(["stream"]) == 4
    assert kinds(kept).count(["execute_result"]) == 1


def kinds(notebook):
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return [[output["output_type"] for output in cell["outputs"]] for cell in cells]
