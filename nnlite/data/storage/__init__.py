"""Data larger than memory: read in chunks, encoded into files, and taken from these in batches."""
