"""Models as Keras has them: names and contents of files, types of integers in graphs, shapes and configs of several."""

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, ops
from nnlite.errors import ConfigError, DataError
from nnlite.layers import BatchNormalization, Concatenate, Dense, Embedding, Flatten, Identity, Layer, Reshape
from nnlite.models import clone_model, model_from_json

ROWS = np.arange(8).reshape(2, 4)


def chain(**options) -> Sequential:
    model = Sequential([Input((3,)), Dense(2)], seed=0)
    model.compile("sgd", "mse", **options)
    return model


@pytest.mark.parametrize("name", ["model", "model.foo", "model.tar"])
def test_names_without_a_known_ending_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"\.safetensors or \.nnlite"):
        chain().save(tmp_path / name)
    with pytest.raises(ConfigError, match=r"weights\.h5"):
        chain().save_weights(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_both_endings_of_nnlite_are_taken(tmp_path):
    model = chain()
    for ending in ("safetensors", "nnlite"):
        model.save(tmp_path / f"model.{ending}")
        again = nnlite.load_model(tmp_path / f"model.{ending}")
        assert (again.layers[0].kernel.value == model.layers[0].kernel.value).all()


@pytest.mark.parametrize("ending", ["safetensors", "keras"])
def test_files_keep_the_steps_per_execution(tmp_path, ending):
    pytest.importorskip("h5py")
    chain(steps_per_execution=3).save(tmp_path / f"model.{ending}")
    assert nnlite.load_model(tmp_path / f"model.{ending}").steps_per_execution == 3


def test_a_chain_of_built_layers_that_is_not_built_is_saved_with_their_weights(tmp_path):
    pytest.importorskip("h5py")
    layer = Dense(2)
    layer.build((None, 3))
    Sequential([layer, Dense(1)]).save(tmp_path / "model.keras")
    again = nnlite.load_model(tmp_path / "model.keras")
    assert not again.built and len(again.weights) == 2
    assert (again.layers[0].kernel.value == layer.kernel.value).all()
    assert again(np.ones((2, 3))).shape == (2, 1)


def test_a_list_of_shards_is_named_as_a_single_file_is(tmp_path):
    pytest.importorskip("h5py")
    model, again = chain(), chain()
    model.layers[0].kernel.assign(np.ones((3, 2)))
    model.save_weights(tmp_path / "deep.weights.h5", max_shard_size=1e-7)
    assert "deep.weights.json" in {path.name for path in tmp_path.iterdir()}
    again.load_weights(tmp_path / "deep.weights.json")
    assert (again.layers[0].kernel.value == 1).all()


@pytest.mark.parametrize("layer", [Identity(), Flatten(), Reshape((2, 2))])
def test_layers_that_move_integers_keep_their_type_in_a_graph(layer):
    begin = Input((4,), dtype="int32")
    model = Model(begin, layer(begin))
    assert model.output.dtype == "int32"
    assert model(ROWS).dtype == model.predict(ROWS, verbose=0).dtype == np.int32
    assert np.array_equal(np.ravel(model(ROWS)), np.ravel(ROWS))


def test_integers_go_to_ops_to_indices_and_to_numbers_alike():
    begin = Input((4,), dtype="int32")
    ends = [
        begin * 2,
        Concatenate()([begin, begin]),
        Embedding(9, 3)(begin),
        Dense(2)(begin),
        Dense(2)(Flatten()(begin)),
    ]
    model = Model(begin, ends)
    assert [end.dtype.name for end in model(ROWS)] == ["int32", "int32", "float32", "float32", "float32"]
    head = Sequential([Model(begin, Reshape((2, 2))(begin)), Flatten(), Dense(1)])
    assert head(ROWS).dtype == np.float32


def test_a_graph_of_integers_learns():
    begin = Input((4,), dtype="int32")
    model = Model(begin, Dense(1)(Flatten()(begin)), seed=0)
    model.compile("sgd", "mse")
    before = model.layers[-1].kernel.numpy()
    model.fit(ROWS, np.ones((2, 1)), verbose=0)
    assert model.layers[-1].kernel.dtype == "float32" and (model.layers[-1].kernel.numpy() != before).any()


def test_integers_beyond_the_type_of_an_input_are_refused():
    begin = Input((1,), dtype="int32")
    with pytest.raises(DataError, match="beyond int32"):
        Model(begin, Flatten()(begin))(np.array([[2**40]]))


def test_shapes_of_several_inputs_and_outputs_are_lists():
    first, second = Input((2,)), Input((3,))
    model = Model([first, second], {"a": first, "b": Dense(1)(second)})
    assert model.input_shape == [(None, 2), (None, 3)] and model.output_shape == [(None, 2), (None, 1)]
    assert Model([first], [first]).output_shape == (None, 2)


def test_configs_of_calls_have_tuples():
    begin = Input((2,), name="begin")
    node = Model(begin, Dense(1)(begin)).get_config()["layers"][1]["inbound_nodes"][0]
    assert node["args"][0]["config"]["shape"] == (None, 2) and isinstance(node["args"], tuple)
    assert node["kwargs"] == {}


def test_a_summary_of_a_class_that_writes_call_shows_the_first_batch(capsys):
    class Pair(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(4)

        def call(self, inputs):
            return self.dense(inputs)

    model = Pair()
    model(np.ones((3, 2), np.float32))
    model.summary()
    assert "(3, 4)" in capsys.readouterr().out


def test_the_list_of_layers_is_a_copy():
    model = chain()
    assert model.layers is not model.layers
    model.layers.pop()
    assert len(model.layers) == 1 and model.output_shape == (None, 2)


def test_an_input_that_is_all_that_is_given_is_taken_itself():
    begin = Input((3,), name="begin")
    assert Input(tensor=begin) is begin and begin.name == "begin"
    assert Input(tensor=Dense(2)(begin)).shape == (None, 2)


@pytest.mark.parametrize("options", [{"dtype": "uint8"}, {"dtype": "bool"}, {"optional": True}, {"batch_size": 2}])
def test_configs_keep_what_an_input_states(options):
    begin = Input((3,), **options)
    again = Model.from_config(Model(begin, Dense(1)(begin)).get_config())
    assert again.layers[0].get_config() == begin.get_config()


def test_shapes_by_name_go_through_a_chain():
    class Sum(Layer):
        def call(self, inputs):
            return inputs["a"] + inputs["b"]

    assert Sequential([Sum(), Dense(2)]).compute_output_shape({"a": (None, 3), "b": (None, 3)}) == (None, 2)


@pytest.mark.parametrize("ending", ["safetensors", "keras"])
def test_a_layer_made_trainable_inside_a_frozen_base_is_trained(tmp_path, ending):
    pytest.importorskip("h5py")
    base = Sequential([Input((4,)), Dense(3), BatchNormalization(), Dense(2)], seed=0)
    base.trainable = False
    base.layers[-1].trainable = True
    model = Sequential([Input((4,)), base, Dense(1)], seed=0)
    model.compile("adam", "mse")
    before = [weight.numpy() for weight in model.weights]
    model.fit(ROWS * 0.1, np.ones((2, 1)), verbose=0)
    changed = [bool((weight.numpy() != old).any()) for weight, old in zip(model.weights, before, strict=True)]
    assert changed == [False] * 6 + [True] * 4 and len(model.trainable_weights) == 4 and not base.trainable_weights
    model.save(tmp_path / f"model.{ending}")
    for again in (nnlite.load_model(tmp_path / f"model.{ending}"), clone_model(model)):
        assert [weight.trainable for weight in again.weights] == [weight.trainable for weight in model.weights]
        assert again.layers[0].trainable is False and again.layers[0].layers[-1].trainable


def flags_of(model) -> list:
    return [model.trainable, *([flags_of(layer) for layer in model.layers] if isinstance(model, Model) else [])]


def half_frozen_base(library):
    base = library.Sequential([library.Input((4,)), library.layers.Dense(3), library.layers.Dense(2)])
    base.trainable = False
    base.layers[-1].trainable = True
    return base


@pytest.mark.parametrize("in_graph", [False, True])
def test_building_and_reading_spread_no_flag(in_graph):
    base, begin = half_frozen_base(nnlite), Input((4,))
    model = Model(begin, Dense(1)(base(begin))) if in_graph else Sequential([begin, base, Dense(1)])
    flags = flags_of(model)
    assert flags[-2:] == [[False, [False], [True]], [True]]
    for again in (type(model).from_config(model.get_config()), model_from_json(model.to_json()), clone_model(model)):
        assert flags_of(again) == flags
        assert len(again.trainable_weights) == 4
    later = Sequential([Dense(2), Dense(1)], trainable=False)
    later.layers[0].trainable = False
    later.build((None, 3))
    assert flags_of(later) == [False, [False], [True]] and not later.trainable_weights


def test_a_base_frozen_but_for_one_layer_is_read_from_a_file_of_keras(tmp_path):
    keras = pytest.importorskip("keras")
    base, begin = half_frozen_base(keras), keras.Input((4,))
    keras.Model(begin, keras.layers.Dense(1)(base(begin))).save(tmp_path / "model.keras")
    model = nnlite.load_model(tmp_path / "model.keras")
    assert [weight.trainable for weight in model.weights] == [False] * 2 + [True] * 4
    assert len(model.trainable_weights) == 4


class TwoDense(Layer):
    def __post_init__(self):
        super().__post_init__()
        self.first, self.second = Dense(2), Dense(2)

    def call(self, inputs):
        return self.second(self.first(inputs))


def test_own_files_keep_what_is_inside_a_frozen_layer_frozen(tmp_path):
    model = Sequential([Input((4,)), TwoDense()], seed=0)
    model.layers[0].trainable = False
    model.save(tmp_path / "model.safetensors")
    for again in (nnlite.load_model(tmp_path / "model.safetensors"), clone_model(model)):
        assert not any(weight.trainable for weight in again.weights)


def test_exports_of_graphs_of_integers_give_numbers(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    begin = Input((4,), dtype="int32", name="begin")
    model = Model(begin, [Dense(2)(Flatten()(begin)), Concatenate()([begin, begin])], seed=0)
    for made, path in ((model, tmp_path / "two.onnx"), (Model(begin, Reshape((2, 2))(begin)), tmp_path / "one.onnx")):
        made.export(path)
        outputs = runtime.InferenceSession(path).run(None, {"input": ROWS})
        expected = made(ROWS) if isinstance(made(ROWS), list) else [made(ROWS)]
        for output, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(output, wanted, rtol=1e-5)


def test_results_of_graphs_have_the_types_of_their_symbols():
    begin, rows = Input((3,)), np.ones((2, 3), "float32")
    ends = [ops.cast(begin, "float16"), ops.cumsum(begin, axis=1, dtype="int32"), Dense(1)(begin)]
    for results in (Model(begin, ends)(rows), Model(begin, ends).predict(rows, verbose=0)):
        assert (
            [result.dtype.name for result in results] == [end.dtype for end in ends] == ["float16", "int32", "float32"]
        )
        assert results[1].tolist() == [[1, 2, 3]] * 2
