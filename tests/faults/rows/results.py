"""Results and checkpoints that are damaged, out of date, incomplete, or not to be overwritten."""

from __future__ import annotations

from typing import Any

from tests.faults import checks
from tests.faults.harness import Row
from tests.faults.recipes import (
    EVAL,
    TINY,
    UNTRAINED,
    damage,
    edit,
    folder,
    move,
    pictures,
    remove,
    trained,
    write,
)

AGAIN = (*TINY, "--run_dir=run")
UNTRAINED_AGAIN = (*UNTRAINED, "--run_dir=run")
RESULTS = "run/results/test.json"
REPLACED = r"run/results/test\.json is damaged .* and is replaced"
KEPT = (RESULTS, "run/results/test.png")
# Text of results/test.json, of which none says what the run is like.
TEXTS = {
    "empty": "", "half an object": '{"rows": [', "a list": "[]", "null": "null",
    "an empty object": "{}", "rows of a number": '{"rows": 5}', "rows of nothing": '{"rows": []}',
    "rows of lists": '{"rows": [[1, 2]], "tasks": 10}', "bytes": b"\xff\xfe\x00",
    "endless brackets": "[" * 100_000,
}  # fmt: skip
# Changes of fields, after which the table must not be taken for this run's.
STALE: dict[str, tuple[tuple[str, Any], ...]] = {
    "of an earlier step": (("step", 1),),
    "of a step that is none": (("step", "two"),),
    "of another seed": (("seed", 7),),
    "of another split": (("split", "val"),),
    "of other shots": (("shots", 3),),
    "of other classes": (("eval_dataset", "folder"),),
    "of a single task": (("tasks", 1),),
    "of a table of words": (("rows", "nothing"),),
    "with rows of objects without fields": (("rows", [{}]),),
    "with accuracies in words": (("rows", [{"ways": 2, "steps": 1, "accuracy": "high",
                                            "ci95": None, "metrics": {}}]),),
    "with seconds of a list": (("seconds", [1]),),
}  # fmt: skip

# Of these, the table may be of an evaluation that was right: it is left where it is.
OTHERS = ("of another seed", "of other shots")
# The others are told apart in `tests/hidra_tf/runs/records/test_kept.py`.
ALWAYS = ("half an object", "bytes", "of an earlier step", "of other shots",
          "with accuracies in words")  # fmt: skip


def _results() -> list[Row]:
    same = checks.as_trained("random")
    garbage = [
        Row(
            f"results are {name}",
            UNTRAINED_AGAIN,
            REPLACED,
            (trained("random"), write(RESULTS, text)),
            (0,),
            check=same,
            slow=name not in ALWAYS,
        )
        for name, text in TEXTS.items()
    ]
    # An accuracy that nobody measured tells whether the table is shown or measured anew.
    invented = ("rows", [{"ways": 2, "steps": 1, "accuracy": 0.123, "ci95": 0.01, "metrics": {}}])
    stale = [
        Row(f"results {name}", UNTRAINED_AGAIN, "" if name in OTHERS else REPLACED,
            (trained("random"), edit(RESULTS, invented, *changes)), (0,), check=same,
            slow=name not in ALWAYS)
        for name, changes in STALE.items()
    ]  # fmt: skip
    return [
        *garbage,
        *stale,
        Row("results of an earlier step of a training", AGAIN, REPLACED,
            (trained(), edit(RESULTS, invented, ("step", 1))), (0,),
            check=checks.as_trained("hidra")),
        Row("a folder where the results should be", AGAIN, "results",
            (trained(), remove(RESULTS), folder(RESULTS)), prints="±"),
        Row("a folder where the picture should be", AGAIN, "results",
            (trained(), remove("run/results/*"), folder("run/results/test.png")),
            prints="±"),
        Row("results of other ways", (*AGAIN, "--eval_ways=3"), "", (trained(),), (0,),
            prints=r"^ *3 .*%|\n *3 .*%"),
        Row("results that are there, and the same question", AGAIN, "", (trained(),), (0,),
            keeps=KEPT, prints="finished", check=checks.as_trained("hidra")),
    ]  # fmt: skip


def _kept() -> list[Row]:
    """Evaluations that must not take the place of the run's own table."""

    def kept(name: str, *flags: str, run: str = "hidra", prepare: tuple = ()) -> Row:
        return Row(name, (*EVAL, *flags), "", (trained(run), *prepare), (0,), keeps=KEPT,
                   check=checks.one_more_result)  # fmt: skip

    other = ("--eval_dataset=folder", "--eval_data_dir=pictures")
    return [
        kept("one task does not replace many", "--eval_tasks=1"),
        kept("other ways do not replace the run's", "--eval_ways=3"),
        kept("other steps do not replace the run's", "--eval_steps=0,2"),
        kept("another split does not replace the run's", "--eval_split=val"),
        kept("training classes do not replace the run's", "--eval_split=train"),
        kept("other data does not replace the run's", *other, prepare=(pictures(),)),
        kept("more tasks do not replace the run's", "--eval_tasks=20"),
        Row("numbers that are not finite are no JSON",
            (*UNTRAINED, "--norm=none", "--inner_lr=1e30", "--eval_steps=1,5",
             "--run_dir=run"), "", (), (0,), check=checks.strict_json),
        Row("a training that diverges", (*AGAIN, "--inner_lr=1e30", "--norm=none"),
            r"step 1 is not finite.*inner_lr 1e\+30", (), unchanged=False,
            check=checks.first_checkpoint),
    ]  # fmt: skip


def _checkpoints() -> list[Row]:
    def tested(name: str, says: str, *steps: Any, **more: Any) -> Row:
        return Row(name, EVAL, says, (trained(), *steps), **more)

    best, last = "run/best/ckpt-*", "run/checkpoints/ckpt-2.*"
    every = (damage("run/best/ckpt-*", "garbled"), damage("run/checkpoints/ckpt-*", "garbled"))
    damages = [
        tested(f"the best checkpoint's {part} is {how}", "damaged", damage(f"{best}{part}", how),
               codes=(0,))
        for part, how in ((".index", "half"), (".index", "garbled"), (".data*", "empty"),
                          (".data*", "zeros"))
    ]  # fmt: skip
    return [
        *damages,
        tested("every checkpoint is garbled", "damaged", *every),
        tested("every checkpoint is empty", "damaged", damage("run/*/ckpt-*", "empty")),
        tested("the best checkpoint is gone", "best", remove("run/best"), codes=(0, 2)),
        tested("the best checkpoint's data is gone", "best", remove("run/best/ckpt-*.data*"),
               codes=(0,)),
        tested("the list of checkpoints is garbled", "damaged|^$",
               damage("run/best/checkpoint", "garbled"), codes=(0,)),
        tested("the list of checkpoints is a folder", "checkpoint|^$",
               remove("run/best/checkpoint"), folder("run/best/checkpoint"), codes=(0, 2)),
        Row("the best checkpoint is asked for and gone", (*EVAL, "--checkpoint=best"), "best",
            (trained(), remove("run/best"))),
        Row("the last checkpoint is asked for and gone", (*EVAL, "--checkpoint=last"),
            "checkpoint", (trained(), remove("run/checkpoints"))),
        Row("the last checkpoint is garbled, to go on", (*AGAIN, "--log_every=1"), "damaged",
            (trained(), damage(last, "garbled"), remove("run/results")), (0,)),
        Row("every checkpoint is garbled, to go on", AGAIN, "damaged",
            (trained(), *every, remove("run/results"))),
        Row("the checkpoint of another run, to go on", AGAIN, "damaged|weights|checkpoint",
            (trained(), trained("maml", "other"), remove("run/checkpoints"),
             remove("run/best"), remove("run/results"),
             move("other/checkpoints", "run/checkpoints"))),
        Row("an orphan of a save that was killed", EVAL, "^$|ckpt-99|damaged",
            (trained(), write("run/best/ckpt-99.data-00000-of-00001", b"half")), (0,),
            check=checks.as_trained("hidra")),
        Row("an orphan of a save that was killed, to go on", AGAIN, "^$|ckpt-99|damaged",
            (trained(), write("run/checkpoints/ckpt-99.data-00000-of-00001", b"half")), (0,),
            check=checks.as_trained("hidra")),
        Row("a leftover of a writing that was killed", AGAIN, "",
            (trained(), write("run/.config.json.123", '{"data'),
             write("run/results/.test.json.123", "{")), (0,), check=checks.as_trained("hidra")),
        Row("event files that are garbled", EVAL, "",
            (trained(), damage("run/**/events.*", "garbled")), (0,),
            check=checks.as_trained("hidra")),
    ]  # fmt: skip


ROWS = [*_results(), *_kept(), *_checkpoints()]
