"""Layers that move, repeat, pad or crop entries."""
