"""Training steps that users write: what they call is recorded, and `loss.backward()` derives it."""
