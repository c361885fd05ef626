"""Models as Keras's users call them: dicts of inputs, single outputs by name, clones, functions, parts of graphs."""

import json

import numpy as np
import pytest

import nnlite
from nnlite import Function, Input, InputSpec, KerasTensor, Model, Sequential, layers, ops
from nnlite.errors import ConfigError
from nnlite.models import clone_model

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1] * 2


class Keyed(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, use_bias=False)

    def call(self, inputs):
        return self.dense(inputs["a"]) - 2 * self.dense(inputs["b"])


def test_a_model_takes_a_dict_whatever_the_order_of_its_keys():
    model, data = Keyed(), {"a": X, "b": X[::-1].copy()}
    model.compile("sgd", "mse")
    history = model.fit(data, Y, epochs=2, batch_size=4, verbose=0, validation_data=(data, Y))
    assert len(history.history["val_loss"]) == 2
    expected = data["a"] @ model.dense.kernel.value - 2 * data["b"] @ model.dense.kernel.value
    turned = {"b": data["b"], "a": data["a"]}
    for outputs in (model.predict(turned, verbose=0), model(turned), model.predict(data, verbose=0)):
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ConfigError, match="was built for the inputs"):
        model.predict({"a": X, "c": X}, verbose=0)


class BuildsNothing(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.inner = layers.Dense(units)

    def call(self, inputs):
        return self.inner(inputs)


def test_a_layer_that_does_not_keep_its_arguments_can_be_trained_shown_and_described():
    class OfBlocks(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [BuildsNothing(3), BuildsNothing(1)]

        def call(self, inputs):
            for block in self.blocks:
                inputs = block(inputs)
            return inputs

    model = OfBlocks()
    model.compile("sgd", "mse")
    assert len(model.fit(X, Y, verbose=0, epochs=2).history["loss"]) == 2
    assert repr(model.blocks[0]) == "BuildsNothing(units=3)" and model.blocks[0].get_config()["units"] == 3


def test_arguments_of_compile_for_the_one_output_by_its_name_or_in_lists():
    def logs(loss, metrics, **options):
        model = Sequential([Input((3,)), layers.Dense(1, name="out")], seed=0)
        model.compile("sgd", loss, metrics=metrics, **options)
        return model.fit(X, Y, verbose=0).history

    expected = logs("mse", ["mae"])
    for loss, metrics in ((["mse"], [["mae"]]), ({"out": "mse"}, {"out": "mae"}), ("mse", {"out": ["mae"]})):
        assert logs(loss, metrics) == expected
    weighted = logs("mse", ["mae"], weighted_metrics=["mae"])
    assert list(weighted) == ["loss", "mae", "weighted_mae"]
    assert logs("mse", None, loss_weights={"out": 0.5}) == logs("mse", None, loss_weights=0.5)


def test_arguments_of_compile_by_name_for_the_one_output_of_a_graph():
    inputs = Input((3,))
    for outputs, name in ((layers.Dense(1, name="out")(inputs), "out"), ({"price": layers.Dense(1)(inputs)}, "price")):
        model = Model(inputs, outputs, seed=0)
        model.compile("sgd", {name: "mse"}, {name: "mae"}, {name: None}, {name: 2.0})
        loss, mae = model.evaluate(X, Y, verbose=0)
        errors = next(iter(model(X).values())) - Y if name == "price" else model(X) - Y
        assert (loss, mae) == (pytest.approx(2 * np.mean(errors**2), rel=1e-5), pytest.approx(np.mean(abs(errors))))


def test_an_empty_dict_of_losses_is_no_loss():
    class Unchanged(Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ConfigError, match="loss"):
        Unchanged().compile("sgd", {})


def test_validation_after_the_epochs_of_a_list():
    model = Sequential([Input((3,)), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    stop = nnlite.callbacks.EarlyStopping(monitor="val_loss", patience=5)
    history = model.fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=[1, 4], callbacks=[stop], verbose=0)
    assert len(history.history["loss"]) == 4 and len(history.history["val_loss"]) == 2


def graph():
    inputs = Input((3,), name="in")
    hidden = layers.Dense(4, "relu", name="hidden")(inputs)
    return Model(inputs, [layers.Dense(2, name="a")(hidden), ops.exp(hidden)], name="graph")


def test_clones_on_other_inputs():
    model, given = graph(), Input((3,), name="given")
    clone = clone_model(model, input_tensors=given)
    assert clone.inputs[0] is given and [shape[1] for shape in clone.output_shape] == [2, 4]
    clone.set_weights(model.get_weights())
    for one, other in zip(clone(X), model(X), strict=True):
        np.testing.assert_array_equal(one, other)
    assert clone.get_layer("hidden") is not model.get_layer("hidden")
    chain = Sequential([Input((3,)), layers.Dense(2)])
    assert clone_model(chain, Input((5,))).input_shape == (None, 5)
    assert clone_model(Model(model.inputs, model.outputs, dtype="float64"), given).dtype == "float64"
    with pytest.raises(ConfigError, match="has 1 inputs, got 2"):
        clone_model(model, [given, given])


def test_clones_with_functions():
    model, called = graph(), []

    def call(layer, *inputs, **options):
        called.append(layer.name)
        return layer(*inputs, **options)

    clone_model(model, call_function=call)
    assert {"hidden", "a"} <= set(called) and len(called) == 3

    def freeze(layer):
        copy = type(layer).from_config(layer.get_config())
        copy.trainable = False
        return copy

    clone = clone_model(model, clone_function=freeze)
    assert not clone.trainable_weights and len(clone.weights) == 4
    nested = Sequential([Input((3,)), Sequential([Input((3,)), layers.Dense(2, name="deep")], name="inner")])
    seen = []
    clone_model(nested, clone_function=lambda layer: seen.append(layer.name) or freeze(layer), recursive=True)
    assert seen == ["deep"]
    with pytest.raises(ConfigError, match="chain"):
        clone_model(nested, call_function=call)
    assert clone_model(nested, recursive=True).layers[0].layers[0].name == "deep"
    with pytest.raises(ConfigError, match="writes call"):
        clone_model(Keyed(), clone_function=freeze)


def test_a_subclass_without_arguments_has_clones():
    model = Keyed()
    model({"a": X, "b": X})
    assert isinstance(clone_model(model), Keyed)


def test_a_model_may_begin_behind_a_layer():
    model = graph()
    hidden = model.get_layer("hidden").output
    tail = Model(hidden, model.get_layer("a").output)
    assert tail.input_shape == (None, 4) and tail.get_layer("a") is model.get_layer("a")
    np.testing.assert_array_equal(tail(model(X)[1] * 0), np.broadcast_to(model.get_layer("a").bias.value, (8, 2)))
    assert len(tail.trainable_weights) == 2


def test_keys_name_the_inputs_and_not_the_layers_they_stand_behind():
    layer, other = layers.Dense(2), Input((2,))
    hidden = layer(Input((3,)))
    model = Model({"hidden": hidden, "other": other}, hidden + other)
    assert layer._given_name is None and [symbol.name for symbol in model.inputs] == ["hidden", "other"]
    data = {"hidden": X[:, :2], "other": X[:, 1:]}
    np.testing.assert_array_equal(model.predict(data, verbose=0), X[:, :2] + X[:, 1:])


def test_functions():
    one, two = Input((3,)), Input((3,))
    function = Function({"one": one, "two": two}, {"sum": one + two}, name="sums")
    np.testing.assert_array_equal(function({"one": X, "two": X})["sum"], 2 * X)
    assert function.name == "sums" and len(function.inputs) == 2 and function.outputs[0].shape == (None, 3)
    assert [type(part).__name__ for part in function.operations] == ["InputLayer", "InputLayer", "Operation"]
    assert function.compute_output_shape([(5, 3), (5, 3)]) == (5, 3)


def test_stand_ins_for_values():
    symbol = layers.Dense(2)(Input((3,)))
    assert isinstance(symbol, KerasTensor) and isinstance(Input((3,)), KerasTensor)
    assert not isinstance(X, KerasTensor) and not isinstance(layers.Dense(2), KerasTensor)
    made = KerasTensor((2, 3), dtype="int32", name="made")
    assert (made.shape, made.ndim, made.dtype, made.name) == ((2, 3), 2, "int32", "made")
    assert layers.Dense(4).compute_output_spec(KerasTensor((None, 3))).shape == (None, 4)
    assert InputSpec is layers.InputSpec


def test_export_in_a_stated_format(tmp_path, capsys):
    model = Sequential([Input((3,)), layers.Dense(1)], seed=0)
    assert model.export(tmp_path / "net", format="python", verbose=True) == [str(tmp_path / "net")]
    assert "Saved" in capsys.readouterr().out and b"def " in (tmp_path / "net").read_bytes()
    with pytest.raises(ConfigError, match="unknown format 'tf_saved_model'; a model is exported as onnx, python, c"):
        model.export(tmp_path / "net", format="tf_saved_model")


class Arguments(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, left, right):
        return self.dense(left - right)


@pytest.mark.parametrize("ending", ["safetensors", "keras"])
@pytest.mark.parametrize("make", [Keyed, Arguments])
def test_files_know_the_form_of_the_data(make, ending, tmp_path):
    if ending == "keras":
        pytest.importorskip("h5py")
    model, data = make(), {"a": X, "b": X[::-1].copy()}
    call = (lambda one: one(data)) if make is Keyed else (lambda one: one(data["a"], data["b"]))
    expected = call(model)
    model.save(tmp_path / f"net.{ending}")
    loaded = nnlite.load_model(tmp_path / f"net.{ending}")
    np.testing.assert_array_equal(call(loaded), expected)


def test_a_dict_of_shapes_builds():
    model = Keyed()
    model.build({"a": (None, 3), "b": (None, 3)})
    assert model.built and model.predict({"b": X, "a": X}, verbose=0).shape == (8, 1)


def test_the_config_of_a_chain_is_in_terms_of_keras():
    model = Sequential([Input((3,)), layers.Dense(4, "relu", name="one"), layers.Dense(1, kernel_regularizer="l2")])
    config = json.loads(json.dumps(model.get_config()))
    assert list(config) == ["name", "trainable", "dtype", "layers", "build_input_shape"]
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "Dense", "Dense"]
    assert config["layers"][1]["config"]["name"] == "one" and config["name"] == "sequential"
    assert config["build_input_shape"] == [None, 3]
    again = Sequential.from_config(config)
    assert again.get_config() == model.get_config() and again.name == "sequential"
    assert Sequential([], name="mine").get_config()["name"] == "mine"
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(X), model(X))
    lazy = Sequential([layers.Dense(2)])
    assert "build_input_shape" not in lazy.get_config()
    lazy.build((None, 3))
    built = Sequential.from_config(lazy.get_config())
    assert built.built and built.output_shape == (None, 2)
    inner = layers.Dense(3)
    named = Sequential([layers.Dense(2, name="shared layer")])
    assert named.get_config()["layers"][0]["config"]["name"] == "shared layer"  # which is the key of shared ones
    shared = Sequential([Input((3,)), layers.Residual([inner]), layers.Residual([inner])])
    assert Sequential.from_config(shared.get_config()).count_params() == 12  # still one layer


def test_the_config_of_an_input_is_that_of_keras():
    given = layers.InputLayer((3,), batch_size=2, dtype="int32", name="given")
    config = given.get_config()
    further = {"sparse": False, "ragged": False, "optional": False}
    assert config == {"name": "given", "batch_shape": (2, 3), "dtype": "int32", **further}
    again = layers.InputLayer.from_config(config)
    assert (again.batch_shape, again.name, again.dtype) == ((2, 3), "given", "int32")
    assert given.to_spec()["Input"]["shape"] == [3]


class WithOptional(Model):
    def call(self, first, second=None):
        return 2 * first if second is None else first - second


def test_a_model_whose_call_takes_a_second_input_or_none():
    model = WithOptional()
    for _ in range(2):
        np.testing.assert_allclose(model(X), 2 * X)
        np.testing.assert_allclose(model(X, second=X / 2), X / 2)


def test_trainable_is_set_on_all_layers_of_a_graph_inputs_too():
    inputs = Input((2,))
    model = Model(inputs, layers.Dense(1)(layers.Dense(3)(inputs)))
    for value in (False, True):
        model.trainable = value
        assert [layer.trainable for layer in model.layers] == 3 * [value]
