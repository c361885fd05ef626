"""Judgement of a trained model: figures of each part beside a baseline, doubts, thresholds, intervals."""
