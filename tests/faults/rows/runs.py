"""Run folders: other things in their place, changed flags and pictures, two starts at once."""

from __future__ import annotations

from tests.faults import checks
from tests.faults.harness import Row, Step
from tests.faults.recipes import (
    EVAL,
    OWN,
    TINY,
    busy,
    damage,
    edit,
    fifo,
    folder,
    link,
    move,
    pictures,
    remove,
    shared_pictures,
    trained,
    write,
)

AGAIN = (*TINY, "--run_dir=run")
OWN_AGAIN = (*OWN, "--run_dir=run", "--data_dir=pictures")


def again(name: str, *flags: str, says: str, prepare: tuple[Step, ...], **more: object) -> Row:
    """The command that trained the run, once more."""
    return Row(name, (*AGAIN, *flags), says, prepare, **more)


def tested(name: str, *flags: str, says: str, prepare: tuple[Step, ...], **more: object) -> Row:
    """An evaluation of the run."""
    return Row(name, (*EVAL, *flags), says, prepare, **more)


def _something_else() -> list[Row]:
    """In the place of a run, for a training and for an evaluation."""
    things = {
        "a file": (write("run", "a file"),),
        "a folder of other things": (write("run/notes.txt", "mine"),),
        "a folder with a hidden file": (write("run/.notes", "mine"),),
        "a link to itself": (link("run", "run"),),
        "a pipe": (fifo("run"),),
        "a run below the one named": (trained("hidra", "deep"), folder("run"),
                                      move("deep", "run/deep")),
        "a folder where its configuration should be": (trained(), remove("run/config.json"),
                                                       folder("run/config.json")),
        "a run without its configuration": (trained(), remove("run/config.json")),
        "a pipe where its configuration should be": (trained(), remove("run/config.json"),
                                                     fifo("run/config.json")),
        "a configuration that is a link to nowhere": (trained(), remove("run/config.json"),
                                                      link("run/config.json", "nowhere")),
        "a configuration that is a device": (trained(), remove("run/config.json"),
                                             link("run/config.json", "/dev/zero")),
    }  # fmt: skip
    return [
        make(f"{name} {for_what}", says="run", prepare=steps)
        for name, steps in things.items()
        for make, for_what in ((again, "trained into"), (tested, "evaluated"))
    ]


def _places() -> list[Row]:
    def new(name: str, run: str, says: str, *prepare: Step) -> Row:
        return Row(name, (*TINY, f"--run_dir={run}"), says, prepare)

    return [
        new("a run below a file", "file/run", "file", write("file", "")),
        new("a run below a device", "/dev/null/run", "/dev/null"),
        new("a run in the system's own folder", "/proc/run", "/proc"),
        new("a name that is too long for a run", "x" * 300, "name|long"),
        new("a run below a link to nowhere", "link/run", "link", link("link", "nowhere")),
        new("a run named by a zero byte", "a\\0b".replace("\\0", "\0"), "run_dir|null|byte"),
    ]


def _parts_that_are_files() -> list[Row]:
    rows = []
    for part in ("checkpoints", "best", "train", "val"):
        steps = (trained(), remove(f"run/{part}"), write(f"run/{part}", "a file"))
        unfinished = (edit("run/config.json", ("steps", 3)), remove("run/results"))
        rows.append(again(f"{part} is a file", "--steps=3", says=part,
                          prepare=(*steps, *unfinished)))  # fmt: skip
    for part in ("test", "results"):
        steps = (trained(), remove(f"run/{part}"), write(f"run/{part}", "a file"))
        # Refused before anything is computed that could not be kept.
        says = f"expected a folder at run/{part}"
        rows.append(tested(f"{part} is a file of an evaluated run", says=says, prepare=steps))
        rows.append(tested(
            f"{part} of an evaluated run leads to a full disk", says=says,
            prepare=(trained(), remove(f"run/{part}"), link(f"run/{part}", "/dev/full")),
        ))  # fmt: skip
    steps = (trained(), remove("run/checkpoints"), remove("run/best"))
    rows += [
        tested("checkpoints is a file of an evaluated run", says="checkpoint",
               prepare=(*steps, write("run/checkpoints", "a file"))),
        tested("checkpoints is a link to itself", says="checkpoint",
               prepare=(*steps, link("run/checkpoints", "checkpoints"))),
        again("results is a link to itself", says="results",
              prepare=(trained(), remove("run/results"), link("run/results", "results"))),
    ]  # fmt: skip
    return rows


def _changed_flags() -> list[Row]:
    changes = {
        "norm": ("affine", "transductive.*affine"), "inner_lr": ("0.3", "0.4.*0.3"),
        "seed": ("1", "seed"), "filters": ("3", "filters"), "shots": ("2", "shots"),
        "train_ways": ("3", "train_ways"), "image_size": ("17", "image_size"),
        "method": ("maml", "method"), "backbone": ("resnet12", "backbone"),
        "meta_lr": ("0.01", "meta_lr"), "steps": ("1", "steps"), "loss": ("sigmoid", "loss"),
        "precision": ("bfloat16", "precision"), "rotations": ("true", "rotations"),
    }  # fmt: skip
    return [
        again(f"a run goes on with another {flag}", f"--{flag}={value}", says=says,
              prepare=(trained(),))
        for flag, (value, says) in changes.items()
    ]  # fmt: skip


def _changed_pictures() -> list[Row]:
    run = (trained("folder"), shared_pictures())
    changes = {
        "two classes fewer": (remove("pictures/class[01]"),),
        "one class more": (pictures("more", 1), move("more/class0", "pictures/class9")),
        "a class by another name": (move("pictures/class3", "pictures/birds"),),
        "no picture of one class": (remove("pictures/class2/*"),),
        "fewer pictures of one class": (remove("pictures/class2/[01].png"),),
        "other pictures": (damage("pictures/*/*.png", "empty"), remove("pictures"),
                           pictures("pictures", 8, 5)),
        "only other classes": (remove("pictures"), pictures("pictures", 20)),
        "two classes that changed places": (
            move("pictures/class1", "pictures/aside"), move("pictures/class6", "pictures/class1"),
            move("pictures/aside", "pictures/class6")),
    }  # fmt: skip
    # Of these, the test split is as it was in training, or only its pixels are not.
    as_before = ("one class more", "a class by another name", "no picture of one class",
                 "fewer pictures of one class")  # fmt: skip
    rows = []
    for name, steps in changes.items():
        says = "class|pictures|folder|changed"
        unfinished = (edit("run/config.json", ("steps", 3)),)
        rows.append(Row(f"a run goes on with {name}", (*OWN_AGAIN, "--steps=3"), says,
                        (*run, *unfinished, *steps)))  # fmt: skip
        test = Row(f"a run is tested on {name}", (*EVAL, "--data_dir=pictures"), says,
                   (*run, *steps))  # fmt: skip
        if name in as_before:
            says = "leaving out classes.*class2" if name == "no picture of one class" else ""
            test = test._replace(says=says, codes=(0,), check=checks.as_trained("folder"))
        elif name == "two classes that changed places":
            test = test._replace(says="test split.*the pixels are not", codes=(0,))
        rows.append(test)
    return [
        *rows,
        Row("a run is tested on its pictures in another place", (*EVAL, "--data_dir=pictures"),
            "", run, (0,), check=checks.as_trained("folder")),
        Row("a run is tested on its pictures in the place that DATA_DIR says", EVAL, "",
            (*run, edit("run/config.json", ("data_dir", "/gone"))), (0,),
            environment=(("DATA_DIR", "pictures"),), check=checks.as_trained("folder")),
        Row("a run goes on with its pictures in another place", OWN_AGAIN, "", run, (0,)),
        Row("a run is tested where its pictures are gone", EVAL, "gone",
            (trained("folder"), edit("run/config.json", ("data_dir", "/gone")))),
        Row("a run is tested elsewhere, with its own pictures gone",
            (*EVAL, "--eval_dataset=glyphs"), "",
            (trained("folder"), edit("run/config.json", ("data_dir", "/gone"))), (0,),
            keeps=("run/results/test.json",)),
        Row("a run is tested on two classes of one's own",
            (*EVAL, "--eval_dataset=folder", "--eval_data_dir=pictures", "--eval_split=all"), "",
            (trained(), pictures("pictures", 2)), (0,), keeps=("run/results/test.json",)),
        Row("a run is tested on the test split of two classes",
            (*EVAL, "--eval_dataset=folder", "--eval_data_dir=pictures"), "eval_split=all",
            (trained(), pictures("pictures", 2))),
        Row("a run is tested on one class",
            (*EVAL, "--eval_dataset=folder", "--eval_data_dir=pictures", "--eval_split=all"),
            "class|2", (trained(), pictures("pictures", 1))),
    ]  # fmt: skip


def _two_at_once() -> list[Row]:
    locked = "another|other process|in use|lock|running|already"
    return [
        Row("a second start on a run that is being trained", (*TINY, "--steps=1000000",
            "--log_every=1000000", "--checkpoint_every=1000000", "--run_dir=run"), locked,
            (busy(),)),
        Row("a second start by another name of the folder", (*TINY, "--steps=1000000",
            "--log_every=1000000", "--checkpoint_every=1000000", "--run_dir=./same/"), locked,
            # The lock alone answers other names: `tests/hidra_tf/runs/place/test_lock.py`.
            (busy(), link("same", "run")), slow=True),
    ]  # fmt: skip


def _left_behind() -> list[Row]:
    return [
        Row("a run that failed before its first step, with other flags",
            (*AGAIN, "--inner_lr=0.3"), "",
            (trained(), *(remove(f"run/{part}") for part in ("checkpoints", "best", "results"))),
            (0,)),
        tested("a run that failed before its first step is evaluated", says="checkpoint",
               prepare=(trained(), remove("run/checkpoints"), remove("run/best"))),
    ]  # fmt: skip


def _compared() -> list[Row]:
    """Comparisons that cannot be made; no evaluation is begun for them."""
    two = (trained(), trained("maml", "other"))

    def row(name: str, compared: str, *flags: str, says: str, prepare: tuple = two) -> Row:
        return Row(f"a comparison {name}", (f"--compare={compared}", *flags), says, prepare)

    return [
        row("of nothing", "", says="compare: expected folders of runs"),
        row("of one run", "run", says="two runs or more"),
        row("of a run with itself", "run,./run/", says="every run once"),
        row("of a run that is not there", "run,no", says="expected a run at no"),
        row("of a pattern that nothing fits", "run,no*", says=r"at no\*; found none"),
        row("of an empty folder", "run,empty", says="at empty; found none",
            prepare=(*two, folder("empty"))),
        row("of runs as one that differ in their method", "*", says="differ.*method is"),
        row("with a flag of a training", "run,other", "--shots=2", says="shots: expected without"),
        row("at other ways than those of a head", "run,other", "--eval_ways=3",
            says="eval_ways: expected 2 among them"),
        row("after several numbers of steps", "run,other", "--eval_steps=1,2",
            says="eval_steps: expected one number"),
        row("written into a file", "run,other", "--compare_dir=file",
            says="compare_dir: expected a folder", prepare=(*two, write("file", "mine"))),
        row("of other shots", "run,other", says="same shots",
            prepare=(*two, edit("other/config.json", ("shots", 2)))),
        tested("an evaluation with several seeds", "--seeds=0,1", says="seeds: expected with a tra",
               prepare=(trained(),)),
        Row("seeds in the folder of a run", (*TINY, "--seeds=0,1", "--run_dir=run"),
            "seeds: expected a folder for a run of each seed", (trained(),)),
    ]  # fmt: skip


ROWS = [*_something_else(), *_places(), *_parts_that_are_files(), *_changed_flags(),
        *_changed_pictures(), *_two_at_once(), *_left_behind(), *_compared()]  # fmt: skip
