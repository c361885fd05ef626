"""Transfer learning: a base is trained on one task, frozen, used with training=False for another, then fine-tuned."""

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(4)
x = rng.normal(size=(300, 6)).astype("float32")
hidden_truth = np.tanh(x @ rng.normal(size=(6, 4)))
first_task = (hidden_truth @ rng.normal(size=(4, 3))).argmax(axis=1)
second_task = (hidden_truth @ rng.normal(size=4) > 0).astype("float32")

base = keras.Sequential(
    [
        keras.Input(shape=(6,)),
        layers.Dense(32, activation="tanh"),
        layers.BatchNormalization(),
        layers.Dense(16, activation="tanh"),
        layers.Dropout(0.1),
    ],
    name="base",
)
whole = keras.Sequential([base, layers.Dense(3, activation="softmax")])
whole.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
whole.fit(x, first_task, epochs=10, verbose=0)

base.trainable = False
frozen = [np.array(weight) for weight in base.get_weights()]
inputs = keras.Input(shape=(6,))
features = base(inputs, training=False)
outputs = layers.Dense(1, activation="sigmoid")(features)
model = keras.Model(inputs, outputs)
assert len(model.trainable_weights) == 2
model.compile(keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, second_task, epochs=15, verbose=0)
for before, after in zip(frozen, base.get_weights(), strict=True):
    np.testing.assert_array_equal(before, after)
print("frozen:", model.evaluate(x, second_task, verbose=0))

base.trainable = True
model.compile(keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, second_task, epochs=10, verbose=0)
loss, accuracy = model.evaluate(x, second_task, verbose=0)
print(f"fine-tuned: loss {loss:.3f}, accuracy {accuracy:.3f}")
assert accuracy > 0.85
assert any((before != after).any() for before, after in zip(frozen, base.get_weights(), strict=True))
