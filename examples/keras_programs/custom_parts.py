"""A layer, a loss, a metric and a callback of one's own."""

import numpy as np

import nnlite as keras
from nnlite import layers, ops

keras.utils.set_random_seed(7)
rng = np.random.default_rng(6)
x = rng.normal(size=(300, 4)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + 0.1 * rng.normal(size=(300, 1))).astype("float32")


class Quadratic(layers.Layer):
    """outputs = x @ linear + (x @ factors) ** 2"""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.linear = self.add_weight(shape=shape, initializer="glorot_uniform", name="linear")
        self.factors = self.add_weight(shape=shape, initializer="glorot_uniform", name="factors")

    def call(self, inputs):
        return ops.matmul(inputs, self.linear) + ops.square(ops.matmul(inputs, self.factors))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class PseudoHuber(keras.losses.Loss):
    def __init__(self, delta=1.0, **kwargs):
        super().__init__(**kwargs)
        self.delta = delta

    def call(self, y_true, y_pred):
        error = (y_true - y_pred) / self.delta
        return ops.mean(ops.sqrt(1 + ops.square(error)) - 1, axis=-1)


class WithinTolerance(keras.metrics.Metric):
    def __init__(self, tolerance=0.3, name="within", **kwargs):
        super().__init__(name=name, **kwargs)
        self.tolerance = tolerance
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        close = ops.where(ops.abs(y_true - y_pred) < self.tolerance, 1.0, 0.0)
        self.hits.assign_add(ops.sum(close))
        self.count.assign_add(len(close))

    def result(self):
        return self.hits / self.count


class Journal(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def on_train_begin(self, logs):
        self.events.append("begin")

    def on_epoch_begin(self, epoch, logs):
        self.events.append(epoch)

    def on_batch_end(self, batch, logs=None):
        self.batches = batch + 1

    def on_epoch_end(self, epoch, logs):
        assert {"loss", "within"} <= set(logs)

    def on_train_end(self, logs=None):
        self.events.append("end")


model = keras.Sequential([keras.Input(shape=(4,)), Quadratic(8), layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.02), loss=PseudoHuber(0.5), metrics=[WithinTolerance()])
journal = Journal()
model.fit(x, y, epochs=25, batch_size=30, callbacks=[journal], verbose=0)
loss, within = model.evaluate(x, y, verbose=0)
print(f"loss {loss:.4f}, within the tolerance {within:.3f}, {journal.batches} batches an epoch")
assert within > 0.8 and journal.batches == 10
assert journal.events == ["begin", *range(25), "end"]
