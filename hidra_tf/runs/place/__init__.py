"""Where a run lives: its folder, the lock on it, and what tells its pictures from others."""
