"""Official data sets that are incomplete or in another shape."""

from __future__ import annotations

from tests.faults.harness import Row, Step
from tests.faults.recipes import TINY, fifo, folder, link, packed, picture, pictures, write


def data(name: str, dataset: str, says: str, *prepare: Step, **more: object) -> Row:
    """A training on an incomplete data set, in the folder "data"."""
    flags = (*TINY, f"--dataset={dataset}", "--data_dir=data", "--run_dir=run")
    return Row(f"{dataset}: {name}", flags, says, prepare, **more)


# What each data set says that it expects, of a folder with nothing of it.
MARKS = {
    "omniglot": "images_background",
    "mini_imagenet": "train.*val.*test",
    "cub": "CUB_200_2011",
    "cifar_fs": "train.*val.*test",
}


def _nothing() -> list[Row]:
    rows = []
    for dataset, mark in MARKS.items():
        rows += [
            data("a folder that is not there", dataset, f"data|{mark}"),
            data("an empty folder", dataset, mark, folder("data")),
            data("a file", dataset, f"data|{mark}", write("data", "a file")),
            data("pictures of one's own", dataset, mark, pictures("data")),
        ]
    return rows


def _omniglot() -> list[Row]:
    one = "data/images_background/Greek/character01/0001_01.png"
    other = "data/images_evaluation/Tengwar/character01/0001_01.png"
    return [
        data("half of the sets", "omniglot", "images_evaluation", write(one, picture())),
        data("one character of each set", "omniglot", "964", write(one, picture()),
             write(other, picture())),
        data("empty sets", "omniglot", "964|characters", folder("data/images_background"),
             folder("data/images_evaluation")),
        data("sets that are files", "omniglot", "zip|images_background",
             write("data/images_background", "a"), write("data/images_evaluation", "b")),
        data("zips that are none", "omniglot", "zip", write("data/images_background.zip", "a"),
             write("data/images_evaluation.zip", "b")),
        data("sets that are pipes", "omniglot", "images_background|zip",
             fifo("data/images_background"), fifo("data/images_evaluation")),
        data("sets that are links to themselves", "omniglot", "images_background",
             link("data/images_background", "images_background"),
             link("data/images_evaluation", "images_evaluation")),
        data("zips of other pictures", "omniglot", "964|characters",
             pictures("data/images_background"), packed("data/images_background.zip"),
             pictures("data/images_evaluation"), packed("data/images_evaluation.zip")),
    ]  # fmt: skip


def _photographs() -> list[Row]:
    rows = []
    for dataset in ("mini_imagenet", "cifar_fs"):
        splits = tuple(pictures(f"data/{split}", 2, 2) for split in ("train", "val", "test"))
        rows += [
            data("two of three splits", dataset, "train.*val.*test", *splits[:2]),
            data("two classes of each split", dataset, "64|classes", *splits),
            data("empty splits", dataset, "64|classes", *(folder(f"data/{split}") for split in
                 ("train", "val", "test"))),
            data("splits that are files", dataset, "zip|train|expected", *(
                 write(f"data/{split}", "a file") for split in ("train", "val", "test"))),
            data("splits that are damaged zips", dataset, "zip", *(
                 write(f"data/{split}.zip", "a file") for split in ("train", "val", "test"))),
        ]  # fmt: skip
    lists = [write(f"data/{split}.csv", "filename,label\n0.png,a\n")
             for split in ("val", "test")]  # fmt: skip
    one = write("data/images/0.png", picture())
    flat = [(one, write("data/train.csv", text), *lists) for text in
            ("", "filename;label\n0.png;a\n", "filename,label\n0.png\n", b"\xff\xfe\x00",
             "filename,label\n1.png,a\n", 'filename,label\n"0.png,a\n')]  # fmt: skip
    rows += [
        data(f"list {number} that is none", "mini_imagenet", "csv|list|images", *steps)
        for number, steps in enumerate(flat)
    ]
    return [
        *rows,
        data("a list beside folders that names other files", "mini_imagenet", "csv|list|train",
             *(pictures(f"data/{split}", 2, 2) for split in ("train", "val", "test")),
             write("data/train.csv", "filename,label\nx.png,y\n")),
        data("data without lists", "cifar_fs", "splits/bertinetto|train", pictures("data/data")),
        data("lists that are empty", "cifar_fs", "bertinetto|classes", pictures("data/data"),
             *(write(f"data/splits/bertinetto/{split}.txt", "") for split in
               ("train", "val", "test"))),
        data("a list is missing", "cifar_fs", "bertinetto|txt", pictures("data/data"),
             write("data/splits/bertinetto/train.txt", "class0\n")),
        data("lists of bytes", "cifar_fs", "bertinetto|txt", pictures("data/data"),
             *(write(f"data/splits/bertinetto/{split}.txt", b"\xff\xfe") for split in
               ("train", "val", "test"))),
    ]  # fmt: skip


def _cub() -> list[Row]:
    def listed(name: str, images: str | bytes, labels: str | bytes, says: str) -> Row:
        return data(name, "cub", says, write("data/images/001.A/a.jpg", picture()),
                    write("data/images.txt", images),
                    write("data/image_class_labels.txt", labels))  # fmt: skip

    return [
        listed("one picture", "1 001.A/a.jpg\n", "1 1\n", "11788|species"),
        listed("empty lists", "", "", "images|11788"),
        listed("lists of other pictures", "1 002.B/b.jpg\n", "1 2\n", "images.txt"),
        listed("labels that are words", "1 001.A/a.jpg\n", "1 bird\n", "labels|number"),
        listed("labels of other pictures", "1 001.A/a.jpg\n", "2 1\n", "labels|number"),
        listed("lists of bytes", b"\xff\xfe\x00", b"\xff", "images.txt|images"),
        listed("lines of three words", "1 001.A/a.jpg x\n", "1 1 1\n", "images"),
        data("a list alone", "cub", "images|labels", write("data/images.txt", "1 a.jpg\n")),
    ]  # fmt: skip


def _emnist() -> list[Row]:
    def tested(name: str, says: str, *prepare: Step) -> Row:
        flags = (*TINY, "--eval_dataset=emnist", "--eval_data_dir=data", "--run_dir=run")
        return Row(f"emnist to be tested on: {name}", flags, says, prepare)

    ten = [write(f"data/{number}/a.png", picture(number)) for number in range(10)]
    return [
        tested("an empty folder", "emnist", folder("data")),
        tested("a file", "emnist|data", write("data", "a file")),
        tested("ten of 62 classes", "61|62", *ten),
        tested("a zip that is none", "zip", write("data/emnist_62.zip", "a")),
        tested("a zip of something else", "62|61", pictures("data/emnist_62"),
               packed("data/emnist_62.zip")),
    ]  # fmt: skip


ROWS = [*_nothing(), *_omniglot(), *_photographs(), *_cub(), *_emnist()]
