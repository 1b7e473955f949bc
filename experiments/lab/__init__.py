"""What all studies of the papers share: budgets, presets, a store of runs, tables and files."""
