"""A run's folder must not name code that runs unasked."""

from __future__ import annotations

from pathlib import Path

from data_gen.errors import UserError
from hidra_tf.runs.config import MethodSettings


def check_trusted(run: MethodSettings, path: Path, named: str | None) -> None:
    """Refuses a run whose backbone is a function that the user did not name.

    Folders of runs are passed on between people, and importing a module runs its code.

    Args:
        run: the settings that the run's folder holds.
        path: the run's folder.
        named: the backbone that the user named, if any.

    Raises:
        UserError: if the run names a function outside this project, and the user another or none.
    """
    if run.names_code and run.backbone != named:
        raise UserError(
            f"{path} names code of its own as its backbone; expected `backbone={run.backbone}` "
            f"given again, or `trust_run`, to run it; received {named or 'neither'}"
        )
