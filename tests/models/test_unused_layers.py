"""Layers that are attributes of a model and that its `call` does not use, such as a head for a term of the loss."""

import copy
from typing import Any, cast

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, ops
from nnlite.errors import ShapeError
from nnlite.layers import Dense, Layer
from nnlite.optimizers import SGD

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = 2 * X[:, :1]


class Wrapped(Layer):
    """A layer around another one."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = Dense(1)

    def call(self, inputs):
        return self.inner(inputs)


HEADS = {
    "dense": lambda: Dense(1),
    "chain": lambda: Sequential([Dense(2, "tanh"), Dense(1)]),
    "built chain": lambda: Sequential([Input((3,)), Dense(1)]),
    "wrapped": Wrapped,
}


class TwoHeads(Model):
    """Adds the error of an auxiliary head, which comes first among the attributes, to the loss."""

    def __init__(self, kind="dense", **options):
        super().__init__(**options)
        if kind:
            self.head = HEADS[kind]()
        self.body, self.out = Dense(3, "tanh", name="body"), Dense(1, name="out")

    def call(self, inputs):
        return self.out(self.body(inputs))

    def train_step(self, data):
        x, y = data
        features = self.body(x)
        loss = ops.mean((self.out(features) - y) ** 2) + ops.mean((self.head(features) - y) ** 2)
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        return {"loss": loss}


def compiled(**options):
    model = TwoHeads(seed=0, **options)
    model(X[:1])  # which builds the model, but not the head
    model.compile(SGD(0.05))
    return model


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_only_a_step_uses_is_trained(kind):
    model: Any = compiled(kind=kind)
    model.fit(X, Y, epochs=1, verbose=0)
    assert {id(weight) for weight in model.head.weights} <= {id(weight) for weight in model.trainable_weights}
    before = model.head.get_weights()
    model.fit(X, Y, epochs=1, verbose=0)
    assert all(np.abs(new - old).max() > 0 for new, old in zip(model.head.get_weights(), before, strict=True))
    assert model.count_params() == sum(weight.size for weight in model.weights)


def test_such_a_head_is_determined_by_the_seed_of_the_model():
    losses = [compiled().fit(X, Y, verbose=0).history["loss"] for _ in range(2)]
    assert losses[0] == losses[1]


def test_a_head_may_become_an_attribute_of_a_built_model():
    model = compiled(kind=None)
    model.head = Dense(1)
    model.fit(X, Y, verbose=0)
    assert len(model.trainable_weights) == len(model.parameters) == 6


def test_the_order_of_weights_is_that_of_attributes_whatever_is_built_first():
    late, early = compiled(), TwoHeads()
    late.head(late.body(X))
    early.head.build((None, 3))
    early(X[:1])
    assert [weight.shape for weight in late.parameters] == [weight.shape for weight in early.parameters]
    assert late.parameters[0] is late.head.kernel


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("way", ["model.safetensors", "model.keras", "copy"])
def test_a_model_is_saved_and_copied_with_its_head(kind, way, tmp_path):
    if way.endswith(".keras"):
        pytest.importorskip("h5py")
    model: Any = compiled(kind=kind)
    model.fit(X, Y, verbose=0)
    twin: Any = None
    if way == "copy":
        twin = copy.deepcopy(model)
    else:
        model.save(tmp_path / way)
        twin = load_model(tmp_path / way, custom_objects={"TwoHeads": TwoHeads, "Wrapped": Wrapped})
    for loaded, saved in zip(twin.head.get_weights(), model.head.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, saved)
    assert twin.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history


def test_weights_go_into_a_model_whose_head_is_built(tmp_path):
    model, twin = compiled(), TwoHeads(seed=1)
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "head.safetensors")
    twin.head.build((None, 3))
    twin(X[:1])
    twin.load_weights(tmp_path / "head.safetensors")
    np.testing.assert_array_equal(twin.head.kernel, model.head.kernel)


def test_a_layer_called_by_hand_between_trainings_needs_a_new_optimizer():
    class Plain(TwoHeads):
        train_step = cast(Any, Model.train_step)

    model: Any = cast(Any, Plain)(seed=0)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.head(model.body(X))
    with pytest.raises(ShapeError, match="other parameters need a new optimizer"):
        model.fit(X, Y, verbose=0)
    model.compile("adam", "mse")
    before = model.head.get_weights()
    model.fit(X, Y, verbose=0)
    assert len(model.trainable_weights) == 6
    for new, old in zip(model.head.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


class BesideGraph(Model):
    """A graph, with a layer beside it that its loss uses."""

    def __init__(self, learns=True, **options):
        begin, body = Input((4,)), Dense(3)
        super().__init__(begin, Dense(1)(body(begin)), **options)
        self.body, self.head = body, Dense(1, trainable=learns)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return ops.mean(ops.square(cast(Any, y_pred) - y)) + ops.mean(ops.square(self.head(self.body(x)) - y))


class BesideChain(Sequential):
    """A chain, with a layer beside it that its loss uses."""

    def __init__(self, layers=None, learns=True, **options):
        super().__init__(layers or [Input((4,)), Dense(3), Dense(1)], **options)
        self.head = Dense(1, trainable=learns)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        features = self.layers[0](x)
        return ops.mean(ops.square(cast(Any, y_pred) - y)) + ops.mean(ops.square(self.head(features) - y))


BESIDE: Any = pytest.mark.parametrize("kind", [BesideGraph, BesideChain])


def again(model, way, folder) -> Any:
    """A copy of the model, or what its file gives."""
    if way == "copy":
        return copy.deepcopy(model)
    if way.endswith(".keras"):
        pytest.importorskip("h5py")
    model.save(folder / way)
    return load_model(folder / way, custom_objects={kind.__name__: kind for kind in (BesideGraph, BesideChain)})


@BESIDE
@pytest.mark.parametrize("learns", [True, False])
def test_layers_beside_a_graph_are_trained(kind, learns, recwarn):
    model = kind(learns=learns, seed=0)
    model.compile(SGD(0.05))
    model.fit(X, Y, epochs=1, verbose=0)
    before = model.head.get_weights()
    assert len(model.layers) == (3 if kind is BesideGraph else 2)
    assert len(model.weights) == 6 and len(model.trainable_weights) == (6 if learns else 4)
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0] and (np.abs(before[0] - model.head.get_weights()[0]).max() > 0) == learns
    assert not recwarn.list
    twin = kind(learns=learns, seed=0)
    twin.compile(SGD(0.05))
    twin.fit(X, Y, epochs=1, verbose=0)
    np.testing.assert_array_equal(twin.head.get_weights()[0], before[0])


@BESIDE
@pytest.mark.parametrize("way", ["model.safetensors", "model.keras", "copy"])
def test_layers_beside_a_graph_are_saved(kind, way, tmp_path):
    model = kind(seed=0)
    model.compile(SGD(0.05))
    model.fit(X, Y, verbose=0)
    twin = again(model, way, tmp_path)
    for loaded, saved in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, saved)
    assert twin.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history


@BESIDE
def test_layers_beside_a_graph_that_no_step_uses_stay_as_they_are(kind):
    class Plain(kind):
        compute_loss = cast(Any, Model.compute_loss)

    model: Any = cast(Any, Plain)(seed=0)
    model.head.build((None, 3))
    before = model.head.get_weights()
    model.compile({"AdamW": {"weight_decay": 0.1}}, "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.head.get_weights()[0], before[0])


@BESIDE
@pytest.mark.parametrize("way", ["model.safetensors", "model.keras"])
def test_layers_beside_a_graph_inside_another_model_are_saved(kind, way, tmp_path):
    inner = kind(seed=0)
    inner.compile(SGD(0.05))
    inner.fit(X, Y, verbose=0)
    model = Sequential([inner, Dense(1)])
    twin = again(model, way, tmp_path)
    np.testing.assert_array_equal(twin.layers[0].head.get_weights()[0], inner.head.get_weights()[0])


@pytest.mark.parametrize("way", ["model.safetensors", "model.keras", "copy"])
def test_models_with_a_loss_of_their_own_beside_a_compiled_one_are_saved(way, tmp_path):
    model: Any = BesideChain(seed=0)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    twin = again(model, way, tmp_path)
    assert twin.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history


def test_layers_beside_a_graph_draw_weights_of_their_own():
    class Two(Sequential):
        """A chain of one layer, with another of its shape beside it."""

        def __init__(self):
            super().__init__([Input((4,)), Dense(3)], seed=0)
            self.other = Dense(3)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean(ops.square(cast(Any, y_pred) - self.other(x)))

    model = Two()
    model.compile(SGD(0.0))
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(model.other.get_weights()[0], model.layers[0].get_weights()[0])
