"""Training steps whose parts compiled code carries out together."""
