"""Further names of Keras: containers, scopes, graphs as text, sounds in folders."""

import copy
import pickle
import wave

import numpy as np
import pytest

import nnlite as keras
from nnlite import Input, Sequential, Variable, layers
from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError
from nnlite.losses import MeanSquaredError, mean_squared_error
from nnlite.metrics import Mean
from nnlite.ops.plain.numbers import Number


def test_config_is_a_dict_with_attributes():
    config = keras.utils.Config(rate=0.1)
    config.epochs = 3
    config["seed"] = 1
    assert dict(**config) == config.as_dict() == {"rate": 0.1, "epochs": 3, "seed": 1}
    assert config.pop("seed") == 1
    assert config.get("seed", 7) == 7
    assert config.to_json() == '{"rate": 0.1, "epochs": 3}'
    config.freeze()
    for change in (lambda: setattr(config, "a", 1), lambda: config.pop("rate"), lambda: delattr(config, "rate")):
        with pytest.raises(ConfigError, match="the config is frozen"):
            change()
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other.frozen
        assert other.rate == 0.1
    with pytest.raises(AttributeError, match="'speed'"):
        _ = config.speed
    with pytest.raises(AttributeError, match="'speed'"):
        del config.speed
    config.unfreeze()
    del config.rate
    assert list(config) == ["epochs"]


def test_source_inputs_of_a_graph():
    first, second = Input((2,)), Input((2,))
    both = layers.Add()([layers.Dense(2)(first), second])
    assert [symbol.key for symbol in keras.utils.get_source_inputs(layers.Dense(1)(both))] == [
        symbol.key for symbol in (keras.utils.get_source_inputs(first) + keras.utils.get_source_inputs(second))
    ]
    with pytest.raises(WrongTypeError, match="expected what a layer returns"):
        keras.utils.get_source_inputs(np.ones(2))


def test_a_model_for_graphviz(tmp_path):
    x = Input((2,), name="x")
    y = layers.Add(name="sum")([layers.Dense(3, name='a"b')(x), layers.Dense(3, name="c\\")(x)])
    graph = keras.utils.model_to_dot(keras.Model(x, y), show_shapes=True, rankdir="LR", dpi=90)
    lines = graph.to_string().splitlines()
    assert lines[0] == "digraph model {"
    assert '  rankdir=LR; dpi=90; splines="ortho";' in lines
    assert any(r"a\"b (Dense)" in line for line in lines)
    assert any(r"c\\ (Dense)" in line for line in lines)
    assert sorted(line.strip() for line in lines if "->" in line) == [
        "n0 -> n1;",
        "n0 -> n2;",
        "n1 -> n3;",
        "n2 -> n3;",
    ]
    assert graph.write(tmp_path / "model.dot")
    assert (tmp_path / "model.dot").read_text() == str(graph)
    with pytest.raises(ConfigError, match="format='raw', got 'png'"):
        graph.write(tmp_path / "model.png", format="png")


def test_paths_in_scopes():
    with keras.name_scope("outer") as scope, keras.name_scope("inner"):
        variable = Variable(1.0, name="scale")
    assert (scope.name, variable.path, variable.name) == ("outer", "outer/inner/scale", "scale")
    assert Variable(1.0, name="scale").path == "scale"
    with keras.name_scope(""), keras.name_scope("inner"):
        assert Variable(1.0, name="scale").path == "inner/scale"
    with pytest.raises(ConfigError, match="without '/', got 'a/b'"), keras.name_scope("a/b"):
        pass
    with pytest.raises(ConfigError, match="the name of a scope is a string without '/', got None"):
        keras.name_scope(None)


def test_nothing_is_computed_again():
    with keras.RematScope("list_of_layers", layer_names=["dense"]) as scope:
        assert (scope.mode, scope.output_size_threshold, scope.layer_names) == ("list_of_layers", 1024, ["dense"])
    assert keras.remat(np.sin) is np.sin and keras.RematScope(None).mode is None
    with pytest.raises(ConfigError, match="unknown mode 'ful'"):
        keras.RematScope("ful")


def test_a_stateless_scope_leaves_variables_as_they_were():
    model = Sequential([Input((2,)), layers.BatchNormalization()], seed=0)
    before, ones = model.get_weights(), [np.full(2, 3.0, np.float32)] * 4
    x = np.array([[1.0, 2.0], [3.0, 8.0]], np.float32)
    with keras.StatelessScope(zip(model.weights, ones, strict=True)) as scope:
        model(x, training=True)
        assert scope.get_current_value(model.weights[0]).tolist() == [3.0, 3.0]
    for weight, value in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(weight, value)
    expected = 0.99 * 3.0 + 0.01 * x.mean(axis=0)
    np.testing.assert_allclose(scope.get_current_value(model.layers[0].moving_mean), expected, rtol=1e-6)
    free = Variable(1.0)
    with keras.StatelessScope() as scope:
        assert scope.get_current_value(free) is None
        free.assign(5.0)
    assert (free.numpy().item(), scope.get_current_value(free).item()) == (1.0, 5.0)
    with scope:
        keras.optimizers.SGD(0.5).apply([np.ones(())], [free])
    assert (free.numpy().item(), scope.get_current_value(free).item()) == (1.0, 0.5)
    with pytest.raises(ShapeError), keras.StatelessScope([(free, 4.0), (model.weights[0], np.ones(5))]):
        pass
    assert free.numpy().item() == 1.0


class Scale(keras.Operation):
    """An operation of the user, with a factor."""

    def __init__(self, factor, power=1, name=None):
        super().__init__(name=name)
        self.factor, self.power = factor, power

    def call(self, x):
        return x**self.power * self.factor


def test_an_operation_has_a_name_and_a_config_and_is_drawn_by_its_functions():
    scale, x = Scale(3.0), Input((3,))
    with pytest.raises(AttributeError, match="has not been called on symbols"):
        scale.output  # noqa: B018 - it raises
    assert scale(np.ones(2, np.float32)).numpy().tolist() == [3.0, 3.0]
    y = scale(x)
    assert y.shape == (None, 3) and scale.input is x and scale.output is y
    by_name = Scale(1)
    assert by_name(x=x) is by_name.output and by_name.input is x
    assert keras.Model(x, y).predict(np.ones((1, 3)), verbose=0).tolist() == [[3.0] * 3]
    assert scale(keras.KerasTensor((2,), "int32")).dtype == "float32"
    assert scale.compute_output_spec(keras.KerasTensor((2, 4))).shape == (2, 4)
    assert Scale(2, name="twice").get_config() == {"name": "twice", "factor": 2, "power": 1} and repr(scale).startswith(
        "<Operation"
    )
    written = keras.saving.serialize_keras_object(Scale(5, 2, "five"))
    again = Scale.from_config(written["config"])
    assert (again.factor, again.power, again.name) == (5, 2, "five") and Scale(1).name != Scale(1).name
    assert not isinstance(scale, keras.Layer) and isinstance(layers.Dense(1), keras.Operation)
    for wrong in (lambda: Scale(1, name="a/b"), lambda: Scale(1, name=3), lambda: Scale.from_config({"rate": 1})):
        with pytest.raises((ConfigError, TypeError)):
            wrong()
    with pytest.raises(NotImplementedError, match="must define call"):
        keras.Operation()(1.0)


class Weighted(keras.Operation):
    """An operation of any number of arguments."""

    def __init__(self, *weights, scale=1):
        super().__init__("weighted")


def test_arguments_without_a_name_are_not_taken_for_others():
    assert Weighted(5, 6).get_config() == {"name": "weighted", "scale": 1}


def sound(path, samples, width, rate=8000):
    path.parent.mkdir(exist_ok=True)
    whole = np.round(np.asarray(samples) * (2 ** (8 * width - 1) - 1)).astype(int) + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"".join(int(one).to_bytes(width, "little", signed=width > 1) for one in whole))


def test_sounds_of_a_folder(tmp_path):
    tone = np.sin(np.arange(800) * (2 * np.pi / 160))
    for number, width in enumerate((1, 2, 3, 4)):
        sound(tmp_path / "ab"[number % 2] / f"{number}.wav", tone[: 800 - 100 * number], width)
    dataset = keras.utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    ((sounds, numbers),) = dataset
    assert (sounds.shape, sounds.dtype, numbers.tolist()) == ((4, 800, 1), np.float32, [0, 0, 1, 1])
    for row, (count, bits) in enumerate(((800, 8), (600, 24), (700, 16), (500, 32))):
        assert np.abs(sounds[row, :count, 0] - tone[:count]).max() <= 2.0 ** (1 - min(bits, 24)) * 2
        assert not sounds[row, count:].any()
    halved = keras.utils.audio_dataset_from_directory(
        tmp_path, None, batch_size=None, sampling_rate=4000, output_sequence_length=380, shuffle=False, verbose=False
    )
    first = next(iter(halved))
    assert first.shape == (380, 1)
    assert np.abs(first[:, 0] - tone[:760:2]).max() < 0.02
    (tmp_path / "a" / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"bad.wav: no WAV file without compression"):
        list(keras.utils.audio_dataset_from_directory(tmp_path, verbose=False))
    with pytest.raises(ConfigError, match="there are no ragged arrays"):
        keras.utils.audio_dataset_from_directory(tmp_path, ragged=True)


def test_results_answer_as_arrays_do():
    loss = MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]])
    mean = Mean()
    mean.update_state([1.0, 3.0])
    for value in (loss, mean.result(), mean([1.0, 3.0])):
        assert (value, value.shape, value.ndim, value.numpy().dtype) == (2.0, (), 0, np.float32)
        assert type(pickle.loads(pickle.dumps(value))) is type(value.item()) is type(value + 1) is float
    assert repr(Number(0.5)) == "0.5"
    assert mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]]).dtype == np.float32
    assert mean_squared_error(np.ones((1, 2)), np.ones((1, 2))).dtype == np.float64
    model = Sequential([layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history
    assert {type(value) for values in history.values() for value in values} == {float}
