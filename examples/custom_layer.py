"""A custom layer
==============

Write its output and its derivatives; everything else comes with the base class.
"""

import tempfile
from pathlib import Path

import numpy as np

from nnlite import Sequential, load_model
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import Dense, Layer
from nnlite.registry.bounds import Positive


class Snake(Layer):
    """outputs = inputs + sin(a * inputs) ** 2 / a, with a learned frequency a per feature (arXiv:2006.08195)."""

    frequency: Positive = 1.0  # a field: argument, saved setting and check in one

    def build(self, input_shape):
        self.a = self.add_weight(input_shape[-1:], {"Constant": {"value": self.frequency}}, name="a")

    def linearize(self, inputs, a):
        sine = np.sin(a * inputs)
        slope = np.sin(2 * a * inputs)
        # One Jacobian per argument. Each output depends on its own input alone: the Jacobians are diagonal.
        by_inputs = Diagonal(1 + slope, inputs.shape, inputs.shape)
        by_a = Diagonal(inputs * slope / a - (sine / a) ** 2, a.shape, inputs.shape)
        return inputs + sine**2 / a, Jacobians(by_inputs, by_a)


# Is the derivative right? Compare it with a difference quotient.
layer, x, step = Snake(dtype="float64"), np.array([[0.3, -2.0]]), 1e-6
layer.forward(x)
quotient = (layer(x + step) - layer(x - step)) / (2 * step)
assert np.allclose(layer.backward(1)[0], quotient)

# Waves that go on: what is learned on [-4, 4] holds on [4, 6] too, where a ReLU network is off by more than 3.
generator = np.random.default_rng(0)
x = generator.uniform(-4, 4, (500, 1))
y = np.sin(2 * x) + x / 2 + generator.normal(0, 0.05, x.shape)
model = Sequential([Dense(32), Snake(frequency=5.0), Dense(1)], seed=0)
model.compile(optimizer={"Adam": {"learning_rate": 0.01}}, loss="mse")
losses = model.fit(x, y, epochs=100, verbose=0).history["loss"]
print(f"mean squared error {losses[0]:.3f} after the first epoch, {losses[-1]:.4f} after {len(losses)}")

# The file names the layer "Snake": its class must be imported where the model is loaded, as it is here.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "waves.safetensors"
    model.save(path)
    again = load_model(path)
print("loaded again:", again.layers[1])

beyond = np.linspace(4, 6, 50)[:, None]
predicted = again.predict(beyond, verbose=0)
assert np.array_equal(predicted, model.predict(beyond, verbose=0))
error = predicted - (np.sin(2 * beyond) + beyond / 2)
print(f"typical error beyond the data: {np.sqrt(np.mean(error**2)):.2f}")
