"""Explanations of predictions: what each column of a row contributes."""
