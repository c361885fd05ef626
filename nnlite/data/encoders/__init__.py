"""Encoders between the columns of a table and the arrays of a network."""
