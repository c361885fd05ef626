"""Forecasting with a GRU
======================

Compared with a seasonal baseline.
"""

import numpy as np

from nnlite import Sequential
from nnlite.data import Data, SeasonalSeries, Split
from nnlite.layers import GRU, Dense

# Windows of 60 known values and the 12 that follow. Two seasons, of 12 and of 60 steps, and noise of 0.3.
series = SeasonalSeries(rows=1500, window=60, horizon=12, period=12, long_period=60, noise=0.3)
# In order: train on the past, stop by what follows, test on the end.
data = Data(series, Split(validation=0.1, test=0.2, shuffle=False)).prepare("regression", seed=0)
(x_train, y_train), (x_test, y_test) = data.parts["training"], data.parts["test"]

model = Sequential([GRU(32), Dense(12)], seed=0)
model.compile({"Adam": {"learning_rate": 5e-3}}, "mse")
stop = {"EarlyStopping": {"patience": 8, "restore_best_weights": True}}
history = model.fit(x_train, y_train, epochs=40, validation_data=data.parts["validation"], callbacks=[stop], verbose=0)
print(f"trained for {len(history.epoch)} epochs on {len(x_train)} windows")


def in_own_unit(outputs):
    """Targets were standardised for training."""
    return np.column_stack(list(data.preprocessing.target.decode(outputs).values()))


def rmse(predicted):
    return np.sqrt(np.mean((predicted - in_own_unit(y_test)) ** 2))


forecast = rmse(in_own_unit(model.predict(x_test, verbose=0)))
season_ago = rmse(x_test[:, :12, 0])  # the long season is as long as the window
print(f"root mean squared error: season ago {season_ago:.3f}, GRU {forecast:.3f}")
print(f"the GRU's error is {100 * (1 - forecast / season_ago):.1f} % smaller")
