"""Convolutions whose products read images where they lie: no patches are copied."""
