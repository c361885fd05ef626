"""Arguments of Keras's layers about types and batches: `autocast`, `dtype_policy`, the batch of stateful layers."""

import numpy as np
import pytest

from nnlite import Model, Sequential, layers, ops
from nnlite.config import dtype_policy, floatx, set_dtype_policy
from nnlite.dtype_policies import DTypePolicy, DTypePolicyMap
from nnlite.errors import ConfigError
from nnlite.models import load_model


class Same(layers.Layer):
    def call(self, inputs):
        return 1.0 * inputs


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_a_call_gets_its_inputs_in_their_type_without_autocast(kind):
    rows = np.ones((2, 3), kind)
    assert Same(autocast=False)(rows).dtype == kind
    assert Same()(rows).dtype == "float32"
    assert not Same(autocast=False).autocast and Same().autocast
    assert layers.Dense(2, autocast=False)(rows).dtype == "float32"


def test_a_policy_can_be_set_until_a_layer_is_built():
    layer, rows = layers.Dense(2), np.ones((1, 3), "float32")
    layer.dtype_policy = "mixed_float16"
    assert layer.dtype_policy.name == "mixed_float16" and layer.compute_dtype == "float16"
    assert layer(rows).dtype == "float16" and layer.kernel.dtype == "float32"
    with pytest.raises(ConfigError, match="is built"):
        layer.dtype_policy = "float32"
    other = layers.Dense(2)
    other.dtype_policy = layers.Dense(2, dtype="float64").dtype_policy
    assert other(rows).dtype == "float64"


@pytest.mark.parametrize(("usual", "floats"), [("float64", "float64"), ("mixed_float16", "float32")])
def test_a_map_of_policies_is_that_of_all_layers(usual, floats):
    policies = DTypePolicyMap(usual, {"wide_.*": DTypePolicy("float64"), "narrow": DTypePolicy("float32")})
    set_dtype_policy(policies)
    try:
        assert dtype_policy() is policies and floatx() == floats
        made = [layers.Dense(2, name=name) for name in ("wide_1", "narrow", "other")]
        made += [layers.Dense(2, name="narrow", dtype="float64")]
        assert [layer.dtype_policy.name for layer in made] == ["float64", "float32", usual, "float64"]
        assert [layer(np.ones((1, 3))).dtype for layer in made[:2]] == ["float64", "float32"]
    finally:
        set_dtype_policy("float32")
    assert dtype_policy() == DTypePolicy("float32") and layers.Dense(2, name="wide_1").dtype == "float32"


@pytest.mark.parametrize("wrapped", [False, True])
def test_stateful_layers_take_the_batch_of_the_input_of_a_graph(wrapped):
    inputs = layers.Input(batch_shape=(2, 3, 1))
    layer = layers.LSTM(4, stateful=True)
    layer = layers.Bidirectional(layer) if wrapped else layer
    model = Model(inputs, layer(inputs))
    rows = np.ones((2, 3, 1), "float32")
    assert not np.array_equal(model.predict(rows, verbose=0), model.predict(rows, verbose=0))
    with pytest.raises(ConfigError, match="batch_shape"):
        layers.LSTM(4, stateful=True)(layers.Input((3, 1)))


@pytest.mark.parametrize("suffix", [".keras", ".safetensors"])
def test_a_chain_takes_the_batch_of_its_input(tmp_path, suffix):
    if suffix == ".keras":
        pytest.importorskip("h5py")
    model = Sequential([layers.Input(batch_shape=(2, 3, 1)), layers.GRU(4, stateful=True), layers.Dense(1)])
    rows = np.ones((2, 3, 1), "float32")
    first, second = (model.predict(rows, verbose=0) for _ in range(2))
    model.layers[0].reset_states()
    np.testing.assert_array_equal(model.predict(rows, verbose=0), first)
    assert np.abs(second - first).max() > 1e-4
    model.save(tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}")
    again.layers[0].reset_states()
    np.testing.assert_array_equal(again.predict(rows, verbose=0), first)


def test_specs_of_outputs_in_a_dict():
    class Ends(layers.Layer):
        def call(self, inputs):
            return {"twice": 2 * inputs, "sum": ops.sum(inputs, axis=-1)}

    spec = Ends().compute_output_spec(layers.Input((5,)))
    assert {name: one.shape for name, one in spec.items()} == {"twice": (None, 5), "sum": (None,)}


def test_stateless_calls_of_stateful_layers():
    layer, rows = layers.GRU(2, stateful=True), np.ones((2, 3, 4))
    first = layer(rows)
    layer.reset_states()
    outputs, _ = layer.stateless_call(
        [weight.value for weight in layer.trainable_variables],
        [weight.value for weight in layer.non_trainable_variables],
        rows,
    )
    np.testing.assert_array_equal(outputs, first)


def test_states_are_no_weights():
    layer = layers.LSTM(2, stateful=True)
    layer(np.ones((2, 3, 4)))
    assert [weight.name for weight in layer.weights] == ["kernel", "recurrent_kernel", "bias"]
    assert layer.count_params() == 4 * (2 * 4 + 2 * 2 + 2) and len(layer.states) == 2


def test_a_build_of_several_shapes_is_called_with_them():
    class Pair(layers.Layer):
        def build(self, left_shape, right_shape):
            self.left = self.add_weight((left_shape[-1], 2), "ones")
            self.right = self.add_weight((right_shape[-1], 2), "ones")

        def call(self, left, right):
            return ops.matmul(left, self.left) - ops.matmul(right, self.right)

    layer = Pair()
    layer.build((None, 3), (None, 4))
    assert layer(np.ones((1, 3)), np.ones((1, 4))).tolist() == [[-1.0, -1.0]]
    layer = Pair()
    layer(np.ones((5, 3)), np.ones((5, 4)))
    assert layer.get_build_config() == {"shapes_dict": {"left_shape": (5, 3), "right_shape": (5, 4)}}
    again = Pair()
    again.build_from_config(layer.get_build_config())
    assert again.left.shape == (3, 2) and again.right.shape == (4, 2)


def test_build_configs():
    dense, relu, add = layers.Dense(2), layers.ReLU(), layers.Add()
    assert dense.get_build_config() is None
    rows = np.ones((3, 4))
    for layer, inputs in ((dense, rows), (relu, rows), (add, [rows, rows])):
        layer(inputs)
    assert dense.get_build_config() == {"input_shape": (3, 4)} and relu.get_build_config() is None
    assert add.get_build_config() == {"input_shape": ((3, 4), (3, 4))}
    relu = layers.ReLU()
    relu.build((None, 4))
    assert relu.get_build_config() == {"input_shape": (None, 4)}
    again = layers.Dense(2)
    again.build_from_config(dense.get_build_config())
    assert again.input_shape == (None, 4)


def test_configs_of_bidirectional_layers_have_both_layers():
    layer = layers.Bidirectional(layers.GRU(2))
    config = layer.get_config()
    assert config["backward_layer"]["config"]["go_backwards"] is True
    again, rows = layers.Bidirectional.from_config(config), np.ones((2, 3, 4))
    expected, _ = layer(rows), again(rows)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(rows), expected)


def test_formats_of_bounding_boxes_are_accepted():
    assert layers.RandomFlip(bounding_box_format="xyxy").mode == "horizontal_and_vertical"
    assert layers.Resizing(2, 2, bounding_box_format="xywh").height == 2


def test_configs_name_arguments_beyond_keras_only_where_they_do_something():
    beyond = {"parametrization", "members", "data_dependent_init", "sparse"}
    for layer in (layers.Dense(2), layers.Embedding(3, 2)):
        assert not beyond & layer.get_config().keys()
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    assert "activity_regularizer" not in layers.Dense(2).get_config()
    assert layers.Embedding(3, 2, sparse=True).get_config()["sparse"] is True
    assert layers.Dense(2, activity_regularizer="l2").get_config()["activity_regularizer"] is not None


@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "float32", "float64"])
def test_a_call_sees_the_type_that_it_computes_in(policy):
    class Seen(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((), "ones", name="scale")

        def call(self, inputs):
            outputs = inputs * self.scale
            self.kinds = [str(value.dtype) for value in (inputs, 2 * inputs, outputs)]
            return ops.cast(outputs + ops.zeros((3,), inputs.dtype), inputs.dtype)

    layer = Seen(dtype=policy)
    outputs = layer(np.full((2, 3), 1 / 3))
    kind = policy.removeprefix("mixed_")
    assert layer.kinds == [kind] * 3 and outputs.dtype == kind
    assert outputs[0, 0] == np.asarray(1 / 3, kind)
    model = Sequential([layer, layers.Dense(1, dtype="float32")])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(np.ones((4, 3)), np.ones(4), verbose=0).history["loss"]).all()
