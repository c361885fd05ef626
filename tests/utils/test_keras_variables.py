"""`Variable` as Keras's: its operators, types and arguments; further forms of `keras.saving`."""

import json
import operator as operators

import numpy as np
import pytest

from nnlite import KerasTensor, Sequential, StatelessScope, Variable, name_scope, ops, saving
from nnlite.config import DTypePolicy
from nnlite.errors import ConfigError
from nnlite.layers import Dense, InputSpec, Layer
from nnlite.ops.tape import Tape
from nnlite.random import SeedGenerator, normal
from nnlite.utils import (
    deserialize_keras_object,
    get_file,
    img_to_array,
    serialize_keras_object,
    split_dataset,
    standardize_dtype,
    to_categorical,
)


def test_operators_of_variables_give_arrays():
    x, whole, bits = Variable([1.0, -2.0]), Variable([2, 3]), Variable([True, False])
    results = {
        "floor": (x // 2, [0, -1]),
        "left": (7 % whole, [1, 1]),
        "absolute": (abs(x), [1, 2]),
        "plus": (+x, [1, -2]),
        "minus": (-whole, [-2, -3]),
        "and": (True & bits, [True, False]),
        "or": (bits | bits, [True, False]),
        "not": (~bits, [False, True]),
        "equal": (x == 1, [True, False]),
        "unequal": (x != Variable([1.0, 1.0]), [False, True]),
        "rounded": (round(Variable([1.4, 2.6])), [1, 3]),
    }
    assert {name: found.tolist() for name, (found, _) in results.items()} == {
        name: wanted for name, (_, wanted) in results.items()
    }
    assert float(Variable(1.5)) == 1.5 and int(Variable(1.5)) == 1 and len({x, x}) == 1
    for found in (whole + 1.5, whole / 2, whole + x):
        assert found.dtype == np.float32
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(x)


@pytest.mark.parametrize(
    "value, dtype", [(1, "int32"), ([1.0], "float32"), (np.ones(2), "float64"), (np.ones(2, np.int64), "int64")]
)
def test_types_of_variables(value, dtype):
    assert Variable(value).dtype == dtype


@pytest.mark.parametrize(
    "options, message",
    [
        ({"name": "a/b"}, "the name of a variable is a string without '/', got 'a/b'"),
        ({"name": 3}, "the name of a variable"),
        ({"aggregation": "most"}, "unknown aggregation 'most'"),
        ({"dtype": "float31"}, "unknown dtype 'float31'"),
        ({"initializer": "ones", "shape": (2,), "dtype": "float31"}, "unknown dtype 'float31'"),
        ({"initializer": None}, "made of numbers, got None"),
    ],
)
def test_arguments_of_variables(options, message):
    with pytest.raises(ConfigError, match=message):
        Variable(**{"initializer": 1.0, **options})
    assert Variable(1.0, aggregation="sum").aggregation == "sum"


def test_plain_forms_of_further_objects():
    for value in (b"bytes \xff", DTypePolicy("mixed_float16"), SeedGenerator(3)):
        again = saving.deserialize_keras_object(saving.serialize_keras_object(value))
        assert type(again) is type(value) and repr(again) == repr(value)


def test_symbols_as_plain_values():
    form = saving.serialize_keras_object({"a": [KerasTensor((None, 3), dtype="int32")]})
    (again,) = saving.deserialize_keras_object(json.loads(json.dumps(form)))["a"]
    assert (again.shape, again.dtype) == ((None, 3), "int32")
    with pytest.raises(ConfigError, match="unknown dtype 'float31'"):
        KerasTensor((2,), dtype="float31")


def test_demands_on_inputs_as_arguments():
    spec = InputSpec(shape=(None, 2), axes={-1: 2})
    assert spec.ndim == 2 and InputSpec.from_config(json.loads(json.dumps(spec.get_config()))) == spec
    for axes in ({"last": 2}, 3):
        with pytest.raises(TypeError, match="integers as keys"):
            InputSpec(axes=axes)


def test_arguments_of_files_and_images(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ConfigError, match="fname is a name, not a path"):
        get_file("../a.txt", (tmp_path / "a.txt").as_uri(), cache_dir=tmp_path)
    with pytest.raises(ConfigError, match="data_format must be"):
        img_to_array(np.ones((2, 2, 3)), data_format="channels")


def test_scopes_check_what_they_are_given_at_once():
    with pytest.raises(ConfigError, match="the name of a scope"):
        name_scope("a/b")
    with pytest.raises(TypeError, match="maps variables to values, got 3"):
        StatelessScope([(3, np.ones(1))])
    with pytest.raises(TypeError, match="left_size must be a fraction"):
        split_dataset(np.arange(4), left_size="a")
    names = [standardize_dtype(one) for one in (int, float, "string", "bfloat16")]
    assert names == ["int32", "float32", "string", "bfloat16"]


@pytest.mark.parametrize(
    ("operator", "kinds", "expected"),
    [
        (operators.add, ("int8", "float16"), "float16"),
        (operators.add, ("int32", "float32"), "float32"),
        (operators.truediv, ("int8", "int8"), "float32"),
        (operators.truediv, ("bool", "float16"), "float16"),
        (operators.floordiv, ("int16", "float16"), "float16"),
        (operators.mod, ("bool", "bool"), "int32"),
        (operators.pow, ("int8", "float16"), "float16"),
        (operators.matmul, ("uint8", "int8"), "int16"),
        (operators.and_, ("float32", "int8"), "bool"),
        (operators.or_, ("int8", "int8"), "bool"),
        (operators.xor, ("int32", "float16"), "bool"),
    ],
)
def test_operators_of_variables_have_types_of_keras(operator, kinds, expected):
    values = [np.array([1, 1, 2]).astype(kind) for kind in kinds]
    first, second = (Variable(value, dtype=kind, trainable=False) for value, kind in zip(values, kinds, strict=True))
    results = [operator(first, second), operator(first, values[1])]
    if expected != "bool":  # arrays to the left have their own
        results.append(operator(values[0], second))
    assert [np.asarray(result).dtype.name for result in results] == [expected] * len(results)
    twice = np.asarray(operator(*(value.astype(np.float64) if expected != "bool" else value > 0 for value in values)))
    assert results[0].tolist() == twice.tolist()


def test_functions_of_numpy_take_variables():
    scale = Variable([1.0, 2.0])
    assert np.exp(scale).dtype == np.add.reduce(scale).dtype == np.float32
    assert (np.ones(2, np.int8) - scale).tolist() == [0.0, -1.0]
    total = np.array([1.0, 1.0])
    total += scale
    assert total.tolist() == [2.0, 3.0]
    with Tape().recording() as tape:
        assert tape.gradients(np.sum(np.exp(scale)))[0][1].tolist() == np.exp([1.0, 2.0], dtype=np.float32).tolist()
        for lost in (lambda: np.add(scale, 1, dtype="float32"), lambda: np.add.reduce(scale)):
            with pytest.raises(ConfigError, match="has no derivative"):
                lost()


def test_a_scope_refuses_values_of_another_shape():
    with pytest.raises(ValueError, match="has the shape"):
        StatelessScope([(Variable([1.0, 2.0]), np.ones(3))])


@pytest.mark.parametrize("name", ["regularizer", "constraint"])
def test_regularizers_and_constraints_of_variables_are_functions(name):
    scale = Variable([1.0, 2.0])
    with pytest.raises(ValueError, match=f"the {name} of a variable is a function"):
        setattr(scale, name, "l2")
    setattr(scale, name, np.abs)
    assert getattr(scale, name) is np.abs


def test_weights_of_layers_are_variables():
    dense = Dense(2, name="dense")
    dense.build((None, 1))
    assert isinstance(dense.kernel, Variable) and dense.kernel.aggregation == "none"
    assert repr(dense.bias) == "<Variable path=dense/bias, shape=(2,), dtype=float32, value=[0. 0.]>"
    assert not isinstance(np.ones(1), Variable)

    class Special(Variable):
        pass

    assert isinstance(Special(1.0), Special) and not isinstance(dense.kernel, Special)


def test_arguments_of_variables_are_checked():
    assert Variable(1.0, aggregation=None).aggregation == "none"
    with pytest.raises(ConfigError, match="unknown synchronization 'x'"):
        Variable(1.0, synchronization="x")
    with pytest.raises(ConfigError, match="a shape without None"):
        Variable("zeros", shape=(None, 2))
    with pytest.raises(TypeError, match="overwrite_with_gradient is True or False"):
        Variable(1.0).overwrite_with_gradient = 3


def test_seeds_advance_once_a_call():
    class Noise(Layer):
        def __init__(self):
            super().__init__()
            self.seeds = SeedGenerator(3)

        def call(self, inputs):
            return inputs + normal((2,), seed=self.seeds)

    layer = Noise()
    for count in (1, 2):
        layer(np.zeros((1, 2)))
        assert layer.seeds.state.tolist() == [3, count]


class ScaledByOne(Layer):
    """A layer that builds another one in a scope."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = Dense(2, name="inner")

    def build(self, input_shape):
        with name_scope("part"):
            self.inner.build(input_shape)
        self.scale = self.add_weight((1,), name="scale")

    def call(self, inputs):
        return self.inner(inputs) * self.scale


def test_layers_that_are_built_in_a_scope_have_its_name_in_their_paths():
    with name_scope("outer"):
        model = Sequential([ScaledByOne(name="pair")], name="model")
        model.build((None, 3))
    paths = {weight.path for weight in model.weights}
    assert paths == {f"outer/model/pair/{rest}" for rest in ("scale", "part/inner/kernel", "part/inner/bias")}
    plain = Dense(1, name="plain")
    plain.build((None, 3))
    assert plain.kernel.path == "plain/kernel"


class Bare:
    """It has a config, and no way back from it."""

    def get_config(self):
        return {}


def test_tensors_and_arrays_are_told_apart_in_configs():
    tensor = ops.convert_to_tensor([1.0, 2.0])
    form = json.loads(json.dumps(serialize_keras_object(tensor)))
    assert form == {"class_name": "__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}
    again = deserialize_keras_object(form)
    assert again.dtype == tensor.dtype and again.tolist() == tensor.tolist()
    assert serialize_keras_object(np.ones(1))["class_name"] == "__numpy__"
    assert (to_categorical(ops.convert_to_tensor([1]), 2).dtype, to_categorical([1]).dtype) == ("float32", "float64")


def test_what_cannot_be_made_again_says_so():
    with pytest.raises(TypeError, match="Bare cannot be made again: its class needs a class method from_config"):
        deserialize_keras_object(serialize_keras_object(Bare()), {"Bare": Bare})
