"""Explanations of predictions: the contribution of each column of a row."""
