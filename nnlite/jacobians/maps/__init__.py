"""Structured maps: the derivative of one output with respect to one input."""
