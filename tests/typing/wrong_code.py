"""What users get wrong: each line that ends in a mark must be an error to a type checker, and no other line."""

import numpy as np

from nnlite import NNClassifier, Sequential
from nnlite.layers import Conv2D, Dense, Dropout
from nnlite.losses import Loss
from nnlite.optimizers import SGD, Adam

Dense("64")  # error
Dense(units=64, activation=3)  # error
Dense(64, aktivation="relu")  # error
Dense()  # error
Dense(64, kernel_initializer=None)  # error
Dense(64, dtype="float8")  # error
Conv2D(8, "3")  # error
Conv2D(8, 3, padding="full")  # error
Dropout(rate=[0.5])  # error
Sequential(3)  # error
Sequential([Dense(1), 3])  # error
Adam(learning_rate=None)  # error
SGD("fast", momentum="much")  # error
NNClassifier(hidden_layer_sizes="a")  # error
NNClassifier(hidden_layers=(64,))  # error

model = Sequential([Dense(1)])
model.compile(3, "mse")  # error
model.compile("adam", loss=np.mean)  # error
model.fit(np.ones((2, 2)), np.ones(2), epochs="3")  # error
model.add(3)  # error
model.compil("adam", "mse")  # error
Loss.get(3)  # error
Dense(64).units.upper()  # error
