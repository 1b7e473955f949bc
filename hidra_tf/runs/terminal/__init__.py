"""What a person meets at the terminal: progress, signals, refusals, any locale."""
