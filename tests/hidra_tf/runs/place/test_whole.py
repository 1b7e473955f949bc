"""A new file or folder is whole or not there."""

import pytest

from data_gen.errors import UserError
from hidra_tf.runs.place.whole import check_new, new_folder, whole, written


def test_it_is_there_after_the_block_and_not_before(tmp_path):
    target = tmp_path / "a" / "b"
    with new_folder(target) as folder:
        (folder / "file").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["b"]
    assert (target / "file").read_text() == "x"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_nothing_and_no_folder_that_it_made(tmp_path, error):
    (tmp_path / "a").mkdir()
    with pytest.raises(error), new_folder(tmp_path / "a" / "b" / "c") as folder:
        (folder / "file").write_text("x")
        raise error
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]


def test_an_empty_folder_may_be_there_where_that_is_said(tmp_path):
    check_new(tmp_path, "output_dir", or_empty=True)
    with new_folder(tmp_path / "a") as folder, new_folder(tmp_path / "b"):
        (folder / "file").write_text("x")
    with pytest.raises(UserError, match=r"^save: expected a new folder, found a folder"):
        check_new(tmp_path / "b", "save")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("a", "link", "a/file"):
        with pytest.raises(UserError, match=r"^output_dir: expected a new or empty folder, found"):
            check_new(tmp_path / name, "output_dir", or_empty=True)


def test_a_name_that_no_file_system_takes_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^save: expected a place for a folder"):
        check_new(tmp_path / ("x" * 300), "save")


def test_an_empty_folder_is_replaced_and_a_file_takes_the_place_of_none(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="expected a new file, found a folder without files at"):
        check_new(tmp_path / "empty", "file", kind="file")
    with written(tmp_path / "empty", "folder", or_empty=True) as path:
        path.mkdir()
        (path / "one").write_text("1")
    with written(tmp_path / "new", "file", kind="file") as path:
        path.write_text("2")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["empty", "new", "one"]


def test_a_link_to_an_empty_folder_is_not_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(UserError, match="expected a new or empty folder, found a link at "):
        check_new(tmp_path / "link", "output_dir", or_empty=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_is_stopped_half_way_leaves_nothing(tmp_path, error):
    known = UserError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(known), written(tmp_path / "new" / "model", "folder") as path:
        path.mkdir()
        (path / "half").write_text("half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(UserError, match=r"^expected to write to .*file/a/b; received"),
        whole(tmp_path / "file" / "a" / "b"),
    ):
        pass
