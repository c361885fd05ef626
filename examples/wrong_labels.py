"""Finding mislabeled digits
=========================

Mislabeled rows stand out by their influence on the model.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits

from nnlite import Input, Sequential
from nnlite.layers import Dense

# One label in twenty becomes another digit.
images, digits = load_digits(return_X_y=True)
x, random = images / 16, np.random.default_rng(0)
wrong = random.choice(len(digits), len(digits) // 20, replace=False)
labels = digits.copy()
labels[wrong] = (labels[wrong] + random.integers(1, 10, len(wrong))) % 10

# A small penalty, so that there is a minimum, and a full-batch method, so that the model stands at it.
penalty = {"L2": {"l2": 1e-4}}
model = Sequential([Input((64,)), Dense(10, "softmax", kernel_regularizer=penalty)], seed=0)
model.compile("LBFGS", "sparse_categorical_crossentropy", ["accuracy"])
history = model.fit(x, labels, epochs=200, verbose=0).history
print(f"accuracy on the labels as they are {history['accuracy'][-1]:.3f}")

# How much a row's own loss would rise if the row were left out: nothing but the row itself speaks for a wrong label.
influence = model.self_influence(x, labels, damping=1e-6)
order = np.argsort(-influence)
for share in (0.05, 0.1):
    seen = order[: round(share * len(x))]
    print(f"in the first {share:.0%} of the rows: {np.isin(wrong, seen).mean():.1%} of {len(wrong)} wrong labels")
print("first: " + ", ".join(f"row {row} labelled {labels[row]} is a {digits[row]}" for row in order[:3]))

if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6), layout="constrained")
    for place, row in zip(figure.subplots(2, 8).ravel(), order, strict=False):
        place.imshow(images[row].reshape(8, 8), cmap="gray_r")
        place.set_axis_off()
        place.set_title(f"labelled {labels[row]}", fontsize=8)
    figure.savefig(sys.argv[1])
