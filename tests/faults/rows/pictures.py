"""Folders and zips of one's own pictures."""

from __future__ import annotations

from tests.faults import checks
from tests.faults.harness import Row, Step
from tests.faults.recipes import (
    EVAL,
    OWN_UNTRAINED,
    damage,
    fifo,
    fill_zip,
    folder,
    link,
    move,
    packed,
    picture,
    pictures,
    plain,
    png,
    remove,
    trained,
    write,
)

ONE = "pictures/class3/2.png"
PASSED = r"passing over what is neither a file nor a folder \(1\): "


def own(name: str, says: str, *prepare: Step, data: str = "pictures", **more: object) -> Row:
    """A training on a folder."""
    return Row(name, (*OWN_UNTRAINED, f"--data_dir={data}", "--run_dir=run"), says, prepare, **more)


def _damaged() -> list[Row]:
    whole = picture()
    contents = {
        "empty": b"", "text": b"no picture\n", "half of itself": whole[: len(whole) // 2],
        "its first bytes": whole[:8], "zeros": bytes(500), "a web page": b"<html></html>",
        "a zip": b"PK\x05\x06" + bytes(18), "a program": b"\x7fELF" + bytes(60),
        "a picture with a wrong checksum": whole[:-30] + b"\0" + whole[-29:],
        "a header alone": png(16, 16), "a picture without width": png(0, 16),
        "of 144 megapixels that are missing": png(12_000, 12_000),
        "of 4 thousand million pixels": png(65_535, 65_535),
    }  # fmt: skip
    rows = [
        own(f"a picture is {name}", "class3/2.png", pictures(), write(ONE, data))
        for name, data in contents.items()
    ]
    two = (pictures(), write(ONE, b""), write("pictures/class5/1.png", b"text"))
    return [
        *rows,
        own("a picture is of 144 megapixels", "class3/2.png", pictures(),
            plain(ONE, 12_000, 12_000)),
        own("two pictures are damaged", r"class3/2\.png.*class5/1\.png", *two),
        Row("two pictures are damaged and to be skipped",
            (*OWN_UNTRAINED, "--data_dir=pictures", "--run_dir=run", "--skip_damaged"),
            r"class3/2\.png.*class5/1\.png", two, (0,)),
        Row("all pictures of a class are damaged and to be skipped",
            (*OWN_UNTRAINED, "--data_dir=pictures", "--run_dir=run", "--skip_damaged"), "class3",
            (pictures("pictures", 14), damage("pictures/class3/*", "half")), (0,)),
        Row("all pictures are damaged and to be skipped",
            (*OWN_UNTRAINED, "--data_dir=pictures", "--run_dir=run", "--skip_damaged"),
            "damaged|pictures", (pictures(), damage("pictures/*/*", "half"))),
        own("hundred pictures are damaged", "class", pictures("pictures", 20, 5),
            damage("pictures/*/*", "half")),
        own("a hundred classes are too small", "class", pictures("pictures", 100, 1)),
    ]  # fmt: skip


def _no_files() -> list[Row]:
    """What is no regular file, among pictures."""
    gone = (pictures(), remove(ONE))

    def passed(name: str, *prepare: Step, **more: object) -> Row:
        return own(name, PASSED + "class3/2.png", *prepare, codes=(0,), **more)

    return [
        passed("a pipe among pictures", *gone, fifo(ONE)),
        # `tests/data_gen/test_picture_tree.py` has all kinds of them.
        passed("an endless device among pictures", *gone, link(ONE, "/dev/zero"), slow=True),
        passed("a terminal among pictures", *gone, link(ONE, "/dev/tty")),
        passed("a device of nothing among pictures", *gone, link(ONE, "/dev/null"), slow=True),
        own("a link to nowhere among pictures", "class3/2.png", *gone, link(ONE, "nowhere")),
        own("a link to itself among pictures", "class3/2.png", *gone, link(ONE, "2.png")),
        own("links in a circle among pictures", "class3", *gone, link(ONE, "b.png"),
            link("pictures/class3/b.png", "2.png")),
        own("a link to the folder above", "", pictures(), link("pictures/class3/up", ".."),
            codes=(0,)),
        own("two links that lead to each other's folders", "^$|class|expected", pictures(),
            link("pictures/class3/a", "../class4"), link("pictures/class4/b", "../class3"),
            codes=(0, 2)),
        own("a pipe in place of a class", f"{PASSED}class9", pictures(), fifo("pictures/class9"),
            codes=(0,)),
        own("a pipe in place of the folder", "pictures", fifo("pictures")),
        own("a device in place of the folder", "/dev/zero", data="/dev/zero"),
        own("a folder named like a picture", "leaving out|^$", pictures(),
            folder("pictures/class3/9.png"), codes=(0,)),
        own("the whole system", "/proc", data="/proc/self/fd"),
        own("a link to itself in place of the folder", "pictures", link("pictures", "pictures")),
    ]  # fmt: skip


def _wrong_folders() -> list[Row]:
    return [
        own("a folder that is not there", "pictures"),
        own("an empty folder", "pictures", folder("pictures")),
        own("folders without pictures", "pictures", folder("pictures/a"), folder("pictures/b")),
        own("pictures in no class folder", "0.png|class", write("pictures/0.png", picture())),
        own("some pictures in no class folder", "0.png|class", pictures(),
            write("pictures/0.png", picture())),
        own("one class", "class", pictures("pictures", 1)),
        own("five classes", "class", pictures("pictures", 5)),
        own("classes of one picture", "class|pictures", pictures("pictures", 8, 1)),
        own("half of the classes too small", "class", pictures("pictures", 4),
            pictures("more", 4, 1), *(move(f"more/class{i}", f"pictures/small{i}")
                                      for i in range(4))),
        own("files of no known format", "pictures|format", write("pictures/a/0.txt", "text"),
            write("pictures/b/0.doc", "text")),
        own("train and test without val", "val", pictures("pictures/train"),
            pictures("pictures/test")),
        own("train, val and test beside another folder", "more|val", pictures("pictures/train"),
            pictures("pictures/val"), pictures("pictures/test"), pictures("pictures/more")),
        own("a validation split of one class", "val", pictures("pictures/train"),
            pictures("pictures/val", 1), pictures("pictures/test")),
        own("an empty test split", "test", pictures("pictures/train"), pictures("pictures/val"),
            folder("pictures/test")),
        own("a picture in place of the folder", "pictures|zip", write("pictures", picture())),
        own("an empty file in place of the folder", "pictures|zip", write("pictures", b"")),
        own("a name with a zero byte", "data_dir|null|byte", data="a\0b"),
        own("a name of 5000 characters", "long|x", data="x" * 5000),
        Row("no folder", (*OWN_UNTRAINED, "--run_dir=run"), "data_dir"),
        Row("a folder that DATA_DIR names and that is not there", (*OWN_UNTRAINED, "--run_dir=run"),
            "nowhere", environment=(("DATA_DIR", "nowhere"),)),
        own("a folder named by bytes that are no UTF-8", "", pictures("odd\udcff"),
            data="odd\udcff", codes=(0,)),
        own("a class named by bytes that are no UTF-8", "", pictures(),
            *(write(f"pictures/caf\udce9/{i}.png", picture(i)) for i in range(3)), codes=(0,)),
        own("a picture named by bytes that are no UTF-8", "", pictures(),
            write("pictures/class3/caf\udce9.png", picture()), codes=(0,)),
        own("a damaged picture named by bytes that are no UTF-8", "class3", pictures(),
            write("pictures/class3/caf\udce9.png", b"text")),
        own("a class with a line break in its name", "", pictures(),
            *(write(f"pictures/a\nb/{i}.png", picture(i)) for i in range(3)), codes=(0,)),
        own("a damaged picture with a line break in its name", "class3", pictures(),
            write("pictures/class3/a\nb.png", b"text")),
        own("a class that is too small, with a line break in its name", "fewer", pictures(),
            write("pictures/a\nb/0.png", picture()), codes=(0,)),
        own("names that look like formats", "", pictures(),
            *(write(f"pictures/%s{{x}}`shots`/{i}.png", picture(i)) for i in range(3)),
            codes=(0,)),
    ]  # fmt: skip


def _zips() -> list[Row]:
    zipped = (pictures(), packed("pictures.zip"))
    name = "pictures.zip"

    def row(what: str, says: str, *prepare: Step, **more: object) -> Row:
        return own(what, says, *prepare, data=name, **more)

    deep = tuple((f"class{c}/{i}.png", picture(9 * c + i)) for c in range(8) for i in range(3))
    return [
        row("a zip is cut off", "zip", *zipped, damage(name, "half")),
        row("a zip is garbled", "zip", *zipped, damage(name, "garbled")),
        row("a zip is empty", "zip", write(name, b"")),
        row("a zip of nothing", "zip", packed(name)),
        row("a zip is text", "zip", write(name, "no zip")),
        row("a zip is a pipe", "zip", fifo(name)),
        row("a zip of a zip", "zip", packed(name, ("pictures.zip", b"PK"))),
        row("a zip with a damaged member", "class3/9.png", pictures(),
            packed(name, ("class3/9.png", b"half"))),
        row("a zip whose member unpacks to a gigabyte", "class3/9.png", pictures(),
            packed(name, ("class3/9.png", 2**30))),
        row("a zip whose member claims another size", "zip|class3/9.png", fill_zip(name, deep,
            "size")),
        row("an encrypted zip", "encrypt|password|readable", fill_zip(name, deep, "encrypted")),
        row("a zip of an unknown compression", "compression|readable", fill_zip(name, deep,
            "method")),
        row("a zip with a wrong checksum", "readable|CRC", fill_zip(name, deep, "crc")),
        row("a zip with names that lead out of it", "^$|expected", pictures(),
            packed(name, *((f"../../out/{i}.png", picture(i)) for i in range(3))), codes=(0, 2)),
        row("a zip with the same name twice", "^$|class3/9.png|twice", pictures(),
            packed(name, ("class3/9.png", picture(1)), ("class3/9.png", picture(2))),
            codes=(0, 2)),
        row("a zip that is fine", "", *zipped, codes=(0,)),
        Row("a run is tested on a zip that is cut off",
            (*EVAL, "--eval_dataset=folder", "--eval_data_dir=pictures.zip"), "zip",
            (trained(), *zipped, damage(name, "half")), keeps=("run/results/test.json",)),
        Row("a run is tested on its pictures in a zip", (*EVAL, "--data_dir=pictures.zip"), "",
            (trained("folder"), *zipped), (0,), check=checks.as_trained("folder")),
    ]  # fmt: skip


ROWS = [*_damaged(), *_no_files(), *_wrong_folders(), *_zips()]
