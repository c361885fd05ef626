"""What Keras's models have besides: clones, JSON, custom objects, summaries, arguments of compile and load."""

import json

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers, models, ops, utils
from nnlite.errors import ConfigError, ModelFileError, NotReadyError
from nnlite.layers import Dense, Dropout, Layer
from nnlite.losses import Loss

X = np.random.default_rng(2).normal(size=(8, 4)).astype("float32")


def chain():
    return Sequential([Input((4,)), Dense(3, activation="relu"), Dense(1)], seed=0)


def graph():
    inputs = Input((4,))
    return Model(inputs, Dense(1)(Dense(3)(inputs)), seed=0)


@pytest.mark.parametrize("make", [chain, graph])
def test_a_clone_has_weights_of_its_own(make):
    model = make()
    clone = models.clone_model(model)
    assert type(clone) is type(model) and clone.built and not clone.compiled
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert (clone.layers[-1].kernel.value != model.layers[-1].kernel.value).any()
    wide = models.clone_model(model, clone_function=lambda layer: Dense(layer.units + 1, name=layer.name))
    assert [layer.units for layer in wide.layers[-2:]] == [4, 2] and model.layers[-2].units == 3
    assert models.clone_model(Dense(5)).units == 5
    with pytest.raises(ConfigError, match="clone_model needs a model, got int"):
        models.clone_model(3)


@pytest.mark.parametrize("make", [chain, graph])
def test_json_describes_the_model_without_its_weights(make):
    model = make()
    text = model.to_json(indent=1)
    assert json.loads(text)["class_name"] == type(model).__name__
    again = models.model_from_json(text)
    assert again.built and again.count_params() == model.count_params()
    lazy = Sequential([Dense(2)], seed=0)
    assert not models.model_from_json(lazy.to_json()).built
    lazy.build((None, 4))
    assert models.model_from_json(lazy.to_json()).built
    with pytest.raises(ConfigError, match="not the JSON of a model"):
        models.model_from_json("{")
    for text in ('"Sequential"', "[1]", "null"):
        with pytest.raises(ConfigError, match="not the JSON of a model: expected an object"):
            models.model_from_json(text)
    for build in (5, {"input_shape": "wide"}):
        text = json.dumps({"class_name": "Sequential", "config": {"layers": []}, "build_config": build})
        with pytest.raises(ConfigError, match=r"model_from_json\.build_config: "):
            models.model_from_json(text)
    with pytest.raises(ConfigError, match="describes a Dense"):
        models.model_from_json('{"class_name": "Dense", "config": {"units": 2}}')


def squared(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def test_custom_objects_stand_for_their_names(tmp_path):
    model, path = chain(), tmp_path / "model.safetensors"
    model.compile("sgd", squared)
    with utils.custom_object_scope({"squared": squared}):
        model.save(path)
    with pytest.raises(ModelFileError, match="unknown function 'squared'"):
        nnlite.load_model(path)
    loaded = nnlite.load_model(path, custom_objects={"squared": squared}, safe_mode=False)
    assert loaded.loss.function.function is squared
    with utils.custom_object_scope({"Dense": Dropout}):
        assert type(Layer.get({"Dense": {"rate": 0.5}})) is Dropout
    assert type(Layer.get({"Dense": {"units": 3}})) is Dense


def test_registered_objects_have_names():
    @utils.register_keras_serializable("mine", name="cubed")
    def cube(y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 2 * ops.abs(y_true - y_pred), axis=-1)

    try:
        assert utils.get_registered_name(cube) == "mine>cubed" and utils.get_registered_name(squared) == "squared"
        assert utils.get_registered_object("mine>cubed") is cube is utils.get_custom_objects()["cubed"]
        assert utils.get_registered_object("other", {"other": squared}) is squared
        assert Loss.get(Loss.get(cube).to_spec()).function.function is cube
        with pytest.raises(ConfigError, match="needs a method get_config"):
            utils.register_keras_serializable()(type("Bare", (), {}))
    finally:
        for name in ("mine>cubed", "cubed"):
            del utils.get_custom_objects()[name]


def test_weights_that_do_not_fit_may_be_left_out(tmp_path):
    model, path = chain(), tmp_path / "weights.safetensors"
    model.save_weights(path)
    other = Sequential([Input((4,)), Dense(3), Dense(2)], seed=1)
    before = other.layers[1].kernel.value.copy()
    with pytest.raises(ModelFileError, match="other shapes"):
        other.load_weights(path)
    with pytest.warns(UserWarning, match=r"left out.*weights/2\.kernel, weights/3\.bias"):
        other.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(other.layers[0].kernel.value, model.layers[0].kernel.value)
    np.testing.assert_array_equal(other.layers[1].kernel.value, before)


@pytest.mark.parametrize("make", [chain, graph])
def test_compile_takes_all_of_keras_and_gives_it_back(make):
    model = make()
    assert model.get_compile_config() == {} and model.metrics_names == []
    options = {"run_eagerly": True, "jit_compile": False, "steps_per_execution": 8, "auto_scale_loss": False}
    model.compile("adam", "mse", metrics=["mae"], **options)
    model.fit(X, X[:, 0], verbose=0)
    assert model.metrics_names == ["loss", "compile_metrics"]
    assert (model.run_eagerly, model.jit_compile, model.steps_per_execution) == (True, False, 8)
    loss, together = model.metrics
    assert loss.result() == pytest.approx(model.history.history["loss"][0])
    assert together.result() == {"mae": pytest.approx(model.history.history["mae"][0])}
    assert model.get_metrics_result() == {"loss": loss.result(), **together.result()}
    together.update_state(X[:, :1], X[:, :1] + 1e9)
    assert together.result()["mae"] > 1e5
    model.reset_metrics()
    assert not loss.count and not together.metrics[0].count
    model.compile("adam", "mse")
    assert model.metrics_names == ["loss"]
    twin = make()
    twin.compile_from_config(model.get_compile_config())
    assert twin.get_compile_config() == model.get_compile_config()
    with pytest.raises(NotReadyError, match="nothing to compile with"):
        twin.compile_from_config({})


def test_layers_are_not_assigned():
    for model in (chain(), graph()):
        with pytest.raises(AttributeError, match="layers cannot be assigned"):
            model.layers = []
        assert len(model.layers) == 2 + (not isinstance(model, Sequential))


def test_a_chain_that_begins_with_a_built_model_is_built():
    assert Sequential([Sequential([Input((4,)), Dense(3)]), Dense(2)]).output_shape == (None, 2)
    assert Sequential([graph(), Dense(2)]).built
    assert not Sequential([Sequential([Dense(3)]), Dense(2)]).built


def test_the_summary_shows_what_is_asked_for():
    model = Sequential(
        [Input((4,)), Sequential([Dense(3, name="inside")], name="block"), Dense(1, name="last")], seed=0
    )
    model.layers[0].trainable = False
    lines = []

    def shown(**options):
        lines.clear()
        model.summary(print_fn=lines.append, **options)
        return lines[0]

    assert "inside" not in shown() and "│    └ inside (Dense)" in shown(expand_nested=True)
    table = shown(show_trainable=True).split("\n")
    assert table[2].endswith("┃ Trai… ┃") and table[4].endswith("│   N   │") and table[6].endswith("│   Y   │")
    assert {len(line) for line in shown(line_length=60).split("\n")[1:-3]} == {60}
    assert "block" not in shown(layer_range=["last", "last"])
    assert "subject" not in shown(positions=[0.3, 0.6, 1.0])
    for refused in ({"positions": [0.3, 0.6]}, {"line_length": 8}):
        with pytest.raises(ConfigError, match=r"positions, got|too narrow"):
            shown(**refused)


def test_the_summary_of_a_graph_has_its_inputs_and_functions():
    given, lines = Input((4,), name="given"), []
    hidden = Dense(3, name="hidden")(given)
    model = Model(given, Dense(1, name="last")(hidden + 2 * hidden))
    model.summary(print_fn=lines.append)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines[0].split("\n") if "│" in line]
    assert cells[0] == ["given (InputLayer)", "(None, 4)", "0", "-"]
    assert cells[1] == ["hidden (Dense)", "(None, 3)", "15", "given[0][0]"]
    assert cells[3:5] == [["add (Add)", "(None, 3)", "0", "hidden[0][0],"], ["", "", "", "multiply[0][0]"]]
    model.summary(print_fn=lines.append, layer_range=["hidden", "last"])
    shown = [line.split()[1] for line in lines[1].split("\n") if line.startswith("│ ") and "None" in line]
    assert shown == ["hidden", "multiply", "add", "last"]
    Model(given, Dense(1)(hidden)).summary(print_fn=lines.append)
    assert "Connected to" not in lines[2]  # one after another


def test_a_picture_of_the_graph(tmp_path):
    path = tmp_path / "model.svg"
    inputs = Input((4,), name="left")
    hidden = Dense(3, activation="relu", name="hidden<")(inputs)
    model = Model(inputs, ops.concatenate([hidden, inputs], axis=-1) * 2, seed=0)
    text = utils.plot_model(model, path, show_shapes=True, show_layer_names=True, show_trainable=True)
    assert path.read_text() == text and text.startswith("<svg") and "hidden&lt;" in text and "(None, 7)" in text
    assert text.count("<rect") == 4 and text.count("<path") == 4 + 1  # edges, and the head of the arrow
    assert utils.plot_model(chain(), None).count("<rect") == 3
    nested = Sequential([Input((4,)), chain()], seed=0)
    assert utils.plot_model(nested, None).count("<rect") == 2
    assert utils.plot_model(nested, None, expand_nested=True, show_layer_names=True).count("<rect") == 3
    wide = utils.plot_model(model, None, rankdir="LR")
    assert wide != utils.plot_model(model, None)
    with pytest.raises(ConfigError, match=r"ends in \.svg"):
        utils.plot_model(model, tmp_path / "model.png")
    with pytest.raises(NotReadyError):
        utils.plot_model(Sequential([Dense(2)]), None)


def test_steps_that_nobody_wrote_give_loss_and_metrics():
    model, x, y = chain(), np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
    model.compile("sgd", "mse", metrics=["mae"])
    wanted = model.evaluate(x, y, return_dict=True, verbose=0)
    model.reset_metrics()
    assert model.test_step((x, y)) == pytest.approx(wanted, rel=1e-6)
    model.reset_metrics()
    assert model.train_step((x, y)) == pytest.approx(wanted, rel=1e-6)
    model.reset_metrics()
    assert model.test_step((x, y))["loss"] < wanted["loss"]
    fresh = models.clone_model(model)
    fresh.compile("sgd", "mse", metrics=["mae"])
    assert fresh.test_step((x, y))["mae"] > 0  # before any other step


class TestConfigsOfGraphs:
    @staticmethod
    def two_headed():
        entry = Input((3,), name="entry")
        hidden = layers.Dense(4, "relu", name="hidden")
        first = layers.Dense(2, name="first")(hidden(entry))
        second = layers.Dense(1, name="second")(layers.Concatenate()([hidden(entry * 2), first]))
        return Model(entry, [first, second], name="two")

    def test_layers_have_their_calls(self):
        config = self.two_headed().get_config()
        assert config["layers"][0]["class_name"] == "InputLayer"
        assert (config["name"], config["trainable"], config["input_layers"]) == ("two", True, ["entry", 0, 0])
        assert config["output_layers"] == [["first", 0, 0], ["second", 0, 0]]
        hidden = next(layer for layer in config["layers"] if layer["name"] == "hidden")
        assert (hidden["module"], hidden["config"]["units"], len(hidden["inbound_nodes"])) == ("keras.layers", 4, 2)
        history = hidden["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
        assert history == ["entry", 0, 0]

    def test_from_config_draws_them_again(self):
        model, x = self.two_headed(), np.ones((2, 3))
        twin = Model.from_config(json.loads(json.dumps(model.get_config())))
        assert twin.name == "two" and len(twin.weights) == 6
        twin.set_weights(model.get_weights())
        for one, other in zip(model(x), twin(x), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_layers_of_users_and_models_inside(self):
        class Times(layers.Layer):
            def __init__(self, factor=2, **options):
                super().__init__(**options)
                self.factor = factor

            def call(self, inputs):
                return inputs * self.factor

            def get_config(self):
                return {**super().get_config(), "factor": self.factor}

        entry, inner = Input((3,)), Sequential([Input((3,)), layers.Dense(3)])
        model = Model(entry, Times(5)(inner(self.two_headed()(entry)[0] @ np.ones((2, 3)))))
        twin = Model.from_config(model.get_config())
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin(np.ones((2, 3))), model(np.ones((2, 3))))

    def test_a_single_number_as_the_output(self):
        entry = Input((3,))
        model, x = Model(entry, ops.sum(layers.Dense(2)(entry))), np.ones((2, 3))
        twin = Model.from_config(model.get_config())
        twin.set_weights(model.get_weights())
        assert twin.output_shape == () and twin(x) == model(x)
        lines: list[str] = []
        model.summary(print_fn=lines.append)
        assert "│ ()  " in lines[0]

    def test_what_calls_alone_do_not_say_is_in_the_form_of_files(self):
        entry, shared = Input((3,)), layers.Dense(3)
        model = Model(entry, layers.TimeDistributed(shared)(layers.Reshape((1, 3))(shared(entry))))
        assert "nodes" in model.get_config()
        assert len(Model.from_config(model.get_config()).weights) == len(model.weights)

    @pytest.mark.parametrize("training", [True, False])
    def test_a_call_that_is_told_training_is_told_again(self, training):
        entry, x = Input((50,)), np.ones((2, 50))
        model = Model.from_config(Model(entry, layers.Dropout(0.5)(entry, training=training)).get_config())
        assert model.get_config()["layers"][1]["inbound_nodes"][0]["kwargs"] == {"training": training}
        for told in (True, False):
            assert (np.asarray(model(x, training=told)) == 0).any() == training

    @pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
    @pytest.mark.parametrize("states", [0, 1])
    @pytest.mark.parametrize("training", [True, False, None])
    def test_a_call_of_a_recurrent_layer_that_is_told_training_is_told_again(self, kind, states, training):
        entry, starts = Input((50, 1)), [Input((3,)) for _ in range(states * (1 + (kind is layers.LSTM)))]
        told = {"initial_state": starts} if states else {}
        drawn = Model([entry, *starts], kind(3, dropout=0.5)(entry, **told, training=training))
        model = Model.from_config(drawn.get_config())
        model.set_weights(drawn.get_weights())
        x = [np.ones((2, 50, 1)), *[np.zeros((2, 3)) for _ in starts]]
        expected = np.asarray(drawn.layers[-1](x[0]))
        drops = [(np.asarray(model(x, training=flag)) != expected).any() for flag in (True, False)]
        assert drops == ([True, False] if training is None else [training] * 2)

    def test_a_config_that_keras_wrote(self):
        policy = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
        }
        tensor = {"shape": [None, 3], "dtype": "float32", "keras_history": ["entry", 0, 0]}
        entry = {"batch_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "entry"}
        dense = {"name": "dense", "trainable": True, "dtype": policy, "units": 2, "activation": "linear"}
        common = {"module": "keras.layers", "registered_name": None}
        call = {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}
        config = {
            "name": "functional",
            "trainable": True,
            "layers": [
                {**common, "class_name": "InputLayer", "config": entry, "name": "entry", "inbound_nodes": []},
                {**common, "class_name": "Dense", "config": dense, "name": "dense", "inbound_nodes": [call]},
            ],
            "input_layers": [["entry", 0, 0]],
            "output_layers": [["dense", 0, 0]],
        }
        model = Model.from_config(config)
        assert (model.name, model.output_shape, model.layers[1].units) == ("functional", (None, 2), 2)


def test_a_summary_shows_stated_numbers_of_examples_and_inputs_of_models_inside():
    lines = []
    inputs = Input((4,), batch_size=3, name="i")
    inner = Model(inputs, Dense(2, name="d")(inputs), name="inner")
    outer = Input((4,), name="o")
    Model(outer, inner(outer)).summary(print_fn=lines.append, expand_nested=True)
    Sequential([Input(batch_shape=(8, 4)), Dense(3)]).summary(print_fn=lines.append)
    text = "".join(lines)
    for row in (
        "inner (Functional)",
        "└ i (InputLayer)             │ (3, 4)",
        "└ d (Dense)                  │ (3, 2)",
        "│ (8, 3)",
    ):
        assert row in text
