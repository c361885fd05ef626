"""Configs of models and of `compile` in Keras's form, nested inputs, and what classes of users save by themselves."""

import copy
import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, backend, models, ops, utils
from nnlite.callbacks import Callback, CallbackList
from nnlite.errors import ConfigError
from nnlite.layers import Concatenate, Dense, Layer
from nnlite.losses import MeanAbsoluteError

X = np.random.default_rng(0).normal(size=(8, 4))
Y = X[:, :1]


def graph(**options):
    inputs = Input((4,), name="x")
    return Model(inputs, Dense(1, name="last")(Dense(3, "tanh", name="first")(inputs)), name="graph", **options)


def test_json_is_that_of_keras():
    chain = Sequential([Input((4,)), Dense(3, name="first")], name="chain")
    assert json.loads(chain.to_json()) == {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": None,
        "build_config": {"input_shape": [None, 4]},
        "compile_config": {},
        "config": json.loads(json.dumps(chain.get_config())),
    }
    first = json.loads(chain.to_json())["config"]["layers"][0]
    assert first["config"] == {
        "batch_shape": [None, 4],
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "optional": False,
        "name": "input_layer",
    }
    document = json.loads(graph().to_json())
    kind = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
    assert {name: document[name] for name in kind} == kind
    assert sorted(document["config"]) == ["input_layers", "layers", "name", "output_layers", "trainable"]
    assert document["config"]["layers"][1]["build_config"] == {"input_shape": [None, 4]}
    assert graph(seed=3).get_config()["seed"] == 3  # Keras has none: it is told where it was given


def absolute(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def test_the_config_of_compile_is_what_it_was_given_in_the_form_of_keras():
    model = graph()
    model.compile("sgd", absolute, metrics=["mae", absolute], loss_weights=[0.5])
    config = model.get_compile_config()
    function = {"module": "builtins", "class_name": "function", "config": "absolute", "registered_name": "function"}
    optimizer = config.pop("optimizer")
    assert (optimizer["class_name"], optimizer["config"]["learning_rate"]) == ("SGD", 0.01)
    assert config == {
        "loss": function,
        "metrics": ["mae", function],
        "weighted_metrics": None,
        "loss_weights": [0.5],
        "run_eagerly": False,
        "steps_per_execution": 1,
        "jit_compile": False,
    }
    with utils.custom_object_scope({"absolute": absolute}):
        twin = models.model_from_json(json.dumps(json.loads(model.to_json())))
        twin.compile_from_config({"optimizer": optimizer, **config})
    twin.set_weights(model.get_weights())
    assert twin.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)


def reopened(model, path):
    model.save(path)
    return nnlite.load_model(path)


@pytest.mark.parametrize(
    "again",
    [
        lambda model, folder: copy.deepcopy(model),
        lambda model, folder: pickle.loads(pickle.dumps(model)),
        lambda model, folder: reopened(model, folder / "a.safetensors"),
        lambda model, folder: reopened(model, folder / "a.keras"),
        lambda model, folder: reopened(model, folder / "a.h5"),
    ],
)
@pytest.mark.parametrize("metrics", [None, ["mae", "mse"]])
def test_names_given_to_compile_remain_names(tmp_path, again, metrics):
    model = graph()
    model.compile("sgd", "mse", metrics, loss_weights=0.5)
    twin = again(model, tmp_path)
    assert twin.loss == "mse"
    assert twin.get_compile_config() == model.get_compile_config()
    assert twin.metrics_names == model.metrics_names
    assert twin.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    unbuilt = Sequential([Dense(1)])
    unbuilt.compile("sgd", "mse", metrics)
    assert copy.copy(unbuilt).get_compile_config() == unbuilt.get_compile_config()


def test_data_are_nested_as_the_inputs_are(tmp_path):
    left, (wide, narrow) = Input((3,)), (Input((2,)), Input((1,)))
    joined = Concatenate()([left, wide, narrow])
    model = Model({"a": left, "b": [wide, narrow]}, {"q": {"w": Dense(2)(joined)}})
    data = {"a": X[:, :3], "b": [X[:, :2], X[:, 2:3]], "unused": X}
    expected = model(data)["q"]["w"]
    config = model.get_config()
    assert config["input_layers"]["b"][1][1:] == [0, 0] and list(config["output_layers"]["q"]) == ["w"]
    model.save(tmp_path / "model.safetensors")
    for again in (
        nnlite.load_model(tmp_path / "model.safetensors"),
        Model.from_config(config),
        models.model_from_json(model.to_json()),
    ):
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again(data)["q"]["w"], expected)


def test_the_key_of_an_input_need_not_be_its_name():
    inputs = Input((4,), name="x")
    model = Model({"other": inputs}, Dense(1)(inputs))
    for data in (X, {"other": X}, {"x": X}):
        np.testing.assert_array_equal(model.predict(data, verbose=0), model.predict(X, verbose=0))


def test_an_input_takes_what_keras_has():
    assert not Input((4,), sparse=False, ragged=False, optional=False).sparse
    for name in ("sparse", "ragged"):
        with pytest.raises(ConfigError, match=f"Input.{name}: data are dense"):
            Input((4,), **{name: True})


class Branches(Model):
    def __init__(self):
        super().__init__()
        self.p, self.q = Dense(1), Dense(2)

    def call(self, inputs):
        return {"p": self.p(inputs), "q": self.q(inputs)}


class Alone(Model):
    def __init__(self):
        super().__init__()
        self.p = Dense(1)

    def call(self, inputs):
        return {"p": self.p(inputs)}


@pytest.mark.parametrize(
    "loss, metrics, logged",
    [
        ({"p": "mse"}, None, ["loss"]),
        ({"p": "mse", "q": "mse"}, {"p": ["mae"]}, ["loss", "p_loss", "p_mae", "q_loss"]),
        ("mse", {"q": "mae"}, ["loss", "p_loss", "q_loss", "q_mae"]),
        (MeanAbsoluteError(), {"q": ["mse"]}, ["loss", "p_loss", "q_loss", "q_mse"]),
    ],
)
def test_outputs_are_named_in_compile_before_the_model_is_built(loss, metrics, logged):
    model = Branches()
    model.compile("sgd", loss, metrics=metrics)
    history = model.fit(X, {"p": Y, "q": X[:, :2]}, verbose=0).history
    assert sorted(history) == logged


def test_a_dict_of_one_output_is_named_too():
    model = Alone()
    model.compile("sgd", {"p": "mse"}, metrics={"p": ["mae"]})
    assert sorted(model.fit(X, {"p": Y}, verbose=0).history) == ["loss", "mae"]


class Told(Layer):
    def build(self, input_shape, first):
        self.first = first
        self.gain = self.add_weight((input_shape[-1],), first, name="gain")

    def call(self, inputs):
        return inputs * self.gain

    def get_build_config(self):
        return {"input_shape": self.input_shape, "first": self.first}

    def build_from_config(self, config):
        self.build(config["input_shape"], config["first"])


class OwnCompile(Model):
    def __init__(self):
        super().__init__()
        self.last = Dense(1)

    def call(self, inputs):
        return self.last(inputs)

    def compile(self, measure, rate):
        super().compile(nnlite.optimizers.Adam(rate), measure)
        self.measure, self.rate = measure, rate

    def get_compile_config(self):
        return {"measure": self.measure, "rate": self.rate}

    def compile_from_config(self, config):
        self.compile(utils.deserialize_keras_object(config["measure"]), config["rate"])


@pytest.mark.parametrize("ending", [".keras", ".safetensors"])
def test_files_hold_how_layers_are_built_and_compiled_by_themselves(tmp_path, ending):
    if ending == ".keras":
        pytest.importorskip("h5py")
    path, told = tmp_path / f"model{ending}", Told()
    told.build((None, 4), first="ones")
    model = Sequential([told, Dense(1)])
    model(X)
    model.save(path)
    again = nnlite.load_model(path, custom_objects={"Told": Told})
    assert again.layers[0].first == "ones"
    np.testing.assert_array_equal(again(X), model(X))
    model = OwnCompile()
    model.compile(absolute, 0.25)
    model.fit(X, Y, verbose=0)
    model.save(path)
    with utils.custom_object_scope({"absolute": absolute, "OwnCompile": OwnCompile}):
        again = nnlite.load_model(path)
    assert (again.rate, again.measure, again.optimizer.iterations) == (0.25, absolute, 1)
    assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)


def test_targets_beside_batches_are_refused():
    model = graph()
    model.compile("sgd", "mse")

    class Numbered(utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X, Y

    for batches in (Numbered(), ((X, Y) for _ in range(2))):
        for method in (model.fit, model.evaluate):
            with pytest.raises(ConfigError, match="y must be None if x gives batches"):
                method(batches, Y, verbose=0)


def test_operators_of_integers_draw_layers():
    inputs = Input((4,))
    numbers = np.arange(1.0, 9).reshape(2, 4)
    results = Model(inputs, [inputs // 2, 7 // inputs, inputs % 3, 5 % inputs])(numbers)
    for result, expected in zip(results, (numbers // 2, 7 // numbers, numbers % 3, 5 % numbers), strict=True):
        np.testing.assert_array_equal(result, expected)


def test_a_popped_chain_is_built_later_if_asked_to():
    model = Sequential([Input((4,)), Dense(3), Dense(2)])
    model.pop(rebuild=False)
    assert not model.built
    model.add(Dense(5))
    assert model.output_shape == (None, 5)


def test_fit_takes_a_list_of_callbacks_as_such():
    seen = []

    class Seeing(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    model = graph()
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, callbacks=CallbackList([Seeing()], model=model), verbose=0)
    assert seen == [0, 1]


class Penalized(Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = Dense(5, "tanh", use_bias=False), Dense(1, use_bias=False)

    def call(self, inputs):
        return self.last(self.first(inputs))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **options):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        kernel = self.first.kernel
        return loss + ops.sum(kernel**2) + ops.sum(ops.square(kernel)) - 3 * kernel[0, 0] + ops.sum(-self.last.kernel)


def test_a_step_that_is_written_derives_by_weights_it_uses_directly():
    models_of = Penalized(), Sequential([Input((4,)), Dense(5, "tanh", use_bias=False), Dense(1, use_bias=False)])
    models_of[0](X)
    before = [np.random.default_rng(1).normal(size=weight.shape) for weight in models_of[1].weights]
    after = []
    for model in models_of:
        model.set_weights(before)
        model.compile(nnlite.optimizers.SGD(1.0), "mse")
        model.train_on_batch(X, Y)
        after.append(model.get_weights())
    expected = 4 * before[0]
    expected[0, 0] -= 3
    np.testing.assert_allclose(after[1][0] - after[0][0], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(after[1][1] - after[0][1], -np.ones((5, 1)), rtol=1e-5, atol=1e-5)


def test_outputs_in_a_dict_are_in_the_order_of_their_keys(tmp_path):
    inputs = Input((4,), name="x")
    ends = {"reg": Dense(1, name="reg")(inputs), "cls": Dense(3, name="cls")(inputs)}
    model = Model(inputs, ends)
    assert [layer.name for layer in model.layers] == ["x", "cls", "reg"]
    assert [weight.shape for weight in model.weights[:2]] == [(4, 3), (3,)]
    assert model.output_names == list(model(X)) == ["cls", "reg"]
    assert model.compute_output_shape({"x": (7, 4)}) == {"cls": (7, 3), "reg": (7, 1)}
    kept = Model(inputs, OrderedDict(ends))
    assert kept.output_names == ["reg", "cls"]
    kept.save(tmp_path / "model.safetensors")  # as earlier versions wrote a dict
    again = nnlite.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again(X)["reg"], kept(X)["reg"])
    assert again.output_names == ["reg", "cls"]


def test_results_of_several_outputs_end_with_metrics_in_alphabetical_order():
    inputs = Input((4,))
    model = Model(inputs, [Dense(1, name="u")(inputs), Dense(1, name="c")(inputs)])
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
    named = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    values = model.evaluate(X, [Y, Y], verbose=0)
    assert values == [named[name] for name in ("loss", "u_loss", "c_loss", "c_mse", "u_mae")]
    assert model.test_on_batch(X, [Y, Y]) == pytest.approx(values)


def test_a_chain_is_a_model():
    assert isinstance(Sequential(), Model) and issubclass(Sequential, Model)
    assert not isinstance(graph(), Sequential) and not isinstance(Dense(1), Model)
    assert not isinstance(graph(), Branches) and isinstance(Branches(), Model)


class Tracking(Model):
    def __init__(self):
        super().__init__()
        self.last, self.level = Dense(1), nnlite.metrics.Mean(name="level")

    def call(self, inputs):
        outputs = self.last(inputs)
        self.level.update_state(ops.mean(outputs))
        return outputs


def test_metrics_that_call_updates_are_logged():
    model = Tracking()
    model.compile(nnlite.optimizers.SGD(0.0), "mse")
    history = model.fit(X, Y, verbose=0).history
    assert history["level"] == pytest.approx([model(X).mean()], abs=1e-6)


def test_arguments_of_call_are_named_in_a_config():
    class Joined(Layer):
        def call(self, first, second):
            return first - 2 * second

    left, right = Input((4,)), Input((4,))
    model = Model([left, right], Joined()(left, second=right))
    again = Model.from_config(model.get_config(), custom_objects={"Joined": Joined})
    np.testing.assert_array_equal(again([X, 3 * X]), model([X, 3 * X]))


def test_a_last_axis_of_one_is_added_or_left_out():
    numbers = np.arange(6.0)
    narrow = Sequential([Input((1,)), Dense(2)], seed=0)
    np.testing.assert_array_equal(narrow.predict(numbers, verbose=0), narrow.predict(numbers[:, None], verbose=0))
    narrow.compile("sgd", "mse")
    narrow.fit(numbers, np.zeros((6, 2)), verbose=0)
    np.testing.assert_array_equal(graph()(X[:, :, None]).shape, (8, 1))
    both = Model([wide := Input((4,)), one := Input((1,))], Concatenate()([wide, one]))
    assert both([X[:, :, None], X[:, 0]]).shape == (8, 5)


def test_an_input_is_neither_a_boolean_nor_a_list():
    for ask in (bool, list):
        with pytest.raises(TypeError, match="has no values yet"):
            ask(Input((2,)))


@pytest.mark.parametrize("make", [graph, lambda: Sequential([Input((4,)), Dense(1)])])
def test_models_made_again_are_named_alike_and_compiled(make):
    model = make()
    assert models.clone_model(model).name == model.name
    model.compile(nnlite.optimizers.SGD(0.25), "mse", metrics=["mae"])
    again = models.model_from_json(model.to_json())
    assert again.compiled and again.optimizer.learning_rate == 0.25
    again.set_weights(model.get_weights())
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_weights_alone_are_saved_by_functions_of_keras_saving(tmp_path):
    pytest.importorskip("h5py")
    model, other = graph(), graph()
    nnlite.saving.save_weights(model, tmp_path / "w.weights.h5")
    nnlite.saving.load_weights(other, tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other(X), model(X))


def test_the_mean_of_nothing_is_not_a_number():
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert np.isnan(ops.mean(np.zeros((0, 3))))


def test_classes_are_called_as_in_keras(tmp_path):
    model = graph()
    assert [type(part).__name__ for part in (model, *model.layers)] == ["Functional", "InputLayer", "Dense", "Dense"]
    model.save(tmp_path / "model.safetensors")
    for twin in (
        nnlite.load_model(tmp_path / "model.safetensors"),
        copy.deepcopy(model),
        models.clone_model(model),
        Model.from_config(model.get_config()),
    ):
        assert type(twin) is type(model) and isinstance(twin, Model)
    assert type(Alone()) is Alone and type(Sequential()) is Sequential
    assert list(model.to_spec()) == ["Model"] and list(Input((2,)).to_spec()) == ["Input"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.keras", "model.h5"])
def test_a_loaded_model_has_its_name(tmp_path, name):
    backend.clear_session()
    model = Sequential([Input((4,)), Dense(1)])
    assert model.name == "sequential"
    model.save(tmp_path / name)
    assert nnlite.load_model(tmp_path / name).name == "sequential"
    second = Sequential([Input((4,)), Dense(1)])
    assert second.name == copy.deepcopy(second).name == "sequential_1"
    assert nnlite.load_model(tmp_path / name)._given_name is None


def test_a_model_of_dicts_is_drawn_and_recorded_by_their_keys(tmp_path):
    q, w = Input((3,), name="q"), Input((2,), name="w")
    inner = Model({"q": q, "w": w}, {"r": Dense(2)(q), "s": Dense(1)(w)}, name="inner")

    class Around(Model):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, inputs):
            return self.inner({"w": inputs[:, 2:], "q": inputs[:, :3]})["r"]

    a, b = Input((3,)), Input((2,))
    ends = inner({"w": b, "q": a})
    outer = Model([a, b], ops.concatenate([ends["r"], ends["s"]], -1))
    expected = inner({"q": X[:, :3], "w": X[:, 2:]})
    np.testing.assert_array_equal(outer([X[:, :3], X[:, 2:]]), np.hstack([expected["r"], expected["s"]]))
    np.testing.assert_array_equal(Around()(X), expected["r"])
    outer.save(tmp_path / "model.keras")
    for again in (nnlite.load_model(tmp_path / "model.keras"), Model.from_config(outer.get_config())):
        again.set_weights(outer.get_weights())
        np.testing.assert_array_equal(again([X[:, :3], X[:, 2:]]), outer([X[:, :3], X[:, 2:]]))


def test_a_list_of_one_input_or_output_is_one_in_configs_too():
    inputs = Input((3,), name="a")
    model = Model([inputs], [Dense(2, name="d")(inputs)])
    config = model.get_config()
    assert (config["input_layers"], config["output_layers"]) == ([["a", 0, 0]], [["d", 0, 0]])
    again = Model.from_config(config)
    assert type(again.input) is list and again.input_spec[0].allow_last_axis_squeeze
    assert Model(inputs, model.outputs[0]).get_config()["input_layers"] == ["a", 0, 0]


def test_what_a_config_compiles_has_the_variables_of_its_optimizer():
    both = [Sequential([Input((3,)), Dense(2)]) for _ in range(2)]
    both[0].compile("adam", "mse")
    both[1].compile_from_config(both[0].get_compile_config())
    assert both[1].optimizer.built and len(both[1].optimizer.variables) == 6
