"""Training steps whose parts run together in compiled code."""
