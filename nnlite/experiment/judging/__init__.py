"""Evaluation of a trained model: metrics of each part next to a baseline, warnings, thresholds, intervals."""
