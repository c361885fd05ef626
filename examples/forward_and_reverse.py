"""Forward and reverse mode
========================

The same derivatives of one network; which mode is cheaper depends on the sizes of inputs and outputs.
``python forward_and_reverse.py [costs.png]`` also plots the costs, which needs matplotlib.
"""

import sys

import numpy as np

from nnlite import Input, Sequential, ops
from nnlite.layers import Dense

generator, SIZES = np.random.default_rng(0), [1, 4, 16, 64, 256]


def net(inputs, outputs):
    layers = [Input((inputs,)), Dense(32, activation="tanh"), Dense(32, activation="tanh"), Dense(outputs)]
    return Sequential(layers, seed=0, dtype="float64"), generator.normal(size=(1, inputs))


def multiplications(model, x):
    """Of one vector on its way through: kernels and slopes each meet it once, number by number (in a batch of one)."""
    stages = model.linearize(x, *model.values)[1].stages
    maps = [part for stage in stages for part in (stage.maps[0], stage.outer) if part is not None]
    return sum(array.size for part in maps for array in part.stored())


# Both modes give the same matrix: a column for the change of each input, or a row for the derivative of each output.
model, x = net(20, 3)
jacobian = model.jacobian(x)
columns, rows = jacobian.jvp(np.eye(20)[:, None]), jacobian.vjp(np.eye(3)[:, None])
print(f"forward and reverse agree to {np.abs(columns[:, 0].T - rows[:, 0]).max():.0e}")

print("inputs  outputs     forward     reverse   multiplications for the whole Jacobian")
costs = {}
for inputs, outputs in [*((size, 8) for size in SIZES), *((8, size) for size in SIZES)]:
    once = multiplications(*net(inputs, outputs))
    costs[inputs, outputs] = inputs * once, outputs * once
    print(f"{inputs:6} {outputs:8} {inputs * once:11,} {outputs * once:11,}")

# A tied weight: a kernel that is used twice gets the sum of what it does in either place.
x, w, paths, tied = generator.normal(size=(5, 4)), generator.normal(size=(4, 4)), ops.Trace(), ops.Trace()
first, second, kernel = paths.variable(w), paths.variable(w), tied.variable(w)
by_first, by_second = paths.jacobians(ops.tanh(x @ first) @ second).vjp(np.ones((5, 4)))
(by_kernel,) = tied.jacobians(ops.tanh(x @ kernel) @ kernel).vjp(np.ones((5, 4)))
print(f"tied weight less the sum of both paths: {np.abs(by_kernel - by_first - by_second).max():.0e}")

if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, side in zip(figure.subplots(1, 2, sharey=True), ("inputs", "outputs"), strict=True):
        drawn = [costs[(size, 8) if side == "inputs" else (8, size)] for size in SIZES]
        for mode, series in zip(("forward", "reverse"), zip(*drawn, strict=True), strict=True):
            axes.loglog(SIZES, series, marker="o", label=f"{mode} mode")
        axes.set(xlabel=f"number of {side}, 8 {'outputs' if side == 'inputs' else 'inputs'}")
        axes.legend()
    figure.supylabel("multiplications")
    figure.savefig(sys.argv[1])
