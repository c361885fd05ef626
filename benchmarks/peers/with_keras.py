"""Keras on JAX."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
from keras import layers

from benchmarks.parts import Block
from benchmarks.peers.base import Peer
from benchmarks.peers.keras_names import fit_until, keras_layer


class Keras(Peer):
    """A functional model, trained by `train_on_batch`; prediction is `predict_on_batch`."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        inputs = outputs = keras.Input(case.shape, dtype="int32" if case.vocabulary else "float32")
        made = []
        for part, shape in zip(case.parts, case.shapes, strict=False):
            own, outputs = _applied(part, shape[-1], outputs)
            made += own
        self.model = keras.Model(inputs, outputs)
        weights = iter([weight for own in case.weights() for weight in own])
        for layer in made:
            layer.set_weights([next(weights) for _ in layer.weights])
        losses = {"mse": "mse", "crossentropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
        self.model.compile(keras.optimizers.Adam(), losses[case.loss])
        self.step = self.model.train_on_batch
        self.predict = self.model.predict_on_batch

    def exact_loss(self, x, y):
        self.model.reset_metrics()  # the loss that comes back is a mean over batches
        return float(self.step(x, y))

    def wait(self, result):
        return jax.block_until_ready(result)

    def train(self, x, y, batch, epochs, generator):
        self.model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    def train_until(self, wanted, x, y, held_x, held_y, epochs):
        return fit_until(self.model, keras.callbacks, wanted, (x, y), (held_x, held_y), self.case.batch, epochs)

    def save(self, folder):
        self.model.save(folder / "model.keras")


def _applied(part, width, inputs):
    """The layers of a part, and what they make of the inputs."""
    if isinstance(part, Block):
        return _block(part, width, inputs)
    layer = keras_layer(part, layers)
    return [layer], layer(inputs)


def _block(part, width, inputs):
    attention = layers.MultiHeadAttention(part.heads, width // part.heads)
    first, second = layers.LayerNormalization(), layers.LayerNormalization()
    hidden, last = layers.Dense(part.hidden, activation="relu"), layers.Dense(width)
    between = first(inputs + attention(inputs, inputs))
    return [attention, first, hidden, last, second], second(between + last(hidden(between)))
