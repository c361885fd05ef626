"""Storage of structured Jacobians
===============================

Each map stores the minimum that determines the Jacobian. The figures show the dense matrices, which are never formed
in training; the title of each states what the map stores instead.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import ops
from nnlite.layers import Conv1D, Dense

generator = np.random.default_rng(0)
row = generator.normal(size=12)
dense, convolution = Dense(12, dtype="float64"), Conv1D(1, 3, padding="same", dtype="float64")
convolution.build((None, 12, 1))
dense.build((None, 12))

_, by_relu = ops.ReLU().linearize(row)
_, by_softmax = ops.Softmax().linearize(row)
_, by_sum = ops.Sum().linearize(row)
_, by_dense = dense.linearize(row[None], *[weight.value for weight in dense.parameters])
_, by_convolution = convolution.linearize(row[None, :, None], *[weight.value for weight in convolution.parameters])
maps = {"relu": by_relu, "softmax": by_softmax, "dense layer": by_dense, "convolution": by_convolution, "sum": by_sum}

# %%
# White is zero. The Jacobian of the sum is one row of ones: its map keeps nothing but shapes.

figure, panels = plt.subplots(1, 5, figsize=(11, 2.8), layout="constrained")
for panel, (name, jacobians) in zip(panels, maps.items(), strict=True):
    jacobian = jacobians[0]
    matrix = jacobian.todense().reshape(-1, 12)
    largest = np.abs(matrix).max()
    panel.imshow(matrix, cmap="RdBu_r", vmin=-largest, vmax=largest)
    panel.set_title(f"{name}\n{type(jacobian).__name__}\n{jacobian.nbytes} of {matrix.nbytes} bytes", fontsize=8)
    panel.set_axis_off()
plt.show()
