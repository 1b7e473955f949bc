"""Heads: the output neurons of a task, and the networks that update them."""
