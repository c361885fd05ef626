"""Configs of models and of `compile` in Keras's form, nested inputs, and what classes of users save by themselves."""

import json

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, models, ops, utils
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
    for name in ("sparse", "ragged", "optional"):
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
            with pytest.raises(ConfigError, match="y must be None if x is a"):
                method(batches, Y, verbose=0)


@pytest.mark.parametrize("word", ["crossentropy", "ce"])
def test_the_word_crossentropy_means_that_of_the_loss(word):
    classes = np.arange(8) % 3
    for units, activation, loss, targets in (
        (3, "softmax", "sparse_categorical_crossentropy", classes),
        (3, "softmax", "categorical_crossentropy", np.eye(3)[classes]),
        (1, "sigmoid", "binary_crossentropy", classes > 0),
        (3, None, nnlite.losses.CategoricalCrossentropy(from_logits=True), np.eye(3)[classes]),
    ):
        model = Sequential([Input((4,)), Dense(units, activation)], seed=0)
        model.compile("sgd", loss, metrics=[word])
        scores = model.evaluate(X, targets, verbose=0, return_dict=True)
        assert scores[word] == pytest.approx(scores["loss"], rel=1e-6)


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
