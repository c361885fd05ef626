"""A fast pass through a circuit: plans, their layout as matrix products, passes up and down."""
