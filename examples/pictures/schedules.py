"""Learning-rate schedules
=======================

A schedule is a number as a function of the step, or of the training's progress.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import schedules

steps = np.arange(1000)
shown = [
    schedules.ExponentialDecay(0.1, decay_steps=300, decay_rate=0.5),
    schedules.CosineDecay(0.1, decay_steps=1000),
    schedules.CosineDecayRestarts(0.1, first_decay_steps=200),
    schedules.PolynomialDecay(0.1, decay_steps=800, power=2.0),
    schedules.InverseTimeDecay(0.1, decay_steps=100, decay_rate=0.5),
    schedules.PiecewiseConstantDecay([300, 600], [0.1, 0.05, 0.01]),
]

figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for schedule in shown:
    axes.plot(steps, [schedule(step) for step in steps], label=type(schedule).__name__)
axes.set(xlabel="step", ylabel="learning rate")
figure.legend(fontsize=8, loc="outside right upper")
plt.show()
