"""Folders of one's own classes to learn and pictures to predict, from the command line."""

from __future__ import annotations

from tests.faults.harness import Outcome, Place, Row, Step
from tests.faults.recipes import (
    damage,
    fifo,
    fill_zip,
    folder,
    link,
    packed,
    picture,
    pictures,
    plain,
    png,
    trained,
    write,
)

CLASSES = pictures("classes", 3, 2)
NEW = write("new/0.png", picture(7))
RUN = ("--run_dir=run", "--eval_norm=support")
BOTH = ("--adapt=classes", "--predict=new")


def asked(
    name: str, says: str, *prepare: Step, flags: tuple[str, ...] = BOTH, **more: object
) -> Row:
    """A question to a run, about `classes` and `new`."""
    return Row(f"own: {name}", (*flags, *RUN), says, (trained(), *prepare), **more)


def typed(flags: str, says: str, *prepare: Step) -> Row:
    """A whole command line with a mistake."""
    return Row(f"own, typed: {flags}", tuple(flags.split()), says, prepare)


def learns(name: str, says: str, *prepare: Step) -> Row:
    """What is to be learned is wrong."""
    return asked(name, f"adapt: .*{says}", NEW, *prepare)


def accounted(lines: int) -> object:
    """So many pictures are answered, and nothing else is in the folder."""

    def check(place: Place, outcome: Outcome) -> None:
        text = (place.folder / "predictions/new/predictions.csv").read_text()
        assert len(text.splitlines()) == lines + 1, text

    return check


def _flags() -> list[Row]:
    known = (CLASSES, NEW)
    return [
        typed("--adapt=classes", "with --predict.*or with --save.*received neither", CLASSES),
        typed("--predict=new", "with --adapt.*or with --classifier", NEW),
        typed("--predict=new --run_dir=run", "with --adapt", NEW),
        typed("--adapt=classes --predict=new --run_dir=run", "expected a run at .*run", *known),
        typed("--adapt=classes --predict=new --classifier=none", "classifier.json", *known),
        typed("--adapt=classes --predict=new --initialization=none", "initialization: expected",
              *known),
        typed("--adapt=a --predict=b --run_dir=r --initialization=omniglot",
              "one of --run_dir, --initialization and --classifier"),
        typed("--adapt=a --predict=b --run_dir=r --classifier=c", "one of --run_dir"),
        typed("--predict=new --classifier=c --save=d", "save: expected with --adapt"),
        typed("--predict=new --classifier=c --initialization=omniglot", "expected"),
        typed("--adapt=a --save=b --output_dir=c", "output_dir: expected with --predict"),
        typed("--adapt=a --predict=b --eval_tasks=9", "eval_tasks: expected without --adapt"),
        typed("--adapt=a --predict=b --dataset=glyphs", "dataset: expected without --adapt"),
        typed("--predict=b --classifier=c --compare=a,b", "compare: expected without --predict"),
        typed("--adapt=a --predict=b --skip_damaged", "skip_damaged: expected without --adapt"),
        typed("--adapt=a --predict=b --checkpoint=last", "checkpoint: expected with --run_dir"),
        typed("--adapt=a --predict=b --eval_norm=support", "eval_norm: expected with --run_dir"),
        typed("--adapt=a --predict=b --classifier=c --eval_steps=2", "without --classifier"),
        typed("--adapt=a --predict=b --classifier=c --noinvert", "without --classifier"),
        typed("--adapt=a --predict=b --unknown_below=2", "unknown_below"),
        typed("--adapt=a --predict=b --unknown_below=nan", "unknown_below"),
        typed("--dataset=glyphs --save=a", "save: expected with --adapt"),
        typed("--dataset=glyphs --unknown_below=0.5", "unknown_below: expected with --predict"),
        typed("--adapt= --predict=new", "adapt|expected", NEW),
        Row("own: a run whose answers depend on other pictures", (*BOTH, "--run_dir=run"),
            "norm=transductive.*depend on which other.*--eval_norm=support",
            (trained(), CLASSES, NEW)),
        Row("own: several numbers of steps", (*BOTH, *RUN, "--eval_steps=1,2"),
            "eval_steps: expected one number", (trained(), CLASSES, NEW)),
        Row("own: steps of a method without any", (*BOTH, *RUN, "--eval_steps=1"),
            "eval_steps: expected with a method with inner steps",
            (trained("protonet"), CLASSES, NEW)),
        Row("own: a checkpoint that is not there", (*BOTH, *RUN, "--checkpoint=999"), "999",
            (trained(), CLASSES, NEW)),
    ]  # fmt: skip


def _classes() -> list[Row]:
    return [
        learns("no folder of classes", "expected"),
        learns("an empty folder of classes", "expected pictures in .*none", folder("classes")),
        learns("folders without pictures", "none", folder("classes/a"), folder("classes/b")),
        learns("one class", "at least 2 classes to tell apart", pictures("classes", 1)),
        learns("pictures in no folder", "folder for each class.*0.png in none",
               write("classes/0.png", picture())),
        learns("a class without pictures", "none in .* of empty", CLASSES, folder("classes/empty")),
        learns("a class of text", "none in .* of texts", CLASSES, write("classes/texts/a.txt", "")),
        learns("files that are no pictures", "among 2 files", write("classes/a/1.txt", ""),
               write("classes/b/1.txt", "")),
        learns("a picture in place of the folder", "zip", write("classes", picture())),
        learns("a pipe in place of the folder", "expected", fifo("classes")),
        learns("a link to itself in place of the folder", "expected", link("classes", "classes")),
        asked("a class of which nothing is whole", "whole pictures of class1; received 2", CLASSES,
              NEW, damage("classes/class1/*", "half")),
        asked("an encrypted zip", "whole pictures of class0", NEW,
              fill_zip("classes.zip", tuple((f"class{i}/a.png", picture(i)) for i in range(2)),
                       "encrypted"), flags=("--adapt=classes.zip", "--predict=new")),
        asked("a zip whose names all lead out of it", "received none among 2 files", NEW,
              packed("classes.zip", ("../a/1.png", picture()), ("/b/1.png", picture())),
              flags=("--adapt=classes.zip", "--predict=new")),
    ]  # fmt: skip


def _queries() -> list[Row]:
    return [
        asked("no folder to predict", "predict: .*expected", CLASSES),
        asked("an empty folder to predict", "predict: expected pictures", CLASSES, folder("new")),
        asked("nothing to predict but text", "whole pictures, received 2 that cannot", CLASSES,
              write("new/a.png", "text"), write("new/b.png", b"")),
        asked("a zip to predict is cut off", "predict: .*zip", CLASSES, NEW, packed("new.zip"),
              damage("new.zip", "half"), flags=("--adapt=classes", "--predict=new.zip")),
        asked("bad pictures among good ones",
              r"new: leaving out 6 files: 1 no file name.*5 damaged.*header\.png", CLASSES, NEW,
              write("new/1.jpg", picture(3, kind="JPEG")), write("new/empty.png", b""),
              write("new/text.png", "text"), write("new/web.jpg", b"<html></html>"),
              write("new/notes.txt", "text"), write("new/header.png", png(100_000, 100_000)),
              plain("new/bomb.png", 12_000, 12_000), codes=(0,), check=accounted(2),
              prints="new: 2 pictures; 6 files left out"),
        asked("a class that was never learned, named by bytes that are no UTF-8", "", CLASSES,
              write("new/class0/a.png", picture(901)), write("new/caf\udce9/b.png", picture(902)),
              codes=(0,), check=accounted(2),
              prints=r"1 picture of classes that were never learned \(caf\\udce9 1\) count"),
    ]  # fmt: skip


def _places() -> list[Row]:
    known = (CLASSES, NEW)
    full = write("out/mine.txt", "mine")

    def to(name: str, flag: str, says: str, *prepare: Step, **more: object) -> Row:
        return asked(name, says, *known, *prepare, flags=(*BOTH, flag), **more)

    return [
        to("an output folder with files", "--output_dir=out", "output_dir: expected a new or empty",
           full),
        to("a file in place of the output folder", "--output_dir=out/mine.txt",
           "output_dir: expected a new or empty", full),
        to("an output folder below a file", "--output_dir=out/mine.txt/x",
           "expected to write to .*mine.txt/x", full),
        to("an output folder where nothing can be written", "--output_dir=/proc/answers",
           "/proc|no such file|permission"),
        to("a name of 300 characters", f"--save={'x' * 300}", "name too long"),
        to("a classifier in place of another", "--save=out", "save: expected a new folder", full),
        to("predictions that are there already", "--save=kept", "", write("predictions/new/a", "b"),
           codes=(0,), keeps=("predictions/new/a",), prints="written .*predictions/new-2: "),
        Row("own: a folder that is no classifier", ("--predict=new", "--classifier=classes"),
            "classifier.json", known),
        Row("own: a classifier of garbage", ("--predict=new", "--classifier=c"),
            r"c/classifier\.json", (NEW, write("c/classifier.json", "{]"))),
    ]  # fmt: skip


ROWS = [*_flags(), *_classes(), *_queries(), *_places()]
