"""Command-line flags: defined by concern, parsed, and made into a configuration."""
