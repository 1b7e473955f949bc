"""Single flags with values that cannot be meant, and command lines that are none."""

from __future__ import annotations

from tests.faults.harness import Row
from tests.faults.recipes import TINY, write

# Each with values that are read as a number and refused all the same.
INTEGERS = {
    "shots": ("0", "-1"),
    "query_shots": ("0", "-1"),
    "meta_batch": ("0", "-1"),
    "steps": ("0", "-1"),
    "inner_steps": ("0", "-1"),
    "filters": ("0", "-1"),
    "hyper_layers": ("0", "-1"),
    "hyper_width": ("0", "-1"),
    "log_every": ("0", "-1"),
    "checkpoint_every": ("0", "-1"),
    "val_tasks": ("0", "-1"),
    "batch_size": ("0", "-1"),
    "eval_tasks": ("0", "-1"),
    "channels": ("0", "-1", "2", "4"),
    "split_seed": ("-1",),
    "multi_step_loss": ("-1",),
    "second_order_after": ("-1",),
    "warmup_steps": ("-1",),
    "outputs": ("1",),
    "assignments": ("0",),
    "head_batch": ("-1",),
    "hyper_neck": ("-1",),
    "target_layers": ("0",),
    "target_width": ("0",),
    "eval_query_shots": ("0", "-1"),
    "seed": (),
    "eval_seed": (),
}
NO_INTEGERS = ("2.5", "five", "", "1e3")
FLOATS = {
    "inner_lr": ("0", "-1", "inf"),
    "meta_lr": ("0", "-1", "inf"),
    "gamma": ("0", "-1", "inf"),
    "clip_norm": ("-1", "inf"),
    "meta_lr_min": ("-1", "inf"),
    "weight_decay": ("-1", "-1e-9", "inf"),
    "l2": ("-1", "inf"),
    "momentum": ("-1", "1"),
    "class_loss": ("-1", "inf"),
    "average_weights": ("-0.1", "1", "inf"),
    "head_lr_factor": ("0", "inf"),
    "temperature": ("0", "-1"),
    "checkpoint_minutes": ("-1", "inf"),
    "drop_block": ("-0.1", "1", "2", "inf"),
    "ridge": ("0", "inf"),
    "ridge_scale": ("0",),
    "head_momentum": ("-0.1", "1"),
    "head_dampening": ("-0.1", "1"),
    "head_decay": ("-1", "inf"),
    "crop_margin": ("0.9", "10"),
    "color_jitter": ("-0.1", "1.1"),
}
NO_FLOATS = ("nan", "fast", "", "0,1")
# What sizes something in memory; 10**30 is no 64-bit number.
SIZES = ("meta_batch", "shots", "query_shots", "filters", "hyper_width", "hyper_layers")
# What no machine would ever come to the end of.
ENDLESS = ("steps", "val_tasks", "eval_tasks", "inner_steps")
QUICK = 30.0  # seconds: sizes are estimated before anything is allocated
HUGE = ("1000000000", "10000000000", str(10**30))
ENUMS = ("dataset", "eval_dataset", "method", "head", "loss", "inner_reduction", "norm",
         "inner_loop", "task_map", "precision", "meta_optimizer", "meta_lr_schedule", "pictures",
         "val_classifier", "standardize", "eval_norm", "eval_split", "correction")  # fmt: skip
RANGES = {
    "train_ways": ("0", "1", "1-5", "5-2", "2-", "-3", "2;3", "two", "", ",", "2,,3", "2.5",
                   "99999", "2-5-8", "1e1"),
    "eval_ways": ("0", "1", "5-2", "2-", "two", "", "2,,3", "99999", "nan"),
    "seeds": ("-1", "5-2", "one", "", "1,,2", "0.5"),
    "eval_shots": ("0", "5-2", "two", "", "1,,2", "2.5"),
    "eval_steps": ("-1", "5-2", "one", "", "1,,2", "0.5", str(10**10)),
    "milestones": ("0", "-5", "ten", "", "5-2", "1,,2"),
    "switch": ("5", "5,5", "9,3", "-1,5", "1,2,3", "a,b", "", "1-5", "1.5,2"),
    "image_size": ("0", "-16", "16x", "x16", "16x0", "0x16", "16x16x3", "big", "", "16.5", "nan"),
}  # fmt: skip
BOOLEANS = ("invert", "rotations", "train_on_validation", "first_order", "learn_inner_lr",
            "adapt_norm", "recompute", "enhancement", "eval_only", "nesterov",
            "without_replacement", "random_crop", "random_flip", "per_step_norm", "full_context",
            "eval_confusion")  # fmt: skip
METHOD_OF = {
    **dict.fromkeys(("switch", "hyper_width", "hyper_layers"), "hypermaml"),
    **dict.fromkeys(("outputs", "assignments"), "anyway"),
    **dict.fromkeys(("ridge", "ridge_scale"), "r2d2"),
    **dict.fromkeys(("hyper_neck", "target_layers", "target_width"), "hypershot"),
    **dict.fromkeys(("head_momentum", "head_dampening", "head_decay", "head_batch"), "finetune"),
    "full_context": "matching_net",
    "correction": "hyperhidra",
}
MEMORY = "in the range|memory|at most|too (large|many|big|much)|[GTPEZY]i?B|up to|less than"


def one(flag: str, value: str, says: str = "") -> Row:
    """A row about one flag, which its line has to name."""
    method = [f"--method={METHOD_OF[flag]}"] if flag in METHOD_OF else []
    flags = (*TINY, *method, f"--{flag}={value}", "--run_dir=run")
    return Row(f"--{flag}={value or '(empty)'}", flags, says or flag)


def _with_one_of_each(bad: dict[str, tuple[str, ...]], none: tuple[str, ...]) -> list[Row]:
    """Rows of all values that are out of a flag's range, and of one that is no number at all.

    All flags of a type have one parser, so that they take turns with what is no number.
    """
    return [
        one(flag, value)
        for number, (flag, values) in enumerate(bad.items())
        for value in (*values, none[number % len(none)])
    ]


def _numbers() -> list[Row]:
    integers = _with_one_of_each(INTEGERS, NO_INTEGERS)
    floats = _with_one_of_each(FLOATS, NO_FLOATS)
    return [*{row.name: row for row in (*integers, *floats)}.values()]


def _huge() -> list[Row]:
    rows = [one(flag, value, f"{flag}.*({MEMORY})|({MEMORY}).*{flag}|shots") for flag in SIZES
            for value in HUGE]  # fmt: skip
    finetune = "--method=finetune"
    for value in HUGE:
        row = one("batch_size", value, f"batch_size|{MEMORY}")
        rows.append(row._replace(flags=tuple(
            flag for flag in (*row.flags, finetune, "--inner_steps=1") if "meta_batch" not in flag
        )))  # fmt: skip
    rows += [one(flag, str(10**30)) for flag in ENDLESS]
    sizes = ("9999", "4000x4000", "99999", str(10**30), "9999x1")
    rows += [one("image_size", size, "image_size|images|pictures|memory") for size in sizes]
    return [row._replace(limit=QUICK) for row in rows]


def _choices() -> list[Row]:
    enums = [one(flag, value) for flag in ENUMS for value in ("wrong", "")]
    ranges = [one(flag, value) for flag, values in RANGES.items() for value in values]
    return [*enums, *ranges, *(one(flag, "maybe") for flag in BOOLEANS),
            one("method", "HIDRA"), one("norm", "Affine"),
            one("dataset", "glyphs,omniglot")]  # fmt: skip


def _lines() -> list[Row]:
    def line(name: str, *flags: str, says: str, **more: object) -> Row:
        return Row(name, (*TINY, "--run_dir=run", *flags), says, **more)

    return [
        line("a flag that is unknown", "--shot=5", says="shot"),
        line("a flag in capitals", "--SHOTS=5", says="SHOTS"),
        line("an unknown flag that begins like a known one", "--evaluate", says="evaluate"),
        line("a negated flag that is no switch", "--noshots", says="noshots"),
        line("a stray word", "train", says="train"),
        line("a stray word after two dashes", "--", "5", says="5"),
        line("a flag without its value at the end", "--shots", says="shots"),
        line("a value that is the next flag", "--shots", "--query_shots=1", says="shots"),
        line("a blank around the equals sign", "--shots", "=", "5", says="="),
        line("a dash for the value", "--shots=-", says="shots"),
        line("a number in words of another script", "--shots=½", says="shots"),
        line("a flag with a dash in its name", "--query-shots=1", says="query-shots"),
        line("an emoji for a method", "--method=🔥", says="method"),
        line("bytes that are no UTF-8 for a method", "--method=\udcff", says="method"),
        line("a value with a line break", "--method=hi\ndra", says="method"),
        line("a value of 100,000 characters", "--method=" + "x" * 100_000, says="method"),
        line("--flagfile of nothing", "--flagfile=missing.flags", says="missing.flags"),
        line("--flagfile of a folder", "--flagfile=.", says="flagfile|directory"),
        line("--flagfile without a name", "--flagfile=", says="flag"),
        line("--flagfile of bytes", "--flagfile=f", says="text",
             prepare=(write("f", b"\xff\xfe\x00\x01"),)),
        line("--flagfile that reads itself", "--flagfile=f", says="circular|itself", codes=(0, 2),
             prepare=(write("f", "--flagfile=f\n"),)),
        line("--flagfile with an unknown flag", "--flagfile=f", says="shot",
             prepare=(write("f", "--shot=5\n"),)),
        line("--flagfile with a word", "--flagfile=f", says="words|flagfile",
             prepare=(write("f", "words of mine\n"),)),
        line("--flagfile with a bad value", "--flagfile=f", says="shots",
             prepare=(write("f", "--shots=0\n"),)),
    ]  # fmt: skip


ROWS = [*_numbers(), *_huge(), *_choices(), *_lines()]
