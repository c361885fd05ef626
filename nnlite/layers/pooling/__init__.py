"""Pooling over windows, over all positions, and into a fixed number of bins."""
