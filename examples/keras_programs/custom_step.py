"""A subclassed model with its own train_step: a denoising autoencoder with a penalty on its code."""

import numpy as np

import nnlite as keras
from nnlite import layers, ops

keras.utils.set_random_seed(7)
rng = np.random.default_rng(5)
data = (rng.normal(size=(400, 2)) @ rng.normal(size=(2, 8))).astype("float32")


def gradient_of(weight):
    """Where the gradient of a weight is after `loss.backward()`: here `weight.gradient`; under torch in the tensor."""
    return weight.gradient if hasattr(weight, "gradient") else weight.value.grad


class Denoiser(keras.Model):
    def __init__(self, code=2, penalty=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.encoder = keras.Sequential([layers.Dense(16, activation="tanh"), layers.Dense(code)])
        self.noise = layers.GaussianNoise(0.1)
        self.decoder = layers.Dense(8)
        self.penalty = penalty
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.code_tracker = keras.metrics.Mean(name="code")

    @property
    def metrics(self):
        return [self.loss_tracker, self.code_tracker]

    def call(self, inputs, training=False):
        return self.decoder(self.encoder(self.noise(inputs, training=training)))

    def train_step(self, data):
        x, y = data
        reconstruction = self(x, training=True)
        code = ops.mean(ops.square(self.encoder(x)))
        loss = self.compute_loss(x=x, y=y, y_pred=reconstruction) + self.penalty * code
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([gradient_of(weight) for weight in weights], weights)
        self.loss_tracker.update_state(loss)
        self.code_tracker.update_state(code)
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data):
        x, y = data
        self.loss_tracker.update_state(self.compute_loss(x=x, y=y, y_pred=self(x, training=False)))
        return {"loss": self.loss_tracker.result()}


model = Denoiser()
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
history = model.fit(data, data, epochs=30, batch_size=50, verbose=0, validation_data=(data, data))
print({name: round(float(values[-1]), 4) for name, values in history.history.items()})
assert set(history.history) == {"loss", "code", "val_loss"}
assert history.history["val_loss"][-1] < 0.15 * history.history["val_loss"][0]
assert model.predict(data, verbose=0).shape == (400, 8)
