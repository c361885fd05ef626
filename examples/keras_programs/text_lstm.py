"""An LSTM that reads short reviews: TextVectorization, an embedding with a mask, two stacked layers."""

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(2)
GOOD, BAD, FILLERS = ["great", "lovely", "fine"], ["awful", "boring", "poor"], ["the", "film", "was", "really", "and"]
labels = rng.integers(0, 2, 200)
texts = np.array(
    [" ".join([*rng.choice(FILLERS, rng.integers(2, 6)), rng.choice(GOOD if label else BAD), "!"]) for label in labels]
)

vectorize = layers.TextVectorization(max_tokens=50, output_mode="int", output_sequence_length=8)
vectorize.adapt(texts)
print(vectorize.get_vocabulary()[:5])
ids = np.asarray(vectorize(texts))

inputs = keras.Input(shape=(8,), dtype="int64")
hidden = layers.Embedding(input_dim=vectorize.vocabulary_size(), output_dim=8, mask_zero=True)(inputs)
hidden = layers.LSTM(12, return_sequences=True)(hidden)
hidden = layers.LSTM(8)(hidden)
outputs = layers.Dense(1, activation="sigmoid")(hidden)
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(ids, labels, epochs=8, batch_size=20, verbose=0)
loss, accuracy = model.evaluate(ids, labels, verbose=0)
print(f"loss {loss:.3f}, accuracy {accuracy:.3f}")
assert accuracy > 0.95
fresh = np.asarray(vectorize(np.array(["the film was really great !", "the film was really boring !"])))
good, bad = model.predict(fresh, verbose=0)[:, 0]
assert good > 0.5 > bad
