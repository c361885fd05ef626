"""Convolutions whose products read images in place: no patches are copied."""
