import dataclasses
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags as absl_flags

from data_gen import DATASETS
from data_gen.errors import UserError
from flags import build, names, parsing
from flags.defaults import DEFAULTS
from hidra_tf.runs.config import Config

ROOT = Path(__file__).parents[2]
PAPER = sorted(ROOT.glob("flags/paper/*.flags"))


@pytest.fixture(autouse=True)
def fresh_flags(monkeypatch):
    """Flags as before they were parsed, and after the test again."""
    for name in ("DATA_DIR", "EVAL_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield
    absl_flags.FLAGS.unparse_flags()
    forget_flags()


def parse(*arguments):
    parsing.parse(["main.py", *arguments], "usage")


def config(*arguments):
    parse(*arguments)
    return build.config()


def test_every_data_set_has_every_setting_that_has_no_default():
    needed = {"shots", "query_shots", "meta_batch", "steps", "inner_steps", "inner_lr", "meta_lr"}
    assert set(DEFAULTS) == set(DATASETS)
    for settings in DEFAULTS.values():
        assert set(settings) == needed | {"filters"}


def test_the_papers_omniglot_settings():
    ours = config("--dataset=omniglot")
    assert (ours.method, ours.train_ways, ours.shots) == ("hidra", (5,), 5)
    assert (ours.meta_batch, ours.inner_steps, ours.filters) == (32, 1, 64)
    assert (ours.inner_lr, ours.meta_lr) == (0.4, 1e-3)


def test_the_papers_mini_imagenet_settings():
    ours = config("--dataset=mini_imagenet")
    assert (ours.shots, ours.meta_batch, ours.inner_steps, ours.filters) == (5, 4, 5, 32)
    assert (ours.inner_lr, ours.meta_lr) == (0.01, 1e-3)


def test_the_papers_cub_settings():
    ours = config("--dataset=cub")
    assert (ours.query_shots, ours.filters) == (16, 64)


def test_other_backbones_have_64_filters_unless_another_number_is_given():
    on_mini = ("--dataset=mini_imagenet", "--backbone=resnet12")
    assert config(*on_mini).filters == 64
    assert build.run_name(config(*on_mini)) == "mini_imagenet-hidra-5way-5shot-backbone=resnet12"
    assert config(*on_mini, "--filters=32").filters == 32
    assert build.run_name(config(*on_mini, "--filters=32")).endswith(
        "-filters=32-backbone=resnet12"
    )


def test_a_flag_overrides_its_default():
    assert config("--meta_batch=4", "--inner_lr=0.01").inner_lr == 0.01


def test_the_environment_says_where_the_data_is(monkeypatch):
    monkeypatch.setenv("DATA_DIR", "/some/where")
    assert config().data_dir == "/some/where"
    assert config("--data_dir=/else/where").data_dir == "/else/where"


def test_where_the_data_to_test_on_is(monkeypatch):
    across = ("--eval_dataset=emnist", "--data_dir=/both")
    assert config(*across).eval_data_dir == "/both"
    monkeypatch.setenv("EVAL_DATA_DIR", "/some/where")
    assert config(*across).eval_data_dir == "/some/where"
    assert config(*across, "--eval_data_dir=/else/where").eval_data_dir == "/else/where"
    assert build.eval_request().data_dir == "/else/where"
    assert build.eval_request().dataset == "emnist"


@pytest.mark.parametrize(
    ("text", "size"), [("84", (84, 84)), ("64x96", (64, 96)), (" 30 ", (30, 30))]
)
def test_sizes_of_pictures(text, size):
    assert config(f"--image_size={text}").image_size == size
    assert f"image_size={text.strip()}" in build.run_name(config(f"--image_size={text}"))


def test_another_data_set_to_test_on_makes_another_name():
    name = build.run_name(config("--eval_dataset=emnist", "--data_dir=/x"))
    assert name == "omniglot-hidra-5way-5shot-eval_dataset=emnist"


def test_another_folder_makes_another_name():
    names = {
        build.run_name(config("--dataset=folder", f"--data_dir={d}")) for d in ("/a/x", "/b/x")
    }
    assert len(names) == 2
    assert all(name.startswith("folder-hidra-5way-5shot-data_dir=x-") for name in names)


def test_another_split_makes_another_name():
    ours = ("--dataset=folder", "--data_dir=/a/x")
    name = build.run_name(config(*ours))
    assert build.run_name(config(*ours, "--split_seed=0")) == name
    assert "-split_seed=3" in build.run_name(config(*ours, "--split_seed=3"))


def test_a_hypernetwork_makes_one_update_whatever_the_data_set():
    ours = config("--dataset=mini_imagenet", "--method=hypermaml")
    assert (ours.inner_steps, ours.hyper_layers, ours.enhancement) == (1, 3, True)
    assert build.run_name(ours) == "mini_imagenet-hypermaml-5way-5shot"
    assert config("--method=hyperhidra", "--inner_steps=2").inner_steps == 2


@pytest.mark.parametrize(
    ("given", "layers", "width", "shown"),
    [
        ((), 2, 512, "-hyper_layers=2-hyper_width=512"),
        (("--hyper_width=256",), 2, 256, "-hyper_layers=2"),
        (("--hyper_layers=3",), 3, 512, "-hyper_width=512"),
    ],
)
def test_hypershot_has_its_published_size_where_no_other_is_given(given, layers, width, shown):
    """Also where what is given is the default of other methods, which earlier runs had."""
    ours = config("--method=hypershot", *given)
    assert (ours.hyper_layers, ours.hyper_width) == (layers, width)
    assert build.run_name(ours) == f"omniglot-hypershot-5way-5shot{shown}"


def test_new_runs_have_the_correction_that_holds_at_any_number_of_ways():
    """Runs of earlier versions keep their names, and no new run gets the name of one of them."""
    old, new = "omniglot-hyperhidra-5way-5shot", config("--method=hyperhidra")
    assert new.correction == "midpoint"
    assert build.run_name(new) == f"{old}-correction=midpoint"
    asked = config("--method=hyperhidra", "--correction=step")
    assert (asked.correction, build.run_name(asked)) == ("step", old)


def test_an_earlier_run_goes_on_with_the_correction_that_it_has(tmp_path):
    written = dataclasses.asdict(config("--method=hyperhidra", "--correction=step"))
    del written["correction"]
    (tmp_path / "config.json").write_text(json.dumps(written))
    # A run that holds nothing would begin anew.
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "test.json").touch()
    assert config(f"--run_dir={tmp_path}", "--steps=70000").correction == "step"
    with pytest.raises(UserError, match="--correction is step, received midpoint"):
        config(f"--run_dir={tmp_path}", "--correction=midpoint")


def test_a_switch_is_part_of_the_name():
    ours = config("--method=hypermaml", "--switch=51,550")
    assert ours.switch == (51, 550)
    assert build.run_name(ours) == "omniglot-hypermaml-5way-5shot-switch=51,550"


def test_other_settings_make_another_name():
    first = build.run_name(config())
    assert first == "omniglot-hidra-5way-5shot"
    names = {
        build.run_name(config(flag))
        for flag in ("--seed=1", "--norm=affine", "--train_ways=2-10", "--steps=7", "--noinvert")
    }
    assert len(names | {first}) == 6


def test_names_stay_within_what_file_systems_take():
    many = ",".join(str(ways) for ways in range(2, 300, 2))
    made = {build.run_name(config(f"--train_ways={many}{end}")) for end in ("", ",301")}
    assert len(made) == 2
    assert all(len(name) <= names.LONGEST_NAME for name in made)


def test_a_method_may_have_defaults_of_its_own():
    assert config().meta_lr == 1e-3
    reptile = config("--method=reptile")
    assert (reptile.inner_steps, reptile.meta_lr, reptile.meta_batch) == (5, 1.0, 32)
    assert build.run_name(reptile) == "omniglot-reptile-5way-5shot"
    assert config("--method=reptile", "--meta_lr=0.5").meta_lr == 0.5


def test_a_method_may_have_defaults_of_its_own_on_drawings():
    drawings = config("--method=fomaml", "--dataset=glyphs")
    assert (drawings.inner_steps, drawings.inner_lr) == (5, 0.1)
    photographs = config("--method=fomaml", "--dataset=mini_imagenet")
    assert (photographs.inner_steps, photographs.inner_lr) == (5, 0.01)


@pytest.mark.parametrize(
    ("arguments", "rate"),
    [
        (("--method=reptile", "--meta_optimizer=sgd"), 1.0),
        (("--method=reptile", "--meta_optimizer=adam"), 1e-3),
        (("--method=reptile", "--meta_optimizer=adam", "--meta_lr=0.5"), 0.5),
        (("--method=hidra", "--meta_optimizer=sgd"), 1e-3),
    ],
)
def test_a_methods_own_rate_is_for_its_own_optimizer(arguments, rate):
    ours = config(*arguments)
    assert ours.meta_lr == rate
    assert ("-meta_lr=" in build.run_name(ours)) == ("--meta_lr=0.5" in arguments)


def test_milestones_may_be_large_and_stand_in_the_name():
    ours = config("--meta_lr_schedule=multistep", "--milestones=20000,40000")
    assert ours.milestones == (20000, 40000)
    assert build.run_name(ours).endswith("-meta_lr_schedule=multistep-milestones=20000,40000")


def test_the_run_to_begin_from_is_named_absolutely(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ours = config("--pretrained=runs/one")
    assert ours.pretrained == str(tmp_path / "runs" / "one")
    assert "/" not in build.run_name(ours)
    assert build.run_name(ours) != build.run_name(config("--pretrained=other/one"))


def test_bookkeeping_does_not_change_the_name():
    assert build.run_name(
        config("--data_dir=/x", "--checkpoint_every=5", "--pictures=host")
    ) == build.run_name(config())


def test_run_dir_wins_over_the_name():
    parse("--run_dir=/tmp/elsewhere", "--dataset=omniglot")
    assert build.run_dir(build.config()) == Path("/tmp/elsewhere")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (
            "--dataset=mini_imagenet --backbone=resnet12 --filters=32 --seed=3 --norm=affine "
            "--query_shots=3",
            "mini_imagenet-hidra-5way-5shot-query_shots=3-filters=32-backbone=resnet12-norm=affine"
            "-seed=3",
        ),
        (
            "--method=hypermaml --switch=51,550 --meta_lr_schedule=multistep --milestones=51,550 "
            "--meta_batch=4 --steps=1000 --eval_dataset=emnist --shots=1 --noenhancement",
            "omniglot-hypermaml-5way-1shot-meta_batch=4-steps=1000-enhancement=False-switch=51,550"
            "-eval_dataset=emnist-meta_lr_schedule=multistep-milestones=51,550",
        ),
        (
            "--method=anil --head=zero --loss=sigmoid --weight_decay=0.1 --rotations "
            "--train_on_validation --image_size=20x30 --channels=3 --noinvert --clip_norm=0 "
            "--log_every=7 --val_tasks=9 --meta_optimizer=sgd --recompute",
            "omniglot-anil-5way-5shot-head=zero-loss=sigmoid-recompute=True-clip_norm=0.0"
            "-invert=False-train_on_validation=True-log_every=7-val_tasks=-140fb9219c81",
        ),
        (
            "--dataset=folder --data_dir=/a/x --split_seed=3 --adapt_norm --inner_steps=2 "
            "--inner_lr=0.5",
            "folder-hidra-5way-5shot-inner_steps=2-inner_lr=0.5-adapt_norm=True-split_seed=3"
            "-data_dir=x-303887",
        ),
    ],
)
def test_runs_of_earlier_versions_keep_their_names(arguments, name):
    assert build.run_name(config(*arguments.split())) == name


def test_a_folder_of_any_bytes_makes_a_name():
    assert build.run_name(config("--dataset=folder", "--data_dir=/a/\udcff")).startswith("folder-")


def test_eval_only_finds_the_run_by_the_training_flags():
    parse("--eval_only", "--seed=3")
    assert build.existing_run_dir() == Path("runs/omniglot-hidra-5way-5shot-seed=3")


def test_eval_only_on_other_data_prefers_a_run_that_was_trained_for_it(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "RUNS", tmp_path)
    parse("--eval_only", "--eval_dataset=emnist")
    assert build.existing_run_dir() == tmp_path / "omniglot-hidra-5way-5shot"
    across = tmp_path / "omniglot-hidra-5way-5shot-eval_dataset=emnist"
    across.mkdir()
    assert build.existing_run_dir() == across


def test_eval_only_refuses_training_flags_that_the_run_was_not_trained_with(tmp_path):
    stored = Config(
        **{**DEFAULTS["glyphs"], "dataset": "glyphs", "method": "hidra"}, train_ways=(5,)
    )
    (tmp_path / "config.json").write_text(stored.to_json())
    parse("--eval_only", f"--run_dir={tmp_path}", "--shots=5", "--eval_dataset=emnist")
    assert build.existing_run_dir() == tmp_path
    parse("--eval_only", f"--run_dir={tmp_path}", "--shots=1", "--train_ways=2-10")
    with pytest.raises(UserError, match=r"--train_ways is 5, received 2-10; --shots is 5, rec"):
        build.existing_run_dir()


def stored(path, **changes):
    """A run's folder with these settings."""
    fields = {**DEFAULTS["glyphs"], "dataset": "glyphs", "method": "hidra", "train_ways": (5,)}
    made = Config(**{**fields, **changes})
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(made.to_json())
    (path / "checkpoints").mkdir(exist_ok=True)
    (path / "checkpoints" / "ckpt-1.index").touch()
    return made


def test_a_run_that_holds_nothing_yet_is_started_over_by_other_flags(tmp_path):
    existing = stored(tmp_path, seed=3, steps=20)
    (tmp_path / "checkpoints" / "ckpt-1.index").unlink()
    assert config(f"--run_dir={tmp_path}") == existing
    for other in ("--seed=4", "--steps=10"):
        fresh = config(f"--run_dir={tmp_path}", other)
        assert fresh.dataset == "omniglot"
        assert other in (f"--seed={fresh.seed}", f"--steps={fresh.steps}")
        forget_flags()


def test_run_dir_alone_continues_with_the_runs_own_settings(tmp_path):
    existing = stored(tmp_path, seed=3, norm="affine", filters=7, data_dir="/some/where")
    assert config(f"--run_dir={tmp_path}") == existing
    assert config(f"--run_dir={tmp_path}", "--seed=3", "--filters=7") == existing
    assert config(f"--run_dir={tmp_path}", "--checkpoint_every=9").checkpoint_every == 9
    with pytest.raises(
        UserError, match="--method is hidra, received maml; --seed is 3, received 4"
    ):
        config(f"--run_dir={tmp_path}", "--seed=4", "--method=maml")
    forget_flags()
    with pytest.raises(UserError, match=r"new to continue, found none; to train .*`dataset`"):
        config(f"--run_dir={tmp_path / 'new'}")
    forget_flags()
    fresh = config(f"--run_dir={tmp_path / 'new'}", "--dataset=glyphs")
    assert (fresh.dataset, fresh.seed) == ("glyphs", 0)


def test_steps_may_grow_where_the_learning_rate_does_not_depend_on_them(tmp_path):
    stored(tmp_path, steps=20)
    assert config(f"--run_dir={tmp_path}", "--steps=40").steps == 40
    with pytest.raises(UserError, match=r"^steps: expected at least 20, .*received 10"):
        config(f"--run_dir={tmp_path}", "--steps=10")
    stored(tmp_path, steps=20, meta_lr_schedule="multistep", milestones=(5,))
    assert config(f"--run_dir={tmp_path}", "--steps=40").steps == 40
    stored(tmp_path, steps=20, meta_lr_schedule="cosine")
    with pytest.raises(UserError, match=r"^steps: expected 20, .*40, but with .*=cosine.*depends"):
        config(f"--run_dir={tmp_path}", "--steps=40")


def test_an_evaluation_finds_the_pictures_where_the_run_had_them_or_where_it_is_told(
    tmp_path, monkeypatch
):
    own = tmp_path / "own"
    own.mkdir()
    run = tmp_path / "run"
    stored(run, dataset="cub", data_dir=str(own))
    parse("--eval_only", f"--run_dir={run}")
    assert build.data_dir_of(run) == str(own)
    monkeypatch.setenv("DATA_DIR", "/moved")
    assert build.data_dir_of(run) == str(own)
    own.rmdir()
    assert build.data_dir_of(run) == "/moved"
    parse("--data_dir=/told")
    assert build.data_dir_of(run) == "/told"


CODE = "antigravity:fly"


@pytest.mark.parametrize("mode", [["--eval_only"], []])
def test_a_run_that_names_code_is_refused_unless_it_is_asked_for(tmp_path, mode):
    stored(tmp_path, backbone=CODE)
    use = build.existing_run_dir if mode else build.config
    for more in ([], ["--seed=0"]):
        parse(*mode, f"--run_dir={tmp_path}", *more)
        with pytest.raises(UserError, match=f"names code .*`backbone={CODE}` .*or `trust_run`"):
            use()
        forget_flags()
    for asked in (f"--backbone={CODE}", "--trust_run"):
        parse(*mode, f"--run_dir={tmp_path}", asked)
        use()
        forget_flags()
    parse(*mode, f"--run_dir={tmp_path}", "--backbone=other:fly")
    with pytest.raises(UserError, match=f"--backbone is {CODE}, received other:fly"):
        use()
    assert "antigravity" not in sys.modules


def test_a_run_to_begin_from_that_names_code_is_refused_unless_it_is_asked_for(tmp_path):
    stored(tmp_path, backbone=CODE)
    with pytest.raises(UserError, match=f"{tmp_path} names code .*`backbone={CODE}`"):
        config(f"--pretrained={tmp_path}")
    assert config(f"--pretrained={tmp_path}", f"--backbone={CODE}").backbone == CODE
    forget_flags()
    assert config(f"--pretrained={tmp_path}", "--trust_run").backbone == "conv4"
    forget_flags()
    outer = tmp_path / "outer"
    stored(outer, pretrained=str(tmp_path))
    with pytest.raises(UserError, match=f"{tmp_path} names code"):
        config(f"--run_dir={outer}")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "arguments",
    [
        ["--eval_split=train", "--eval_dataset=cub"],
        ["--eval_data_dir=/x"],
        ["--eval_split=train", "--eval_dataset=cub", "--eval_data_dir=/x"],
        ["--checkpoint_every=7"],
        ["--data_dir=/x"],
        ["--eval_data_dir=/x", "--eval_dataset=glyphs"],
    ],
    ids=" ".join,
)
def test_what_has_no_effect_on_an_evaluation_is_refused(tmp_path, arguments):
    stored(tmp_path)
    parse("--eval_only", f"--run_dir={tmp_path}", *arguments)
    first = next(a for a in arguments if not a.startswith("--eval_split"))
    with pytest.raises(UserError, match=first.split("=")[0].strip("-")):
        build.existing_run_dir()


def test_a_flag_that_names_the_run_is_taken_in_an_evaluation(tmp_path):
    stored(tmp_path, eval_dataset="cub", checkpoint_every=7, log_every=9)
    parse(
        "--eval_only", f"--run_dir={tmp_path}", "--eval_split=train", "--eval_dataset=cub",
        "--checkpoint_every=7", "--log_every=9",
    )  # fmt: skip
    assert build.existing_run_dir() == tmp_path


@pytest.mark.parametrize(
    "argument",
    [
        "--dataset=mnist",
        "--method=magic",
        "--train_ways=1",
        "--steps=0",
        "--nonsense",
        "word",
        "--norm=batch",
        "--inner_lr=fast",
        "--eval_ways=5-2",
        "--eval_tasks=0",
        "--shots=0",
        "--image_size=0",
        "--image_size=84x",
        "--image_size=large",
        "--eval_dataset=mnist",
        "--switch=51",
        "--hyper_layers=0",
        "--pictures=disk",
        "--split_seed=-1",
        "--split_seed=x",
        "--meta_batch=10000000000",
        "--steps=1000000000000",
        "--eval_tasks=1000000000000",
        "--filters=4294967296",
        "--milestones=1-999999999",
        "--train_ways=99999999999",
    ],
)
def test_a_wrong_flag_is_one_line_and_exit_code_2(argument, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(argument)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert argument.lstrip("-").split("=")[0] in error


def test_a_flagfile_that_cannot_be_read_is_one_line_and_exit_code_2(tmp_path, capsys):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name, begins in {
        "missing": "error: Unable to open flagfile: ",
        ".": "error: Unable to open flagfile: ",
        "bytes": "error: expected a --flagfile of text",
    }.items():
        with pytest.raises(SystemExit) as caught:
            parse(f"--flagfile={tmp_path / name}")
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(begins)
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    "argument",
    [
        "--backbone=resnet",
        "--drop_block=1",
        "--inner_lr=0",
        "--meta_lr=-1",
        "--clip_norm=-1",
        "--weight_decay=-1",
        "--inner_lr=nan",
        "--channels=2",
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(argument):
    with pytest.raises(UserError, match=argument[2:].split("=")[0]):
        config(argument)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--method=protonet", "--inner_steps=1"], "inner_steps"),
        (["--method=maml", "--hyper_width=256"], "hyper_width"),
        (["--method=maml", "--noenhancement"], "enhancement"),
        (["--dataset=cub", "--noinvert"], "invert"),
        (["--dataset=cub", "--split_seed=1"], "split_seed"),
        (["--dataset=cub", "--flagfile={preset}"], "invert"),
        (["--eval_only", "--gamma=0.1"], "gamma"),
    ],
)
def test_a_flag_that_was_given_and_has_no_effect_is_refused(arguments, name, tmp_path):
    preset = tmp_path / "strokes.flags"
    preset.write_text("--noinvert\n")
    parse(*(argument.format(preset=preset) for argument in arguments))
    with pytest.raises(UserError, match=f"^{name}: "):
        build.existing_run_dir() if absl_flags.FLAGS.eval_only else build.config()


def test_defaults_that_have_no_effect_are_no_flags_that_were_given():
    assert config("--method=protonet", "--dataset=mini_imagenet").inner_steps == 5


def test_maml_takes_one_number_of_ways():
    with pytest.raises(UserError, match=r"2-10.*hidra"):
        config("--method=maml", "--train_ways=2-10")


def test_help_shows_every_flag_in_a_group_and_imports_no_tensorflow():
    code = "import sys; sys.argv = ['main.py', '--help']; import runpy\n"
    code += "try:\n runpy.run_path('main.py', run_name='__main__')\n"
    code += "except SystemExit as stop:\n assert not stop.code\n"
    code += "assert 'tensorflow' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for group in parsing.GROUPS:
        assert f"\n{group.TITLE}\n" in done.stdout
    defined = (
        "dataset data_dir method train_ways shots query_shots meta_batch steps inner_steps "
        "inner_lr meta_lr norm first_order seed run_dir log_every checkpoint_every eval_only "
        "eval_ways eval_steps eval_tasks eval_split eval_dataset eval_data_dir image_size channels "
        "head loss pretrained rotations meta_optimizer milestones multi_step_loss learn_inner_lr "
        "backbone drop_block pictures split_seed"
    )
    for name in defined.split():
        assert f"--{name}:" in done.stdout or f"--[no]{name}:" in done.stdout, name
    assert "default 32 for omniglot, emnist; 4 for" in " ".join(done.stdout.split())


def forget_flags():
    for name in list(absl_flags.FLAGS):
        absl_flags.FLAGS[name].unparse()


def opening(preset):
    """The comment that a preset begins with, as one line."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), preset.read_text().splitlines())
    return " ".join(" ".join(lines).replace("#", " ").split())


def test_preset_files_parse():
    presets = sorted(ROOT.glob("flags/**/*.flags"))
    runs = set()
    for preset in presets:
        ours = config(f"--flagfile={preset}")
        build.eval_request()
        runs.add(build.run_name(ours))
        first = preset.read_text().splitlines()[0]
        assert first.startswith(f"# python main.py --flagfile={preset.relative_to(ROOT)}")
        forget_flags()
    assert len(runs) == len(presets) > 1


@pytest.mark.parametrize("preset", PAPER, ids=lambda preset: preset.stem)
def test_a_papers_preset_says_what_it_repeats(preset):
    text = opening(preset)
    assert text.startswith(f"python main.py --flagfile={preset.relative_to(ROOT)} --data_dir=DIR ")
    assert re.search(
        r"(HIDRA|HyperMAML) paper, "
        r"(Tables? \d.* rows? \w|Figures? \d.* curves? of \w|appendix E.2, the pre-training)",
        text,
    )
    assert re.search(r"\d %", text), "the accuracy to expect"
    assert re.search(r"about \d+ (minute|hour)s?\b", text), "the time it takes"


def test_presets_of_the_hypermaml_paper_say_what_is_known_of_the_spread_of_their_rows():
    told = re.compile(r"± is (no|the) 95 % interval|this is no 95 % interval|what its ± is")
    rows = [p for p in PAPER if "HyperMAML paper, Table" in opening(p) and "±" in opening(p)]
    assert len(rows) > 40
    assert not [preset.stem for preset in rows if not told.search(opening(preset))]


@pytest.mark.parametrize("preset", PAPER, ids=lambda preset: preset.stem)
def test_the_flags_of_a_papers_preset_fit_together(preset):
    ours = config(f"--flagfile={preset}")
    assert f"_{ours.method}" in preset.stem or preset.stem.endswith("_pretraining")
    assert preset.stem.startswith(f"{ours.dataset}_{ours.eval_dataset or ''}".rstrip("_"))
    shots = re.search(r"_(\d)shot(_table\d)?$", preset.stem)
    assert shots is None or int(shots[1]) == ours.shots
    # A drawer drew each character once.
    assert ours.dataset != "omniglot" or ours.shots + ours.query_shots <= 20
    for update in (*ours.milestones, *(ours.switch or ()), ours.multi_step_loss):
        assert update < ours.steps
    if "HyperMAML paper" in opening(preset):
        assert (ours.train_ways if ours.is_fixed_way else build.eval_request().ways) == (5,)
    without_effect = {
        "random": "train_ways meta_batch steps inner_steps meta_lr train_on_validation",
        **dict.fromkeys(
            ("protonet", "matching_net", "relation_net", "hypershot", "r2d2"),
            "inner_steps inner_lr eval_steps batch_size",
        ),
        "finetune": "meta_batch",
        "baseline_pp": "meta_batch",
    }
    for name in without_effect.get(ours.method, "batch_size").split():
        assert not absl_flags.FLAGS[name].present, name


def test_the_runs_that_presets_begin_from_are_those_of_presets():
    trained, begun = {}, {}
    for preset in PAPER:
        ours = config(f"--flagfile={preset}")
        if absl_flags.FLAGS.run_dir:
            trained[os.path.abspath(absl_flags.FLAGS.run_dir)] = (preset, ours)
        if ours.pretrained:
            begun[preset] = ours
        forget_flags()
    assert begun
    for preset, ours in begun.items():
        source, theirs = trained[ours.pretrained]
        assert f"after {source.relative_to(ROOT)}, " in opening(preset)
        same = ("dataset", "backbone", "filters", "image_size", "channels", "standardize")
        for name in same:
            assert getattr(ours, name) == getattr(theirs, name), (preset.stem, name)
        # Two names for one network: what one keeps in training for tests, the other does without.
        assert {ours.norm, theirs.norm} <= {"running", "transductive"}, preset.stem


def test_the_checkpoint_of_an_evaluation():
    parse()
    assert build.eval_request().checkpoint is None
    for given in ("best", "last", "ensemble", "80"):
        parse(f"--checkpoint={given}")
        assert build.eval_request().checkpoint == given
    for given in ("worst", "-1", "8.5", "٣"):
        parse(f"--checkpoint={given}")
        with pytest.raises(UserError, match="checkpoint: expected best, last, ensemble or a step"):
            build.eval_request()


def test_each_seed_has_a_run_of_its_own_in_one_folder(tmp_path):
    parse("--dataset=glyphs", "--seeds=0-2")
    found = build.trainings()
    assert [config.seed for config, _ in found] == [0, 1, 2]
    parent = Path("runs/glyphs-hidra-5way-5shot-seeds")
    assert [path for _, path in found] == [parent / f"seed{seed}" for seed in range(3)]
    parse("--dataset=glyphs", "--seeds=1", f"--run_dir={tmp_path}")
    ((config, path),) = build.trainings()
    assert (config.seed, path) == (1, tmp_path / "seed1")
    for other in (0, 1):
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text(dataclasses.replace(config, seed=other).to_json())
        if other:
            assert build.trainings() == [(config, path)]
        else:
            (path / "results").mkdir()
            (path / "results/test.json").touch()
            with pytest.raises(UserError, match=r"^seeds: expected seed 1 for .* has seed 0"):
                build.trainings()
