"""Layers that change images: their size, colors and places, most of them at random while training."""
