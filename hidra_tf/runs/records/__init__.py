"""What a run keeps and shows of its measurements: results, tables, charts, curves."""
