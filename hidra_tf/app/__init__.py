"""A page in the browser: name classes, draw or upload a few pictures of each, and see answers."""
