"""A variational autoencoder: a sampling layer, two models inside one, and a loss of its own."""

import numpy as np

import nnlite as keras

layers, ops = keras.layers, keras.ops


class Sampling(layers.Layer):
    """A point drawn from the normal distribution that the encoder describes."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


class Autoencoder(keras.Model):
    """Encoder and decoder, trained on what both lose."""

    def __init__(self, encoder, decoder, **options):
        super().__init__(**options)
        self.encoder, self.decoder = encoder, decoder
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def call(self, inputs):
        return self.decoder(self.encoder(inputs)[2])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_variance, point = self.encoder(x)
        rebuilt = ops.mean(ops.sum(keras.losses.binary_crossentropy(x, self.decoder(point)), axis=(1, 2)))
        divergence = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))
        divergence = ops.mean(ops.sum(divergence, axis=1))
        self.kl_tracker.update_state(divergence)
        return rebuilt + divergence


def build():
    """The two halves: 8 x 8 pixels to two numbers, and back."""
    images = keras.Input((8, 8, 1))
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(images)
    hidden = layers.Dense(16, activation="relu")(layers.Flatten()(hidden))
    mean, log_variance = layers.Dense(2, name="mean")(hidden), layers.Dense(2, name="log_variance")(hidden)
    encoder = keras.Model(images, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")
    points = keras.Input((2,))
    hidden = layers.Reshape((4, 4, 8))(layers.Dense(128, activation="relu")(points))
    outputs = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(hidden)
    return encoder, keras.Model(points, outputs, name="decoder")


def main():
    keras.utils.set_random_seed(0)
    rows, columns = np.random.default_rng(0).integers(1, 7, (2, 256))
    images = np.zeros((256, 8, 8, 1), "float32")
    images[np.arange(256), rows], images[np.arange(256), :, columns] = 1, 1
    model = Autoencoder(*build())
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(images, epochs=8, batch_size=32, verbose=0)
    first, last = history.history["loss"][0], history.history["loss"][-1]
    assert last < 0.8 * first, (first, last)
    print(f"loss {first:.1f} -> {last:.1f}; {model.encoder.predict(images[:3], verbose=0)[0].shape}")


if __name__ == "__main__":
    main()
