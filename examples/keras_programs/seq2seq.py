"""Sequence to sequence: an encoder's states start a decoder; the saved model is taken apart to decode step by step."""

import tempfile
from pathlib import Path

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
digits, units, steps = 6, 32, 4

read = rng.integers(0, digits, (600, steps))
written = read[:, ::-1]  # the task: the digits backwards
shifted = np.concatenate([np.full((600, 1), digits), written[:, :-1]], axis=1)
sources, given = keras.utils.to_categorical(read, digits), keras.utils.to_categorical(shifted, digits + 1)

encoder_inputs = keras.Input((None, digits), name="source")
_, state_h, state_c = layers.LSTM(units, return_state=True, name="encoder")(encoder_inputs)
decoder_inputs = keras.Input((None, digits + 1), name="given")
decoder = layers.LSTM(units, return_sequences=True, return_state=True, name="decoder")
hidden, _, _ = decoder(decoder_inputs, initial_state=[state_h, state_c])
outputs = layers.Dense(digits, activation="softmax", name="digit")(hidden)
model = keras.Model([encoder_inputs, decoder_inputs], outputs)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit([sources, given], written, batch_size=50, epochs=12, validation_split=0.1, verbose=0)
assert history.history["val_accuracy"][-1] > 0.7, history.history["val_accuracy"]

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "reverse.keras"
    model.save(path)
    model = keras.models.load_model(path)

# The parts again, for one step at a time.
encoder_model = keras.Model(model.input[0], model.layers[2].output[1:])
step_inputs = keras.Input((1, digits + 1))
states = [keras.Input((units,)), keras.Input((units,))]
hidden, state_h, state_c = model.layers[3](step_inputs, initial_state=states)
decoder_model = keras.Model([step_inputs, *states], [model.layers[4](hidden), state_h, state_c])

values = encoder_model.predict(sources[:50], verbose=0)
token, decoded = np.full(50, digits), []
for _ in range(steps):
    one = keras.utils.to_categorical(token, digits + 1)[:, None]
    chances, *values = decoder_model.predict([one, *values], verbose=0)
    token = chances[:, 0].argmax(-1)
    decoded.append(token)
right = np.mean(np.stack(decoded, axis=1) == written[:50])
print(f"digits decoded in order: {right:.2f}")
assert right > 0.6, right
