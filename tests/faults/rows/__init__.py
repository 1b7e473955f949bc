"""The rows of the table by theme."""
