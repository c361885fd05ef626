"""Layers that turn numbers, categories and text into what a network takes."""
