"""Bayesian networks: their representation, files, evidence, elimination orders and structures."""
