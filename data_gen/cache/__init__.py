"""Arrays that are slow to make, kept on disk with checksums.

`cached` gives kept arrays or makes and keeps them. `python -m data_gen.cache` lists what is kept
and cleans it.
"""

from data_gen.cache.arrays import Blocks
from data_gen.cache.entries import Arrays, cached, folder

__all__ = ["Arrays", "Blocks", "cached", "folder"]
