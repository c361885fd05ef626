"""What Keras's layers have besides their contract: other weights for one call, named arrays, shapes, symbols' types."""

import numpy as np
import pytest

import nnlite
from nnlite import InputSpec, layers, ops, regularizers
from nnlite.errors import ConfigError, NotReadyError, ShapeError


def test_a_stateless_call_computes_with_given_values_and_leaves_the_layer_as_it_is():
    layer = layers.BatchNormalization(momentum=0.5)
    layer.build((None, 2))
    x = np.array([[1.0, 2.0], [3.0, 6.0]], "float32")
    gamma, beta = np.array([2.0, 3.0]), np.array([0.5, 0.0])
    outputs, (mean, variance) = layer.stateless_call([gamma, beta], [np.zeros(2), np.ones(2)], x, training=True)
    expected = gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + layer.epsilon) + beta
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    np.testing.assert_allclose(mean, 0.5 * x.mean(0))
    np.testing.assert_allclose(variance, 0.5 + 0.5 * x.var(0))
    assert layer.moving_mean.numpy().tolist() == [0, 0] and layer.gamma.numpy().tolist() == [1, 1]


def test_a_stateless_call_of_a_model_takes_the_values_in_the_order_of_its_variables():
    model = nnlite.Sequential(
        [nnlite.Input((2,)), layers.Dense(1), layers.BatchNormalization(), layers.Dense(1)], seed=0
    )
    x = np.arange(6.0).reshape(3, 2)
    outputs, state = model.stateless_call(model.trainable_variables, model.non_trainable_variables, x)
    np.testing.assert_array_equal(outputs, model(x))
    assert [own.tolist() for own in state] == [[0], [1]]
    zeros = [np.zeros(own.shape) for own in model.trainable_variables]
    assert not model.stateless_call(zeros, model.non_trainable_variables, x)[0].any()


def test_a_stateless_call_tells_the_losses_it_adds():
    layer = layers.ActivityRegularization(l2=0.5)
    layer.build((None, 2))
    assert layer.stateless_call([], [], np.ones((4, 2)), return_losses=True)[2] == pytest.approx([1.0])


def test_losses_of_a_stateless_call_have_the_penalties_of_the_given_weights():
    layer = layers.Dense(1, kernel_regularizer=regularizers.L2(0.5))
    layer.build((None, 2))
    given = [np.full((2, 1), 3.0), np.zeros(1)]
    assert layer.stateless_call(given, [], np.ones((1, 2)), return_losses=True)[2] == pytest.approx([9.0])


def test_a_stateless_call_refuses_values_that_do_not_fit():
    layer = layers.Dense(3)
    with pytest.raises(NotReadyError, match="no variables yet"):
        layer.stateless_call([], [], np.ones((1, 2)))
    layer.build((None, 2))
    with pytest.raises(ShapeError, match="2 variables of this kind, got 1"):
        layer.stateless_call([np.ones((2, 3))], [], np.ones((1, 2)))
    with pytest.raises(ShapeError, match=r"'bias' has the shape \(3,\), got \(2,\)"):
        layer.stateless_call([np.ones((2, 3)), np.ones(2)], [], np.ones((1, 2)))


def test_arrays_by_number_go_from_one_layer_into_another_as_in_a_file_of_keras():
    first, second, store = layers.BatchNormalization(), layers.BatchNormalization(), {}
    for layer in (first, second):
        layer.build((None, 2))
    first.set_weights([np.full(2, value) for value in (1.0, 2.0, 3.0, 4.0)])
    first.save_own_variables(store)
    assert [*store] == ["0", "1", "2", "3"] and store["3"].tolist() == [4, 4]
    second.load_own_variables(store)
    assert [own.tolist() for own in second.get_weights()] == [[1, 1], [2, 2], [3, 3], [4, 4]]


def test_the_shape_a_layer_was_built_for_builds_another():
    layer, twin = layers.Dense(3), layers.Dense(3)
    assert layer.get_build_config() is None
    layer.build((None, 2))
    twin.build_from_config(layer.get_build_config())
    assert twin.kernel.shape == (2, 3)
    shapes = {"query_shape": [None, 3, 2], "value_shape": [None, 4, 5], "key_shape": None}
    attention, of_one = layers.MultiHeadAttention(2, 3), layers.Dense(3)
    attention.build_from_config({"shapes_dict": shapes})
    assert attention.built and [weight.shape[0] for weight in attention.weights[::2][:3]] == [2, 5, 5]
    of_one.build_from_config({"shapes_dict": {"input_shape": (None, 7)}})
    assert of_one.kernel.shape == (7, 3)


def test_a_function_that_halves_is_refused_as_an_activation_with_a_remedy():
    with pytest.raises(ConfigError, match=r"Dense\.activation: glu halves the last axis.*: use nnlite\.ops\.glu on"):
        layers.Dense(4, activation="glu")
    assert ops.glu(layers.Dense(4)(nnlite.Input((3,)))).shape == (None, 2)


@pytest.mark.parametrize(
    "layer",
    [layers.MaxPooling2D(), layers.UpSampling2D(), layers.ZeroPadding2D(), layers.Cropping2D(1),
     layers.GlobalAveragePooling2D(), layers.AdaptiveAveragePooling2D(2)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_build_builds_layers_over_spatial_axes_too(layer):
    layer.build((None, 6, 6, 3))
    assert layer.built and layer.output_shape == layer.compute_output_shape((None, 6, 6, 3))


def test_symbols_know_their_type_and_their_layer():
    words = nnlite.Input((4,), dtype="int32", name="words")
    vectors = layers.Embedding(5, 3, name="table")(words)
    assert (words._symbol.dtype, vectors.dtype, vectors.name) == ("int32", "float32", "table")
    assert ops.relu(vectors).dtype == "float32"
    assert layers.Dense(2, dtype="float64")(nnlite.Input((3,))).dtype == "float64"
    assert layers.Dense(2).input_dtype == "float32" and layers.Dense(2, name="d").path is None


def test_an_activation_of_none_is_the_identity_and_alpha_is_the_slope_of_a_leaky_relu():
    x = np.array([[-1.0, 2.0]])
    layer = layers.Activation(None)
    assert layer(x).tolist() == [[-1, 2]] and layers.Activation.from_config(layer.get_config())(x).tolist() == [[-1, 2]]
    leaky = layers.LeakyReLU(alpha=0.5)
    assert leaky(x).tolist() == [[-0.5, 2]] and leaky.get_config()["negative_slope"] == 0.5
    with pytest.raises(ConfigError, match="alpha"):
        layers.LeakyReLU(alpha=-1.0)


@pytest.mark.parametrize("make", [layers.Conv1D, layers.DepthwiseConv1D, layers.MaxPooling1D], ids=lambda c: c.__name__)
def test_padding_may_be_written_in_capitals(make):
    arguments = {"filters": 2, "kernel_size": 3} if make is layers.Conv1D else {}
    arguments |= {"kernel_size": 3} if make is layers.DepthwiseConv1D else {}
    assert make(**arguments, padding="SAME").padding == "same"
    with pytest.raises(ConfigError, match="unknown value 'full'"):
        make(**arguments, padding="FULL")


def test_a_key_that_is_the_value_goes_with_layers_of_two_and_of_three_sequences():
    x, other = np.random.default_rng(0).normal(size=(2, 2, 4, 6)).astype("float32")
    two, three = layers.MultiHeadAttention(2, 3), layers.MultiHeadAttention(2, 3)
    expected = two(x, other)
    np.testing.assert_array_equal(two(x, value=other, key=other), expected)
    three(x, other, other + 1)
    three.set_weights(two.get_weights())
    for given in ((x, other, other), (x, other)):
        np.testing.assert_allclose(three(*given), expected, rtol=1e-6)


def test_a_policy_is_the_type_of_a_layer():
    layer = layers.Dense(2, dtype=nnlite.DTypePolicy("float64"))
    assert layer.dtype == "float64" and layer.get_config()["dtype"]["config"] == {"name": "float64"}
    assert layer.dtype_policy == nnlite.DTypePolicy("float64") and layers.Dense(2).dtype_policy.name == "float32"
    assert layers.CategoryEncoding(3, dtype="int64").dtype_policy.name == "int64"
    assert layer(np.ones((1, 2))).dtype == "float64"
    policy = nnlite.DTypePolicy.from_config(nnlite.DTypePolicy("float64").get_config())
    try:
        nnlite.config.set_dtype_policy(policy)
        assert nnlite.config.floatx() == "float64" and nnlite.config.dtype_policy() == policy
        with pytest.raises(ConfigError, match="unknown policy 'mixed'"):
            nnlite.config.set_dtype_policy("mixed")
    finally:
        nnlite.config.set_dtype_policy("float32")


def test_an_input_gives_itself():
    entry = layers.InputLayer(shape=(3,))
    assert entry.output.shape == (None, 3) and nnlite.Model(entry, layers.Dense(1)(entry.output)).input is entry.output


def test_the_shape_of_the_outputs_is_known_without_a_call():
    spec = layers.Conv2D(4, 3).compute_output_spec(nnlite.Input((8, 8, 1)))
    assert (spec.shape, spec.dtype, spec.ndim, spec.rank) == ((None, 6, 6, 4), "float32", 4, 4)
    outputs = layers.LSTM(3, return_state=True).compute_output_spec(np.ones((2, 5, 4)), training=True)
    assert [one.shape for one in outputs] == [(2, 3), (2, 3), (2, 3)]
    assert layers.Add().compute_output_spec([nnlite.Input((3,)), nnlite.Input((3,))]).shape == (None, 3)
    assert layers.Hashing(3).compute_output_spec(np.array([["a"]])).dtype == "int64"


def test_what_keras_asks_a_layer_for_and_nnlite_does_not_have_says_so():
    dense = layers.Dense(2)
    with pytest.raises(NotImplementedError, match="nothing is quantized"):
        dense.quantize("int8")
    with pytest.raises(NotImplementedError, match="compile"):
        dense.add_metric(1.0)
    with pytest.raises(ConfigError, match=r"Dense\.quantization_config"):
        layers.Dense(2, quantization_config="int8")
    assert dense.get_config()["quantization_config"] is None
    assert (dense.autocast, dense.supports_jit, dense.quantization_mode) == (True, True, None)


def test_metrics_of_a_layer_are_its_attributes_and_those_of_the_layers_inside():
    class Seeing(layers.Layer):
        def __init__(self, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.seen = inner, nnlite.metrics.Mean(name="seen")

        def call(self, inputs):
            return inputs

    outer = Seeing(Seeing())
    assert outer.metrics == [outer.seen, outer.inner.seen]
    assert len(outer.metrics_variables) == 2 * len(outer.seen.variables) and not layers.Dense(2).metrics


def test_add_variable_is_add_weight():
    layer = layers.Dense(2)
    layer.build((None, 3))
    assert layer.add_variable((2,), "ones", name="more") is layer.weights[2]


@pytest.mark.parametrize(
    ("layer", "before", "shape", "after"),
    [
        (layers.Dense(3), InputSpec(min_ndim=2), (None, 4), InputSpec(min_ndim=2, axes={-1: 4})),
        (
            layers.Conv2D(3, 2),
            InputSpec(min_ndim=4),
            (None, 5, 5, 2),
            InputSpec(min_ndim=4, axes={-1: 2}),
        ),
        (
            layers.Conv2D(3, 2, data_format="channels_first"),
            *(InputSpec(min_ndim=4), (None, 2, 5, 5), InputSpec(min_ndim=4, axes={1: 2})),
        ),
        (
            layers.SeparableConv1D(3, 2),
            InputSpec(min_ndim=3),
            (None, 5, 2),
            InputSpec(min_ndim=3, axes={-1: 2}),
        ),
        (layers.LSTM(3), InputSpec(ndim=3), (None, 5, 2), InputSpec(ndim=3)),
        (layers.Bidirectional(layers.GRU(3)), InputSpec(ndim=3), (None, 5, 2), InputSpec(ndim=3)),
        (layers.ConvLSTM2D(2, 2), InputSpec(ndim=5), (None, 3, 4, 4, 1), InputSpec(ndim=5)),
        (layers.MaxPooling1D(), InputSpec(ndim=3), (None, 5, 2), InputSpec(ndim=3)),
        (layers.Permute((2, 1)), InputSpec(ndim=3), (None, 5, 2), InputSpec(ndim=3)),
        (layers.SpatialDropout2D(0.1), InputSpec(ndim=4), (None, 5, 5, 2), InputSpec(ndim=4)),
        (layers.RNN(layers.LSTMCell(2)), None, (None, 5, 2), None),
        (layers.Embedding(3, 2), None, (None, 5), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_say_what_inputs_they_take(layer, before, shape, after):
    assert layer.input_spec == before
    layer.build(shape)
    assert layer.input_spec == after


def test_a_subclass_may_demand_more_of_the_inputs():
    class Small(layers.Dense):
        input_spec = InputSpec(axes={-1: 2})

    with pytest.raises(ShapeError, match="length 2 of axis -1"):
        Small(1)(np.ones((1, 3)))
    layer = layers.Dense(1)
    layer.input_spec = InputSpec(ndim=2)
    with pytest.raises(ShapeError, match="inputs of 2 axes"):
        layer(np.ones((1, 3, 3)))


@pytest.mark.parametrize(
    ("layer", "shape", "result"),
    [
        (layers.Dropout(0.5), (2, 3), (2, 3)),
        (layers.ReLU(), (2, 3), (2, 3)),
        (layers.Activation("relu"), (2, 3), (2, 3)),
        (layers.Masking(), (2, 3, 4), (2, 3, 4)),
        (layers.Reshape((3, 2)), (2, 6), (2, 3, 2)),
        (layers.MaxPooling2D(), (2, 4, 4, 1), (2, 2, 2, 1)),
        (layers.GlobalAveragePooling1D(), (2, 4, 3), (2, 3)),
        (layers.UnitNormalization(), (2, 3), (2, 3)),
        (layers.Identity(), (2, 3), (2, 3)),
        (layers.GaussianNoise(0.5), (2, 3), (2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_without_weights_are_built_from_the_beginning(layer, shape, result):
    assert layer.built and layer.count_params() == 0 and layer.get_build_config() is None
    assert layer(nnlite.Input(shape[1:])).shape == (None, *result[1:])
    twin = type(layer).from_config(layer.get_config())
    assert twin(np.ones(shape)).shape == result
    inside = layers.TimeDistributed(type(layer).from_config(layer.get_config()))
    assert inside(np.ones((shape[0], 5, *shape[1:]))).shape == (result[0], 5, *result[1:])
    with pytest.raises(ShapeError):
        layers.MaxPooling2D()(np.ones((2, 3)))


def test_a_pixel_of_a_smaller_image_mixes_all_that_it_covers():
    columns = np.array([0.0, 1.0, 2.0, 3.0]).reshape(1, 1, 4, 1)
    # its center lies 0.5, 0.5 and 1.5 old pixels from theirs, and the triangle over it reaches twice as far
    weights = np.array([0.75, 0.75, 0.25]) / 1.75
    smooth = layers.Resizing(1, 2, antialias=True, dtype="float64")(columns).ravel()
    np.testing.assert_allclose(smooth, [weights @ [0, 1, 2], weights @ [3, 2, 1]], rtol=1e-12)
    layer = layers.Resizing(1, 2, antialias=True, dtype="float64")
    layer.forward(columns)
    slopes = layer.backward(np.array([1.0, 0.0]).reshape(1, 1, 2, 1))
    np.testing.assert_allclose(np.ravel(slopes), [*weights, 0], rtol=1e-12)
    np.testing.assert_array_equal(layers.Resizing(1, 2)(columns).ravel(), [0.5, 2.5])
    kept = layers.Resizing(1, 2, "nearest", antialias=True)(columns).ravel()
    np.testing.assert_array_equal(kept, layers.Resizing(1, 2, "nearest")(columns).ravel())
