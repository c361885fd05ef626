"""Saliency maps of digits
=======================

A small convolutional network reads handwritten digits; ``nnlite.plots.saliency`` shows how its answer depends on each
pixel. ``python saliency.py [picture.png]``
"""

import sys

from sklearn.datasets import load_digits

from nnlite import Sequential, plots
from nnlite.layers import Conv2D, Dense, Flatten, MaxPooling2D, Rescaling

images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1)
layers = [Rescaling(1 / 16), Conv2D(16, 3, activation="relu"), MaxPooling2D(), Flatten(), Dense(10, "softmax")]
model = Sequential(layers, seed=0)
model.compile({"Adam": {"learning_rate": 0.005}}, "sparse_categorical_crossentropy", ["accuracy"])
accuracy = model.fit(images, digits, epochs=10, verbose=0).history["accuracy"][-1]
print(f"accuracy {accuracy:.3f}")

# %%
plots.saliency(model, images[:8], path=sys.argv[1] if len(sys.argv) > 1 else None)
