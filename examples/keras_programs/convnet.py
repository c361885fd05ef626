"""A convolutional network that tells horizontal from vertical stripes in small noisy images."""

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(1)
labels = rng.integers(0, 2, 400)
images = rng.normal(size=(400, 12, 12, 1)).astype("float32") * 0.5
for image, label in zip(images, labels, strict=True):
    stripes = np.arange(12) % 4 < 2
    image[..., 0] += stripes[:, None] if label else stripes[None, :]

model = keras.Sequential(
    [
        keras.Input(shape=(12, 12, 1)),
        layers.Conv2D(8, kernel_size=(3, 3), padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(16, kernel_size=3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.2),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(images, labels, batch_size=20, epochs=12, validation_split=0.1, verbose=0)
loss, accuracy = model.evaluate(images, labels, verbose=0)
print(f"loss {loss:.3f}, accuracy {accuracy:.3f}")
assert accuracy > 0.9

first = keras.Model(inputs=model.inputs, outputs=model.layers[0].output)
assert first.predict(images[:3], verbose=0).shape == (3, 12, 12, 8)
