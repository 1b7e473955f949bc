"""Training: the compiled meta-update and what it needs; a library without files or terminal."""
