"""nnlite itself."""

from benchmarks.parts import Block
from benchmarks.peers.base import Peer
from benchmarks.peers.keras_names import fit_until, keras_layer
from nnlite import Input, Model, Sequential, callbacks, layers
from nnlite.optimizers import Adam

LOSSES = {"mse": "mse", "crossentropy": {"SparseCategoricalCrossentropy": {"from_logits": True}}}


class NNLite(Peer):
    """A `Sequential`, or a `Model` where there are branches; prediction is by `compile_predict`."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        pairs = zip(case.parts, case.shapes, strict=False)
        made = [
            _block(part, shape[-1]) if isinstance(part, Block) else [keras_layer(part, layers)] for part, shape in pairs
        ]
        flat = [layer for own in made for layer in own]
        if any(isinstance(part, Block) for part in case.parts):
            inputs = outputs = Input(case.shape)
            for part, own in zip(case.parts, made, strict=True):
                outputs = _through_block(own, outputs) if isinstance(part, Block) else own[0](outputs)
            self.model = Model(inputs, outputs, seed=0)
        else:
            self.model = Sequential([Input(case.shape), *flat], seed=0)
        weights = iter([weight for own in case.weights() for weight in own])
        for layer in flat:
            layer.set_weights([next(weights) for _ in layer.weights])
        self.model.compile(Adam(), LOSSES[case.loss])
        self.step = self.model.train_on_batch if case.kind == "batch" else self.model.train_step
        if not case.trains:
            self.predict = self.model.compile_predict(case.batch)

    def train(self, x, y, batch, epochs, generator):
        self.model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    def train_until(self, wanted, x, y, held_x, held_y, epochs):
        return fit_until(self.model, callbacks, wanted, (x, y), (held_x, held_y), self.case.batch, epochs)

    def save(self, folder):
        self.model.save(folder / "model.safetensors")


def _block(part, width):
    return [
        layers.MultiHeadAttention(part.heads, width // part.heads),
        layers.LayerNormalization(),
        layers.Dense(part.hidden, activation="relu"),
        layers.Dense(width),
        layers.LayerNormalization(),
    ]


def _through_block(own, inputs):
    attention, first, hidden, last, second = own
    between = first(layers.Add()([inputs, attention(inputs)]))
    return second(layers.Add()([between, last(hidden(between))]))
