"""A functional model with two inputs and two outputs: a price, and a class, of things with numbers and a category."""

import numpy as np

import nnlite as keras
from nnlite import layers, ops

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
numbers = rng.normal(size=(400, 3)).astype("float32")
kinds = rng.integers(0, 5, (400, 1))
price = numbers @ np.array([[1.0], [-2.0], [0.5]]) + kinds
expensive = (price > 2).astype("float32")

number_input = keras.Input(shape=(3,), name="numbers")
kind_input = keras.Input(shape=(1,), dtype="int32", name="kind")
embedded = layers.Flatten()(layers.Embedding(5, 4)(kind_input))
hidden = layers.Concatenate()([layers.Dense(16, activation="relu")(number_input), embedded])
hidden = hidden + layers.Dense(20, activation="tanh")(hidden)
hidden = layers.Dense(16, activation="relu")(hidden)
scale = ops.exp(-ops.square(hidden[:, :4]))
features = ops.concatenate([hidden, scale], axis=-1)
price_output = layers.Dense(1, name="price")(features)
class_output = layers.Dense(1, activation="sigmoid", name="expensive")(features)
model = keras.Model(inputs=[number_input, kind_input], outputs=[price_output, class_output])

model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss={"price": "mse", "expensive": "binary_crossentropy"},
    loss_weights={"price": 1.0, "expensive": 0.5},
    metrics={"expensive": ["accuracy"]},
)
history = model.fit(
    {"numbers": numbers, "kind": kinds},
    {"price": price, "expensive": expensive},
    epochs=20,
    batch_size=40,
    verbose=0,
)
results = model.evaluate(
    {"numbers": numbers, "kind": kinds}, {"price": price, "expensive": expensive}, verbose=0, return_dict=True
)
print({name: round(float(value), 3) for name, value in results.items()})
assert results["expensive_accuracy"] > 0.9
assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]
prices, chances = model.predict([numbers, kinds], verbose=0)
assert prices.shape == chances.shape == (400, 1)
