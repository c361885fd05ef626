"""A multilayer perceptron on three classes of points, with early stopping and a clone."""

import numpy as np

import nnlite as keras
from nnlite import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 600)
points = rng.normal(size=(600, 2)).astype("float32") * 0.6 + np.array([[0, 2], [2, -1], [-2, -1]])[labels]

model = keras.Sequential(
    [
        keras.Input(shape=(2,)),
        layers.Dense(32, activation="relu"),
        layers.Dropout(0.1),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.summary()

history = model.fit(
    points[:500],
    labels[:500],
    batch_size=32,
    epochs=15,
    validation_data=(points[500:], labels[500:]),
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=4, restore_best_weights=True),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, round(logs["val_loss"], 3))),
    ],
    verbose=0,
)
loss, accuracy = model.evaluate(points[500:], labels[500:], verbose=0)
print(f"loss {loss:.3f}, accuracy {accuracy:.3f}, after {len(history.history['loss'])} epochs")
assert accuracy > 0.9
clone = keras.models.clone_model(model)
clone.set_weights(model.get_weights())
np.testing.assert_allclose(clone.predict(points, verbose=0), model.predict(points, verbose=0), rtol=1e-5, atol=1e-6)
