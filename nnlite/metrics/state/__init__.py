"""The arrays that metrics gather."""
