"""Runs: what a training or an evaluation leaves on disk and shows; what main.py calls."""
