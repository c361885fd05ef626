"""How layers refuse wrong input, which weights they have, and layers that users write."""

from typing import Any

import numpy as np
import pytest
from draws import stream

from nnlite import layers, utils
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Cast,
    Dense,
    Dropout,
    Embedding,
    Input,
    Layer,
    LayerNormalization,
    Normalization,
    PReLU,
    Reshape,
)
from nnlite.models import Model, Sequential, load_model
from nnlite.registry import names

normal = stream(29)


WEIGHTS = [
    (Dense(2), (3,), {"kernel": (3, 2), "bias": (2,)}),
    (Dense(2, use_bias=False), (4, 3), {"kernel": (3, 2)}),
    (Embedding(5, 3), (2,), {"embeddings": (5, 3)}),
    (PReLU(shared_axes=(1,)), (4, 3), {"alpha": (1, 3)}),
    (BatchNormalization(), (4, 3), {"gamma": (3,), "beta": (3,), "moving_mean": None, "moving_variance": None}),
    (BatchNormalization(axis=1, center=False), (4, 3), {"gamma": (4,), "moving_mean": None, "moving_variance": None}),
    (BatchNormalization(scale=False), (3,), {"beta": (3,), "moving_mean": None, "moving_variance": None}),
    (LayerNormalization(axis=(1, 2)), (4, 3), {"gamma": (4, 3), "beta": (4, 3)}),
    (LayerNormalization(axis=1, scale=False), (4, 3), {"beta": (4,)}),
    (Normalization(), (4, 3), {"mean": None, "variance": None, "count": None}),
    (Dropout(0.5), (3,), {}),
]


@pytest.mark.parametrize(("layer", "shape", "trained"), WEIGHTS, ids=lambda value: repr(value))
def test_names_shapes_and_kinds_of_weights(layer, shape, trained):
    layer._ensure_built((None, *shape))
    assert [weight.name for weight in layer.weights] == list(trained)
    assert {weight.name: weight.shape for weight in layer.trainable_weights} == {k: v for k, v in trained.items() if v}
    assert layer.count_params() == sum(weight.size for weight in layer.weights)
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [weight.name for weight in layer.weights] == list(trained)


class TestWrongInput:
    def test_feature_count(self):
        layer = Dense(3, name="hidden")
        layer(np.ones((2, 4)))
        for wrong in ((2, 5), (4,), (2, 3, 5)):
            with pytest.raises(ShapeError) as error:
                layer(np.ones(wrong))
            assert str(error.value) == f"layer 'hidden' (Dense) was built for inputs of shape (None, 4), got {wrong}"

    def test_dense_needs_features(self):
        for wrong in (np.ones(3), np.float32(1)):
            with pytest.raises(ShapeError, match="layer Dense"):
                Dense(3)(wrong)

    def test_text(self):
        with pytest.raises(DataError, match="layer Dense needs numbers"):
            Dense(3)(np.array([["a", "b"]]))

    @pytest.mark.parametrize(
        ("indices", "message"),
        [([5], "index 5.*0 to 4"), ([-1], "index -1"), ([0.5], r"integers.*0\.5"), ([np.nan], "nan")],
    )
    def test_embedding_indices(self, indices, message):
        with pytest.raises(DataError, match=r"layer 'words' \(Embedding\).*" + message):
            Embedding(5, 2, name="words")(indices)

    def test_embedding_takes_whole_floats(self):
        layer = Embedding(5, 2)
        np.testing.assert_array_equal(layer(np.float32([[4, 0]])), layer([[4, 0]]))

    def test_embedding_has_no_tangent_for_indices(self):
        layer = Embedding(5, 2)
        layer.forward([1, 2])
        with pytest.raises(ShapeError, match=r"input 0.*None"):
            layer.jvp(np.ones(2), np.ones((5, 2)))
        assert layer.backward(1)[0] is None

    @pytest.mark.parametrize(
        ("shape", "error"),
        [((4, 2), ShapeError), ((-1, 5), ShapeError), ((-1, -1), ConfigError), ((0, 6), ConfigError)],
    )
    def test_reshape(self, shape, error):
        with pytest.raises(error, match=r"layer 'fold' \(Reshape\)|Reshape\.target_shape"):
            Reshape(shape, name="fold")(np.ones((2, 6)))

    def test_unknown_lengths_after_the_batch(self):
        with pytest.raises(ShapeError, match=r"layer .*known.*None"):
            PReLU()._ensure_built((None, None, 2))

    def test_unknown_lengths_are_fine_where_they_do_not_matter(self):
        assert Dense(4)._ensure_built((None, None, 2)) == (None, None, 4)
        assert Activation("relu")._ensure_built((None, None, 2)) == (None, None, 2)
        assert BatchNormalization()._ensure_built((None, None, 2)) == (None, None, 2)
        assert PReLU(shared_axes=(1,))._ensure_built((None, None, 2)) == (None, None, 2)
        assert Embedding(5, 3)._ensure_built((None, None)) == (None, None, 3)

    @pytest.mark.parametrize("axis", [0, 3])
    def test_prelu_shared_axes(self, axis):
        with pytest.raises(ConfigError, match="shared_axes"):
            PReLU(shared_axes=(axis,))(np.ones((2, 3, 4)))

    def test_set_weights(self):
        layer = Dense(2, name="out")
        layer._ensure_built((None, 3))
        before = layer.get_weights()
        for wrong, message in (([np.ones((3, 2))], "2 weights, got 1"), ([np.ones((3, 2)), np.ones(3)], "'bias'")):
            with pytest.raises(ShapeError, match=message):
                layer.set_weights(wrong)
        for now, then in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)

    def test_backward_and_jvp_before_forward(self):
        layer = Dense(2)
        layer(np.ones((2, 3)))
        with pytest.raises(NotReadyError, match=r"Dense\(2|Dense\(units=2"):
            layer.backward(1)
        layer.forward(np.ones((2, 3)))
        with pytest.raises(ShapeError, match=r"Dense.*2, 2"):
            layer.backward(np.ones((2, 3)))
        with pytest.raises(ShapeError, match=r"3 tangents.*got 1"):
            layer.jvp(np.ones((2, 3)))

    def test_wrong_arguments(self):
        with pytest.raises(ConfigError, match=r"Dense\.units.*>= 1"):
            Dense(0)
        with pytest.raises(ConfigError, match=r"Dense\.activation.*'relu'|Dense\.activation.*ReLU"):
            Dense(1, activation="rleu")
        with pytest.raises(ConfigError, match=r"Dense.*did you mean 'units'"):
            Layer.get({"Dense": {"unit": 3}})
        with pytest.raises(ConfigError, match=r"Dense\.dtype"):
            Dense(1, dtype="float8")


def test_cast_changes_the_type_and_its_jacobian_changes_it_back():
    output, jacobians = Cast(dtype="float64").linearize(np.ones((2, 3), np.float32))
    assert output.dtype == np.float64
    assert jacobians.vjp(np.ones((2, 3)))[0].dtype == np.float32
    assert jacobians.jvp(np.ones((2, 3), np.float32)).dtype == np.float64


def test_layers_of_two_types_in_one_model():
    model = Sequential([Dense(4, dtype="float64"), Dense(2, dtype="float32")], seed=0)
    output = model.forward(normal(3, 5))
    assert output.dtype == np.float32
    assert [gradient.dtype.name for gradient in model.backward(1)] == ["float64"] * 3 + ["float32"] * 2


class Gate(Layer):
    """A user's layer: its fields are its constructor."""

    bias: float = 0.5

    def build(self, input_shape):
        self.scale = self.add_weight(input_shape[1:], "ones", name="scale")

    def linearize(self, inputs, scale):
        output = inputs * scale + self.bias
        shape = inputs.shape
        return output, Jacobians(Diagonal(scale, shape, shape), Diagonal(inputs, scale.shape, shape))


class KerasHabit(Layer):
    """A user's layer with a constructor of its own, as Keras asks for it."""

    def __init__(self, units, bias=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.bias = bias

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="he_normal", trainable=True)
        self.count = self.add_weight(initializer="zeros", trainable=False, name="count")

    def linearize(self, inputs, kernel, count):
        output, jacobians = Dense(self.units, use_bias=False).linearize(inputs, kernel)
        return output + self.bias, Jacobians(*jacobians.maps, None, state=(count + 1,))


class StoresFirst(KerasHabit):
    """Another habit: the arguments are stored before the base class is called."""

    def __init__(self, units, **kwargs):
        self.factor = units * 2
        super().__init__(units, **kwargs)


@pytest.mark.parametrize(
    "make", [lambda: Gate(bias=2.0), lambda: KerasHabit(3, name="mine"), lambda: StoresFirst(2, bias=1.0)]
)
def test_user_layers_train_save_and_load(make, tmp_path):
    layer, x = make(), normal(32, 4)
    assert type(Layer.get(layer.to_spec())) is type(layer)
    assert Layer.get(layer.to_spec()).to_spec() == layer.to_spec()
    model = Sequential([Input((4,)), layer, Dense(1)], seed=0)
    model.compile(optimizer={"adam": {"learning_rate": 0.05}}, loss="mse")
    losses = model.fit(x, x.sum(1), epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.get_config() == model.get_config()
    if isinstance(layer, KerasHabit):
        assert layer.count.value == 60  # only training changes the state, predict does not
        assert [weight.name for weight in layer.trainable_weights] == ["weight"]


def test_a_config_of_a_user_names_what_the_constructor_keeps_otherwise():
    class HiddenUnits(Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.hidden_units = units

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.hidden_units), "ones")

        def call(self, inputs):
            return inputs @ self.kernel

        def get_config(self):
            return {**super().get_config(), "units": self.hidden_units}

    document = layers.serialize(HiddenUnits(4, name="own"))
    again = layers.deserialize(document)
    assert (again.hidden_units, again.name) == (4, "own")
    model = Sequential([layers.Input((3,)), again])
    assert Sequential.from_config(model.get_config()).layers[-1].hidden_units == 4


def test_an_argument_that_the_constructor_does_not_keep_is_in_the_config():
    class Forgetful(Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)

    assert Forgetful.from_config(Forgetful(3).get_config()).get_config()["units"] == 3


def test_a_layer_without_linearize_says_so():
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define call\(inputs\) or linearize"):
        Empty()(np.ones((2, 3)))


def test_a_class_of_a_user_may_have_a_name_of_nnlite():
    members = dict(Layer._members)
    own = type("Dense", (Layer,), {"call": lambda self, inputs: inputs * 2, "__module__": "somewhere"})
    try:
        assert isinstance(Layer.get({"dense": {"units": 2}}), layers.Dense)
        spec = own().to_spec()
        assert list(spec) == ["Custom>Dense"] and type(Layer.get(spec)) is own
        assert layers.Dense(2).to_spec().keys() == {"Dense"} and Layer.members()["Dense"] is layers.Dense
    finally:
        Layer._members.clear()
        Layer._members.update(members)


@pytest.mark.parametrize("package", [None, "Mine"])
def test_configs_tell_such_a_class_from_that_of_nnlite(package, monkeypatch):
    monkeypatch.setattr(Layer, "_members", dict(Layer._members))
    monkeypatch.setattr(names, "_registered", {})
    own: Any = type("Dropout", (Layer,), {"call": lambda self, inputs: inputs * 2, "__module__": "somewhere"})
    if package is not None:
        names.register_keras_serializable(package)(own)
    document = layers.serialize(own())
    assert document["registered_name"] == f"{package or 'Custom'}>Dropout"
    assert type(layers.deserialize(document)) is type(utils.deserialize_keras_object(document)) is own
    for read in (layers.deserialize, utils.deserialize_keras_object):
        assert type(read(layers.serialize(layers.Dropout(0.5)))) is layers.Dropout
    entry = layers.Input((3,))
    for model in (Sequential([entry, layers.Dropout(0.5), own()]), Model(entry, own()(layers.Dropout(0.5)(entry)))):
        again = type(model).from_config(model.get_config())
        assert [type(layer) for layer in again.layers[-2:]] == [layers.Dropout, own]


@pytest.mark.parametrize("name", ["model.safetensors", "model.keras"])
def test_models_with_such_a_class_are_saved_and_loaded(name, tmp_path):
    members = dict(Layer._members)
    own = type("Dropout", (Layer,), {"call": lambda self, inputs: inputs * 2, "__module__": "somewhere"})
    model = Sequential([layers.Input((3,)), own(), layers.Dropout(0.5)])
    try:
        model.save(tmp_path / name)
        loaded = load_model(tmp_path / name)
        assert [type(layer) for layer in loaded.layers[-2:]] == [own, layers.Dropout]
        np.testing.assert_array_equal(loaded.predict(np.ones((2, 3)), verbose=0), np.full((2, 3), 2.0))
    finally:
        Layer._members.clear()
        Layer._members.update(members)
