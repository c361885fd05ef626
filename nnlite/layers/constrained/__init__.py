"""Layers whose outputs satisfy constraints for any values of their parameters."""
