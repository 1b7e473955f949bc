"""Names of folders that TensorFlow can take: it knows UTF-8 only, where file systems know bytes."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path


def for_tensorflow(path: Path) -> Path:
    """The path itself if it is UTF-8, else a link to it in a temporary folder that has such a name.

    Args:
        path: a folder, which is made if it is missing and needs a link.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        path.mkdir(parents=True, exist_ok=True)
        return _link_to(path.resolve())
    return path


@functools.cache
def _link_to(path: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hidra-"))
    # What is removed at the end is the link, not what it points to.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = folder / "run"
    link.symlink_to(path, target_is_directory=True)
    return link
