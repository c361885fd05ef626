"""Attention, and positional encodings."""
