"""A PyDataset that makes its batches, and class weights for classes of unequal size."""

import math

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(7)


class Rings(keras.utils.PyDataset):
    """Points around the origin; one in ten is of the outer ring, which is class 1."""

    def __init__(self, rows, batch_size, seed=0, **kwargs):
        super().__init__(**kwargs)
        rng = np.random.default_rng(seed)
        self.labels = (rng.random(rows) < 0.1).astype("int32")
        radius = np.where(self.labels, 2.2, 1.2) + 0.3 * rng.normal(size=rows)
        angle = rng.uniform(0, 2 * np.pi, rows)
        self.points = (radius * np.array([np.cos(angle), np.sin(angle)])).T.astype("float32")
        self.batch_size = batch_size
        self.epochs_ended = 0

    def __len__(self):
        return math.ceil(len(self.labels) / self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.points[rows], self.labels[rows]

    def on_epoch_end(self):
        self.epochs_ended += 1


train, test = Rings(600, 32), Rings(300, 50, seed=1)
model = keras.Sequential(
    [keras.Input(shape=(2,)), layers.Dense(24, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.02),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=[keras.metrics.Recall(name="recall"), keras.metrics.AUC(name="auc")],
)
model.fit(train, epochs=12, class_weight={0: 1.0, 1: 9.0}, validation_data=test, verbose=0)
results = model.evaluate(test, verbose=0, return_dict=True)
print({name: round(float(value), 3) for name, value in results.items()})
assert results["recall"] > 0.85 and results["auc"] > 0.95
assert train.epochs_ended >= 12
