"""User-defined training steps: their computations are recorded, and `loss.backward()` differentiates them."""
