"""How good a trained model is: figures of each part beside a baseline, doubts, thresholds, intervals."""
