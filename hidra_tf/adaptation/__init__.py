"""Adaptation: how a backbone and a head learn a task from its support set."""
