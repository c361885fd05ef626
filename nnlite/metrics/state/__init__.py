"""The arrays that metrics accumulate."""
