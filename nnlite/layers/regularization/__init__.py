"""Layers that act in training alone: dropout, noise, penalties on activities."""
