"""The default type: what is made in it, and layers of 16 bits."""

import numpy as np
import pytest

import nnlite
from nnlite import Sequential, layers, ops, random
from nnlite.config import floatx, image_data_format, set_dtype_policy, set_floatx, set_image_data_format
from nnlite.errors import ConfigError


@pytest.fixture(params=["float16", "bfloat16"])
def half(request):
    if request.param == "bfloat16":
        pytest.importorskip("ml_dtypes")
    set_floatx(request.param)
    yield request.param
    set_floatx("float32")


def test_what_is_made_without_a_type_has_that_of_the_default(half):
    made = [ops.ones(2), ops.convert_to_tensor([1.5]), ops.mean(np.array([1, 2])), ops.linspace(0, 1, 3)]
    made += [random.uniform((2,)), nnlite.Variable(1.0), ops.one_hot([1], 2)]
    assert {str(item.dtype) for item in made} == {half} == {floatx(), nnlite.backend.result_type("int32", float)}


def test_layers_are_of_the_policy_of_the_default(half):
    model = Sequential([layers.Dense(4, "relu"), layers.Dense(1)], seed=0)
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(32, 3))
    losses = model.fit(x, x[:, 0], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert {str(weight.dtype) for weight in model.weights} == {str(model.predict(x, verbose=0).dtype)} == {half}
    assert layers.Dense(1).dtype_policy.name == half


def test_a_policy_that_is_set_goes_first(half):
    set_dtype_policy("mixed_float16")
    try:
        assert layers.Dense(1).dtype_policy.name == "mixed_float16"
    finally:
        set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["int32", "float8", 3])
def test_other_types_are_refused(name):
    with pytest.raises(ConfigError, match="unknown float type"):
        set_floatx(name)


def test_the_letters_of_a_data_format_may_be_capital():
    set_image_data_format("CHANNELS_FIRST")
    try:
        assert image_data_format() == "channels_first"
    finally:
        set_image_data_format("channels_last")
