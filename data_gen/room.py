"""Whether pictures will fit on this machine: asked before hours are spent on making them."""

import os
import shutil
from pathlib import Path

from data_gen.errors import UserError


def check_fits(
    what: str, pictures: int, shape: tuple[int, int, int], *, copies: int = 1, disk: Path | None
) -> None:
    """Refuses pictures for which there is no room.

    Args:
        what: how the message calls the pictures.
        pictures: their number.
        shape: height, width and channels of one, each value of 1 byte.
        copies: how many times memory holds them while they are made.
        disk: the folder that may keep them instead, existing or not; None if only memory can.

    Raises:
        UserError: if they are larger than the memory that is available and, with `disk`, also
            larger than the free space there. Where the machine does not say, there is room.
    """
    height, width, channels = shape
    need = pictures * height * width * channels
    memory, space = _free_memory(), None if disk is None else _free_space(disk)
    too_large = memory is not None and need * copies > memory
    if not too_large or (disk is not None and (space is None or need <= space)):
        return
    rooms = f"{in_bytes(memory)} of memory available"
    if disk is not None:
        rooms += f" and {in_bytes(space)} free in {disk}"
    raise UserError(
        f"{what}: expected pictures for which there is room, {rooms}; received {pictures} "
        f"of {height} × {width} × {channels}, which take {in_bytes(need * copies)}; "
        "choose a smaller `image_size`"
    )


def in_bytes(number: int) -> str:
    """A number of bytes as people write it, such as "1.3 GB"."""
    amount, units = float(number), ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while amount >= 999.95 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"


def _free_memory() -> int | None:
    """Bytes that programs may still take without swapping; None where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _free_space(folder: Path) -> int | None:
    """Bytes that are free where `folder` is, or will be; None where nobody says."""
    existing = next((place for place in (folder, *folder.parents) if place.is_dir()), Path())
    try:
        return shutil.disk_usage(existing).free
    except OSError:
        return None
