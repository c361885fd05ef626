"""Layers whose outputs are bound to behave, whatever training makes of their parameters."""
