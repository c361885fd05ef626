"""Bayesian networks: what they are made of, their files, rows of evidence, orders and structures."""
