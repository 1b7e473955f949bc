"""Checkpoints: written whole or not at all, read again, and chosen for an evaluation."""
