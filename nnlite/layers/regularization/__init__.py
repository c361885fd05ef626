"""Layers that are active only in training: dropout, noise, activity penalties."""
