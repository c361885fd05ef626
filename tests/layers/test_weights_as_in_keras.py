"""Weights, losses, specs and configs of users' layers, as Keras's contract has them."""

import numpy as np
import pytest

from nnlite import Variable
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.initializers import Ones
from nnlite.layers import (
    AdaptiveAveragePooling1D,
    AlphaDropout,
    Dense,
    Dropout,
    EinsumDense,
    GaussianDropout,
    GaussianNoise,
    InputSpec,
    Layer,
    SpatialDropout1D,
)
from nnlite.regularizers import L1L2, L2, OrthogonalRegularizer


def test_add_weight_takes_values_and_what_variables_are_told():
    layer = Layer()
    weight = layer.add_weight((2,), np.array([1.0, 3.0]), aggregation="mean", overwrite_with_gradient=True)
    assert weight.numpy().tolist() == [1.0, 3.0] and weight.aggregation == "mean" and weight.overwrite_with_gradient
    assert layer.add_weight((2,), Ones()).aggregation == "none"


@pytest.mark.parametrize("options", [{"name": "a/b"}, {"name": 3}, {"aggregation": "most"}])
def test_add_weight_refuses(options):
    layer = Layer()
    with pytest.raises(ConfigError):
        layer.add_weight((2,), **options)
    assert layer.weights == []


@pytest.mark.parametrize("kept", [list, tuple, lambda pair: dict(zip("ab", pair, strict=True))])
def test_variables_in_lists_are_weights_at_once(kept):
    layer = Layer()
    layer.kept = kept([Variable([1.0]), Variable([2.0], trainable=False)])
    assert len(layer.weights) == 2 and len(layer.trainable_weights) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalties_have_the_type_of_the_values(dtype):
    values = np.array([[1.0, -2.0], [3.0, 4.0]], dtype)
    for regularizer in (L2(0.1), L1L2(0.1, 0.2), OrthogonalRegularizer(0.1)):
        assert regularizer(values).dtype == dtype and np.isclose(regularizer(values), regularizer.penalty(values))
    dense = Dense(2, kernel_regularizer="l2", activity_regularizer="l1", dtype=dtype)
    dense(values)
    assert [loss.dtype.name for loss in dense.losses] == [dtype, dtype]
    assert [loss.numpy().shape for loss in dense.losses] == [(), ()]


def test_a_last_axis_of_one_may_be_missing():
    class Column(Layer):
        input_spec = InputSpec(shape=(None, 4, 1), allow_last_axis_squeeze=True)

        def call(self, inputs):
            return inputs * 1

    assert Column()(np.ones((3, 4))).shape == (3, 4) and Column()(np.ones((3, 4, 1))).shape == (3, 4, 1)
    for shape in ((3, 5), (3, 4, 2)):
        with pytest.raises(ShapeError):
            Column()(np.ones(shape))
    assert repr(InputSpec(shape=(None, 4), dtype="float32")) == "InputSpec(dtype=float32, shape=(None, 4), ndim=2)"


def test_specs_state_the_type_of_inputs():
    class Whole(Layer):
        input_spec = InputSpec(dtype="int32")

        def call(self, inputs):
            return inputs * 1

    assert Whole()(np.ones((3, 4), "int32")).shape == (3, 4)
    with pytest.raises(DataError, match="needs inputs of int32, got float32"):
        Whole()(np.ones((3, 4), "float32"))
    Whole.input_spec = InputSpec(dtype="float32")
    assert Whole()(np.ones((3, 4), "float64")).dtype == "float32"  # cast before


@pytest.mark.parametrize(
    "layer, spec", [(AdaptiveAveragePooling1D(2), None), (EinsumDense("abc,cd->abd", (None, 2)), InputSpec(ndim=3))]
)
def test_specs_of_built_layers(layer, spec):
    layer.build((None, 4, 3))
    assert layer.input_spec == spec


class Keeper(Layer):
    """A layer with a constructor by hand and no `get_config`."""

    def __init__(self, part, **kwargs):
        super().__init__(**kwargs)
        self.part = part

    def call(self, inputs):
        return inputs * 1


@pytest.mark.parametrize("part", [object(), lambda x: x])
def test_what_no_config_holds_is_told(part):
    with pytest.raises(NotImplementedError, match=r"'part'.*write get_config"):
        Keeper(part).get_config()
    assert Keeper([1, "a", None]).get_config()["part"] == [1, "a", None]


@pytest.mark.parametrize(
    "make", [Dropout, AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D], ids=lambda make: make.__name__
)
def test_noise_leaves_integers_as_they_are_but_in_training(make):
    layer, x = make(0.5, seed=0), np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(layer(x), x)
    assert layer(x).dtype == x.dtype and layer(x, training=True).dtype == "float32"
    np.testing.assert_array_equal(make(0.5, seed=0)(x, training=True), make(0.5, seed=0)(x * 1.0, training=True))
