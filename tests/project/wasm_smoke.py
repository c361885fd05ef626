"""Trains, predicts, saves and loads; run by `.ci/wasm` in a WebAssembly build of Python, where there is NumPy alone.

Usage: `python wasm_smoke.py FOLDER`, with a folder to write into.
"""

import sys
from pathlib import Path

import numpy as np

import nnlite
from nnlite import Sequential
from nnlite.layers import LSTM, BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Normalization


def nets(images):
    """Name -> layers and inputs."""
    normalization = Normalization()
    normalization.adapt(images.reshape(len(images), -1))
    convolution = [Conv2D(4, 3, activation="relu"), MaxPooling2D(), BatchNormalization(), Flatten(), Dropout(0.2)]
    return {
        "images": ([*convolution, Dense(2, "softmax")], images),
        "sequences": ([LSTM(6), Dense(2, "softmax")], images[..., 0]),
        "table": ([normalization, Dense(16, "gelu"), Dense(2, "softmax")], images.reshape(len(images), -1)),
    }


def main(folder):
    images = np.random.default_rng(0).normal(size=(96, 8, 8, 1)).astype("float32")
    labels = (images.mean(axis=(1, 2, 3)) > 0).astype("int64")
    for name, (layers, x) in nets(images).items():
        model = Sequential(layers, seed=0)
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        losses = model.fit(x, labels, epochs=3, validation_split=0.25, verbose=0).history["loss"]
        assert losses[-1] < losses[0], losses
        model.save(folder / f"{name}.safetensors")
        loaded = nnlite.load_model(folder / f"{name}.safetensors")
        assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
        loaded.fit(x, labels, epochs=1, verbose=0)
        model.save_weights(folder / f"{name}.weights.safetensors")
        loaded.load_weights(folder / f"{name}.weights.safetensors")
        left = sorted(path.name for path in folder.iterdir() if path.name.startswith(name))
        assert left == [f"{name}.safetensors", f"{name}.weights.safetensors"], left
        print(f"{name}: trained, saved, loaded")
    print(f"right on {sys.platform}, Python {sys.version.split()[0]}, NumPy {np.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
