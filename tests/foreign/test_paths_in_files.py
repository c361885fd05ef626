"""Users' models in Keras's files: where their weights lie, how they are built, and what their optimizer remembers."""

import numpy as np
import pytest

import nnlite

pytest.importorskip("h5py")
X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)


def chain_of(library, count=2):
    class Chain(library.Sequential):
        pass

    return Chain([library.layers.Dense(2) for _ in range(count)])


def graph_of(library):
    class WithHead(library.Model):
        def __init__(self):
            begin = library.Input((2,))
            super().__init__(begin, library.layers.Dense(2)(begin))
            self.head = library.layers.Dense(2)

        def train_step(self, data):
            return {}

    return WithHead()


def block_of(library):
    layers = library.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dd = self.d10 = layers.Dense(2)
            self.d2, self._last = layers.Dense(2), [layers.Dense(2), layers.BatchNormalization()]

        def call(self, inputs):
            return self._last[1](self._last[0](self.d2(self.d10(inputs))))

    return Block()


def nested_of(library):
    dense = library.layers.Dense

    class Nested(library.Model):
        def __init__(self):
            super().__init__()
            self.z = self.b = dense(2)
            self._p, self.C = dense(2), dense(2)
            self.kept = [dense(2), [dense(2), (dense(2),)]]
            self.by_name = {"k": [dense(2)], "j": dense(2), "n": {"q": dense(2)}}
            self.rest = [None, 3, "a", block_of(library), block_of(library), graph_of(library), chain_of(library)]

        def call(self, inputs):
            inside = [self.z, self._p, self.C, self.kept[0], self.kept[1][0], self.kept[1][1][0]]
            for layer in [*inside, self.by_name["k"][0], self.by_name["j"], self.by_name["n"]["q"], *self.rest[3:]]:
                inputs = layer(inputs)
            return inputs

    return Nested()


@pytest.mark.parametrize("make", [nested_of, chain_of, graph_of])
def test_weights_of_users_models_are_exchanged_with_keras(make, tmp_path):
    keras = pytest.importorskip("keras")
    random = np.random.default_rng(0)
    models = {"ours": make(nnlite), "theirs": make(keras)}
    outputs = {}
    for name, model in models.items():
        model.predict(X, verbose=0)
        model.set_weights([random.uniform(0.2, 0.9, weight.shape) for weight in model.get_weights()])
        outputs[name] = model.predict(X, verbose=0)
        model.save_weights(tmp_path / f"{name}.weights.h5")
    for name, other in (("ours", "theirs"), ("theirs", "ours")):
        models[name].load_weights(tmp_path / f"{other}.weights.h5")
        np.testing.assert_allclose(models[name].predict(X, verbose=0), outputs[other], rtol=1e-5)


def test_paths_are_those_of_keras(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = nested_of(nnlite)
    model.predict(X, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        paths = []
        file.visit(paths.append)
    groups = {path.removesuffix("/vars/0") for path in paths if path.endswith("/vars/0")}
    assert {"C", "b", "kept/container/container/dense", "by_name/container_1/dense", "by_name/dense"} <= groups
    assert {"layers/dense_1", "layers/block/_last/dense", "layers/block_1/d10"} <= groups
    assert "layers/with_head/layers/dense" in groups


def keyed_of(library):
    class Keyed(library.Model):
        """Has a weight of its own, which comes before those of its layers."""

        def __init__(self, **options):
            super().__init__(**options)
            self.z, self.a = library.layers.Dense(3), library.layers.Dense(2)
            self.scale = self.add_weight(shape=(2,), name="scale", initializer="ones")

        def call(self, inputs):
            return self.a(library.ops.concatenate([self.z(inputs["u"]), inputs["v"]], -1)) * self.scale

    return Keyed, Keyed()


def stepped_of(library):
    class Stepped(library.Model):
        def test_step(self, data):
            return {"loss": library.ops.ones(())}

    begin = library.Input((2,))
    return Stepped, Stepped(begin, library.layers.Dense(2)(library.layers.Dense(3)(begin)))


def listed_of(library):
    class Listed(library.Sequential):
        pass

    return Listed, Listed([library.Input((2,)), library.layers.Dense(3), library.layers.Dense(2)])


def losses(model, epochs=2):
    x = {"u": X, "v": X[:, :1]} if type(model).__name__ == "Keyed" else X
    return model.fit(x, X[::-1].copy(), batch_size=2, epochs=epochs, shuffle=False, verbose=0).history["loss"]


def trained(library, make, path):
    """The model, and its losses after it was saved."""
    made, model = make(library)
    model.compile("adam", "mse")
    losses(model)
    model.set_weights([np.linspace(0.1, 0.9, weight.size).reshape(weight.shape) for weight in model.get_weights()])
    losses(model)
    model.save(path)
    return made, losses(model)


@pytest.mark.parametrize("make", [keyed_of, stepped_of, listed_of])
def test_users_models_go_on_with_the_training_of_keras(make, tmp_path):
    keras = pytest.importorskip("keras")
    made, after = trained(keras, make, tmp_path / "theirs.keras")
    again = nnlite.saving.load_model(tmp_path / "theirs.keras", custom_objects={made.__name__: make(nnlite)[0]})
    np.testing.assert_allclose(losses(again), after, rtol=1e-5)


@pytest.mark.parametrize("make", [keyed_of, listed_of])
def test_keras_goes_on_with_the_training_of_users_models(make, tmp_path):
    keras = pytest.importorskip("keras")
    made, after = trained(nnlite, make, tmp_path / "ours.keras")
    again = keras.saving.load_model(tmp_path / "ours.keras", custom_objects={made.__name__: make(keras)[0]})
    np.testing.assert_allclose(losses(again), after, rtol=1e-5)
