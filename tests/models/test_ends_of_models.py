"""What models tell of their inputs and outputs: the user's own `Input`, structures, requirements, stand-ins."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, layers, models, ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import KerasTensor, StringLookup
from nnlite.models import clone_model


def test_the_input_of_a_model_is_that_of_the_user():
    start = Input((3,), batch_size=2, dtype="int32", name="start")
    chain = Sequential([start, layers.Embedding(4, 2)])
    assert chain.input is start
    assert (chain.inputs[0].name, chain.inputs[0].dtype, chain.inputs[0].shape) == ("start", "int32", (2, 3))
    assert chain.layers[0].input is start
    again = Sequential.from_config(chain.get_config())
    assert (again.inputs[0].name, again.inputs[0].dtype, again.inputs[0].shape) == ("start", "int32", (2, 3))
    begin = Input((3,), name="begin")
    graph = Model(begin, layers.Dense(1)(begin))
    assert graph.input is begin
    assert graph.layers[1].input is begin


def test_inputs_and_outputs_have_the_structure_of_the_user():
    start = Input((3,), name="start")
    end = layers.Dense(1)(start)
    assert isinstance(Model([start], [end]).input, list)
    assert isinstance(Model([start], [end]).output, list)
    named = Model({"a": start}, {"b": end})
    assert named.input == {"a": start}
    assert named.output == {"b": end}


def test_a_graph_says_what_it_requires_of_its_inputs():
    start, other = Input((3,), name="start"), Input((2, 4), batch_size=5, name="other")
    graph = Model([start, other], [layers.Dense(1)(start), layers.Flatten()(other)])
    assert [(spec.name, spec.shape) for spec in graph.input_spec] == [("start", (None, 3)), ("other", (None, 2, 4))]


def test_stand_ins_for_outputs_have_their_structure():
    start = Input((3,), name="start")
    graph = Model({"start": start}, {"a": layers.Dense(1)(start), "b": layers.Dense(2)(start)})
    spec = graph.compute_output_spec({"start": KerasTensor((5, 3))})
    assert {name: one.shape for name, one in spec.items()} == {"a": (5, 1), "b": (5, 2)}
    spec = models.Function(start, layers.Dense(4)(start)).compute_output_spec(KerasTensor((2, 3)))
    assert isinstance(spec, KerasTensor)
    assert repr(spec) == "<KerasTensor shape=(2, 4), dtype=float32, sparse=False, ragged=False, name=keras_tensor>"
    for shape in (3, (2.0,), (None, -1)):
        with pytest.raises(ShapeError, match="expected a tuple of lengths >= 0 or None, got"):
            KerasTensor(shape)
    assert [type(length) for length in KerasTensor((2, np.int64(4))).shape] == [int] * 2
    with pytest.raises(ConfigError, match="data are dense"):
        KerasTensor((2, 3), sparse=True)
    with pytest.raises(NotImplementedError, match="no values yet"):
        list(KerasTensor((2, 3)))


@pytest.mark.parametrize("kind", ["chain", "graph"])
def test_copies_are_compiled_as_the_model_is(kind):
    start = Input((3,))
    model = Sequential([start, layers.Dense(1)]) if kind == "chain" else Model(start, layers.Dense(1)(start))
    assert not clone_model(model).compiled
    model.compile("adam", lambda y_true, y_pred: (y_true - y_pred) ** 2, metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    twin = clone_model(model)
    assert twin.compiled
    assert twin.optimizer is not model.optimizer
    assert twin.optimizer.iterations == 0
    assert list(twin.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0).history) == ["loss", "mae"]


def test_a_clone_begins_on_the_input_that_it_is_told():
    begin = Input((3,), name="begin")
    twin = clone_model(Sequential([Input((3,)), layers.Dense(1)]), input_tensors=begin)
    assert twin.input is begin


def test_a_model_without_anything_to_run_says_so_when_it_meets_data():
    with pytest.raises(NotImplementedError, match="needs inputs and outputs"):
        Model()(np.ones((2, 3)))


@pytest.mark.parametrize(
    "arranged",
    [
        lambda words: ops.expand_dims(ops.flip(words, -1), 1),
        lambda words: words[:, None, ::-1],
        lambda words: ops.reshape(ops.concatenate([words[:, 1:], words[:, :1]], axis=1), (-1, 1, 2)),
    ],
)
def test_functions_arrange_the_strings_of_an_input(arranged, tmp_path):
    words = Input((2,), dtype="string")
    arrangement = arranged(words)
    assert arrangement.dtype == "string"
    lookup = StringLookup(vocabulary=["a", "b"])
    model = Model(words, [lookup(arrangement), lookup(words)])
    model.save(tmp_path / "model.keras")
    for each in (model, models.load_model(tmp_path / "model.keras")):
        turned, straight = each.predict(np.array([["a", "b"], ["b", "?"]]), verbose=0)
        assert turned.tolist() == [[[2, 1]], [[0, 2]]] and straight.tolist() == [[1, 2], [2, 0]]


def test_strings_of_a_lookup_are_arranged_and_looked_up_again():
    numbers = Input((2,), dtype="int64")
    names = ops.expand_dims(StringLookup(vocabulary=["a", "b"], invert=True)(numbers), -1)
    assert names.dtype == "string"
    model = Model(numbers, StringLookup(vocabulary=["b", "a"])(names))
    assert model.predict(np.array([[1, 2]]), verbose=0).tolist() == [[[2], [1]]]


@pytest.mark.parametrize("suffix", ["keras", "safetensors"])
def test_shapes_of_a_model_have_the_stated_number_of_examples(tmp_path, suffix):
    start = Input(batch_shape=(2, 4))
    chain, graph = Sequential([start, layers.Dense(3)]), Model(start, layers.Dense(3)(start))
    for model in (chain, graph):
        assert (model.input_shape, model.output_shape) == ((2, 4), (2, 3))
        assert model.layers[-1].input_shape == (None, 4)
        assert model(np.ones((5, 4))).shape == model.predict(np.ones((5, 4)), verbose=0).shape == (5, 3)
        model.save(tmp_path / f"model.{suffix}")
        again = models.load_model(tmp_path / f"model.{suffix}")
        assert (again.input_shape, again.output_shape) == ((2, 4), (2, 3))
    with pytest.raises(ShapeError, match=r"\(2, 4\), got \(5, 3\)"):
        chain(np.ones((5, 3)))


def test_a_chain_built_for_a_number_of_examples_takes_others():
    chain = Sequential([layers.Conv1D(3, 2), layers.LSTM(2, stateful=True)])
    chain.build((2, 6, 3))
    assert (chain.input_shape, chain.output_shape, chain.layers[1].batch_size) == ((2, 6, 3), (2, 2), 2)
    free = Sequential([layers.Conv1D(3, 2)])
    free.build((2, 6, 3))
    assert free(np.ones((4, 6, 3))).shape == (4, 5, 3)
