"""A functional model
==================

Two inputs, two outputs, and a layer that both inputs share.
"""

import numpy as np

from nnlite import Input, Model
from nnlite.layers import Concatenate, Dense, Subtract

# Two players, each with 4 skills. Who wins, and by how many points?
random = np.random.default_rng(0)
left, right = random.normal(size=(2, 2000, 4))
lead = (left - right) @ [3.0, 1.0, -2.0, 0.5] + random.normal(size=2000)
x = {"left": left, "right": right}
y = {"points": lead, "winner": (lead > 0).astype(int)}


def network(judge_left, judge_right):
    """Draw the graph by calling layers on inputs, and on what other layers gave."""
    one, two = Input((4,), name="left"), Input((4,), name="right")
    strengths = judge_left(one), judge_right(two)
    both = Concatenate()([*strengths, Subtract()(strengths)])
    hidden = Dense(16, activation="relu")(both)
    points = Dense(1, name="points")(hidden)
    winner = Dense(1, activation="sigmoid", name="winner")(hidden)
    model = Model([one, two], [points, winner], seed=0)
    losses = {"points": "mse", "winner": "binary_crossentropy"}
    model.compile({"Adam": {"learning_rate": 0.01}}, losses, {"winner": ["accuracy"]}, loss_weights={"winner": 2.0})
    return model


# The same layer twice: one set of weights for both players.
judge = Dense(8, activation="tanh", name="judge")
model = network(judge, judge)
model.fit(x, y, epochs=20, validation_split=0.2, verbose=0)
for name, value in model.evaluate(x, y, return_dict=True, verbose=0).items():
    print(f"{name:16} {value:.3f}")

# Its gradient is the sum over its uses, the total derivative: with a copy of the layer for each player, of the same
# weights, the two terms can be seen one by one.
apart = network(Dense(8, activation="tanh"), Dense(8, activation="tanh"))
weights = model.get_weights()
apart.set_weights([*weights[:2], *weights])

size = judge.count_params()
whole = model.gradient(x, y)[:size]
by_left, by_right = apart.gradient(x, y)[: 2 * size].reshape(2, size)
print(f"\ngradient of a weight: {whole[0]:.5f} = {by_left[0]:.5f} + {by_right[0]:.5f}")
print(f"largest difference of all {size}: {np.abs(by_left + by_right - whole).max():.0e}")
