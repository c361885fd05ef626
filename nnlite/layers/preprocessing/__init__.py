"""Layers that turn numbers, categories, text and images into what a network takes."""
