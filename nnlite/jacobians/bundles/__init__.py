"""Bundles: the Jacobians of one output with respect to all inputs of an op, a layer or a program."""
