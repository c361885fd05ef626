"""The quick way through a circuit: plans, their layout as matrix products, sweeps up and down."""
