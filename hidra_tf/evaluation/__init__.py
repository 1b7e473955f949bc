"""Evaluation: one checkpoint → accuracies with intervals; a library without files or terminal."""
