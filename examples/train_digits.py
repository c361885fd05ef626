"""Handwritten digits
==================

A network for scikit-learn's digits: train, evaluate, save, load.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nnlite import Input, Sequential, load_model
from nnlite.layers import Dense, Dropout, Rescaling

# 1,797 images of 8 x 8 pixels from 0 to 16, and the digit that each one shows.
images, digits = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=0)

# Rescaling inside the model: whoever loads it later need not know about the 16.
model = Sequential(
    [
        Input((64,)),
        Rescaling(1 / 16),
        Dense(128, activation="relu"),
        Dropout(0.2),
        Dense(10, activation="softmax"),
    ],
    seed=0,
)
model.summary()

# "sparse" means that the targets are class numbers. The softmax and this loss are computed as one.
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=40,
    validation_split=0.1,  # a random tenth, to watch the training by
    callbacks=[{"EarlyStopping": {"patience": 5, "restore_best_weights": True}}],
)
print(f"trained for {len(history.epoch)} epochs, best val_loss {min(history.history['val_loss']):.4f}")

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")

# One file holds layers, weights and the optimizer's state; a checksum guards it.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.safetensors"
    model.save(path)
    again = load_model(path)
    print(f"saved {path.stat().st_size:,} bytes")

probabilities = again.predict(x_test[:5], verbose=0)
assert np.array_equal(probabilities, model.predict(x_test[:5], verbose=0))
print("the first five are", y_test[:5], "predicted", probabilities.argmax(axis=1))
