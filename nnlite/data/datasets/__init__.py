"""Batches read from folders of files, or cut from one long series."""
