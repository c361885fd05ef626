"""What single layers compute and keep: formulas, moving averages, masks, moments."""

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, relative_error

from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNormalization,
    LeakyReLU,
    Normalization,
    PReLU,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
)
from nnlite.models import Sequential
from nnlite.random import RandomSource

generator = np.random.default_rng(23)


normal = stream(generator)


def standardized(x, axes, epsilon):
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("factor", ["standard", "ntk"])
@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 6), (4, 3, 6)])
@pytest.mark.parametrize("members", [None, 1, 3])
def test_dense_with_relu_is_its_formula(members, shape, factor, use_bias, dtype):
    """Outputs and gradients, whatever the order of the inputs in memory."""
    if members is not None:
        shape = (shape[0], members, shape[-1])
    options = {"members": members, "parametrization": factor, "bias_initializer": "random_normal", "dtype": dtype}
    layer = Dense(5, "relu", use_bias, **options)
    x = normal(*shape).astype(dtype)
    layer(x)
    kernel, *bias = (np.asarray(value, "float64") for value in layer.values)
    scale, paths = layer.factor, "bmf,mfu->bmu" if members else "...f,fu->...u"
    sums = scale * np.einsum(paths, x, kernel, dtype="float64") + (bias[0] if bias else 0)
    seeds = normal(*sums.shape).astype(dtype)
    gated = seeds * (sums > 0)
    back = "bmu,mfu->bmf" if members else "...u,fu->...f"
    for inputs in (x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        outputs, maps = layer.linearize(inputs, *layer.values)
        close = {"rtol": 0, "atol": 2e-5 if dtype == "float32" else 1e-13}
        np.testing.assert_allclose(outputs, np.maximum(sums, 0), **close)
        np.testing.assert_allclose(layer.infer(inputs), np.maximum(sums, 0), **close)
        by_inputs, by_kernel, *by_bias = maps.vjp(seeds)
        np.testing.assert_allclose(by_inputs, scale * np.einsum(back, gated, kernel), **close)
        rows = [part.reshape(len(part), -1 if members is None else members, part.shape[-1]) for part in (x, gated)]
        of_kernel = np.einsum("brf,bru->fu" if members is None else "bmf,bmu->mfu", *rows)
        np.testing.assert_allclose(by_kernel, scale * of_kernel, **close)
        for one in by_bias:
            np.testing.assert_allclose(one, gated.reshape(-1, *one.shape).sum(axis=0), **close)


def column(values, axis, rank):
    """A vector as an array that has its length along `axis` and 1 elsewhere."""
    return values.reshape([-1 if own == axis % rank else 1 for own in range(rank)])


FORMULAS = [
    (Dense(3, activation="tanh"), (4, 2), lambda x, kernel, bias: np.tanh(x @ kernel + bias)),
    (Dense(3, use_bias=False), (2, 4, 2), lambda x, kernel: x @ kernel),
    (PReLU(), (4, 3), lambda x, alpha: np.where(x > 0, x, alpha * x)),
    (LayerNormalization(), (4, 3), lambda x, gamma, beta: gamma * standardized(x, 1, 1e-3) + beta),
    (
        LayerNormalization(axis=(1, 3), epsilon=0.1),
        (2, 3, 2, 4),
        lambda x, gamma, beta: gamma[:, None] * standardized(x, (1, 3), 0.1) + beta[:, None],
    ),
    (
        BatchNormalization(axis=1, epsilon=0.1),
        (2, 3, 4),
        lambda x, gamma, beta, mean, variance: (
            (x - mean[:, None]) / np.sqrt(variance[:, None] + 0.1) * gamma[:, None] + beta[:, None]
        ),
    ),
    (Embedding(5, 2), (4, 3), lambda x, embeddings: embeddings[x]),
    (
        Normalization(axis=1),
        (2, 3, 4),
        lambda x, mean, variance, count: (x - mean[:, None]) / np.sqrt(variance)[:, None],
    ),
    (Normalization(invert=True), (2, 3), lambda x, mean, variance, count: x * np.sqrt(variance) + mean),
    (Rescaling(0.5, -1.0), (2, 3), lambda x: x * 0.5 - 1),
    (Flatten(), (2, 3, 4), lambda x: x.reshape(2, 12)),
    (Reshape((-1, 2)), (2, 3, 4), lambda x: x.reshape(2, 6, 2)),
    (ReLU(0.5, 0.1, 0.2), (4, 3), lambda x: np.where(x > 0.2, np.minimum(x, 0.5), 0.1 * (x - 0.2))),
    (LeakyReLU(), (4, 3), lambda x: np.where(x > 0, x, 0.3 * x)),
    (ELU(0.5), (4, 3), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    (Softmax(axis=1), (2, 3, 4), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    (Activation("softplus"), (4, 3), lambda x: np.log1p(np.exp(x))),
]


@pytest.mark.parametrize(("layer", "shape", "formula"), FORMULAS, ids=lambda value: repr(value)[:40])
def test_output_equals_the_formula(layer, shape, formula):
    layer.dtype = "float64"
    layer._ensure_built((None, *shape[1:]), RandomSource(0))
    for parameter in layer.parameters:
        parameter.assign(generator.uniform(0.5, 2, parameter.shape))
    inputs = generator.integers(0, 5, shape) if layer.input_kind == "indices" else normal(*shape)
    assert relative_error(layer(inputs), formula(inputs, *layer.values)) <= EXACT


class TestBatchNormalization:
    @pytest.mark.parametrize(("axis", "shape"), [(-1, (6, 3)), (1, (4, 3, 2)), (-1, (4, 2, 2, 3))])
    def test_training_uses_the_batch_and_moves_the_averages(self, axis, shape):
        layer = BatchNormalization(axis=axis, momentum=0.8, dtype="float64")
        inputs = normal(*shape) * 3 + 2
        over = tuple(own for own in range(len(shape)) if own != axis % len(shape))
        mean, variance = np.zeros(3), np.ones(3)
        for _ in range(3):
            output = layer(inputs, training=True)
            mean = mean * 0.8 + inputs.mean(over) * 0.2
            variance = variance * 0.8 + inputs.var(over) * 0.2
        assert relative_error(output, standardized(inputs, over, 1e-3)) <= EXACT
        assert relative_error(layer.moving_mean.value, mean) <= EXACT
        assert relative_error(layer.moving_variance.value, variance) <= EXACT
        expected = (inputs - column(mean, axis, len(shape))) / np.sqrt(column(variance, axis, len(shape)) + 1e-3)
        assert relative_error(layer(inputs), expected) <= EXACT
        assert relative_error(layer.moving_mean.value, mean) <= EXACT

    def test_frozen_it_behaves_as_at_inference(self):
        layer = BatchNormalization(dtype="float64")
        layer(normal(5, 2), training=True)
        layer.trainable = False
        before, inputs = layer.get_weights(), normal(5, 2)
        np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs))
        for now, then in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)

    def test_averages_keep_their_type(self):
        layer = BatchNormalization()
        layer(np.ones((4, 2), np.float32), training=True)
        assert {weight.dtype for weight in layer.weights} == {np.dtype(np.float32)}

    def test_a_constant_feature_is_no_danger(self):
        output = BatchNormalization().forward(np.full((4, 2), 1e4, np.float32), training=True)
        assert not output.any()

    @pytest.mark.parametrize("axis", [0, 2, -2, 5])
    def test_axis_must_name_features(self, axis):
        with pytest.raises(ConfigError, match=r"layer 'norm' \(BatchNormalization\).*axis"):
            BatchNormalization(axis=axis, name="norm")(np.ones((2, 3)))

    def test_axis_of_layer_normalization_must_name_features(self):
        for axis in ((0, 1), (1, -1), 2):
            with pytest.raises(ConfigError, match="axis"):
                LayerNormalization(axis=axis)(np.ones((2, 3)))


class TestDropout:
    def test_keeps_the_expected_value_by_scaling(self):
        inputs = np.ones((400, 500))
        output = Dropout(0.3).forward(inputs, training=True)
        kept = output != 0
        np.testing.assert_allclose(output[kept], 1 / 0.7)
        assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / kept.size)
        for mask in (kept[:, ::2], kept[::2], kept[:, -1:], kept[-1:]):  # no place is favoured
            assert abs(mask.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / mask.size)

    def test_backward_uses_the_mask_of_forward(self):
        layer = Dropout(0.5)
        output = layer.forward(np.ones((20, 30)), training=True)
        np.testing.assert_array_equal(layer.backward(1), output)

    def test_does_nothing_at_inference_or_without_a_rate(self):
        inputs = normal(3, 4).astype(np.float32)
        np.testing.assert_array_equal(Dropout(0.9)(inputs), inputs)
        np.testing.assert_array_equal(Dropout(0)(inputs, training=True), inputs)

    def test_drops_all_at_rate_one(self):
        layer = Dropout(1)
        assert not layer.forward(normal(3, 4), training=True).any()
        assert not layer.backward(1).any()

    def test_source_decides_what_is_dropped(self):
        layer, inputs = Dropout(0.5, dtype="float64"), np.ones((8, 8))
        layer._ensure_built((None, 8))

        def draw(**place):
            return layer.linearize(inputs, training=True, random=RandomSource(**place))[0]

        np.testing.assert_array_equal(draw(seed=1, step=2, place=3), draw(seed=1, step=2, place=3))
        for other in ({"seed": 2, "step": 2, "place": 3}, {"seed": 1, "step": 3, "place": 3}, {"seed": 1, "step": 2}):
            assert (draw(seed=1, step=2, place=3) != draw(**other)).any()

    def test_each_layer_of_a_model_draws_its_own_mask(self):
        inputs = np.ones((100, 100))
        for layers in (
            lambda: [Dropout(0.5), Dropout(0.5)],
            lambda: [Sequential([Dropout(0.5)], seed=0), Dropout(0.5)],
        ):
            model = Sequential(layers(), seed=0)
            kept = model.forward(inputs, training=True) != 0
            assert abs(kept.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / kept.size)

    def test_own_seed_replaces_the_models(self):
        layer, inputs = Dropout(0.5, seed=5), np.ones((8, 8))
        first, second, later = (
            layer.linearize(inputs, training=True, random=RandomSource(*source))[0]
            for source in [(1, 0), (2, 0), (1, 1)]
        )
        np.testing.assert_array_equal(first, second)
        assert (first != later).any()

    def test_noise_shape_shares_the_mask(self):
        output = Dropout(0.5, noise_shape=(None, 1, None))(np.ones((20, 5, 6)), training=True)
        np.testing.assert_array_equal(output, np.broadcast_to(output[:, :1], output.shape))
        assert 0 < (output[:, 0] != 0).mean() < 1
        with pytest.raises(ConfigError, match="noise_shape"):
            Dropout(0.5, noise_shape=(None, 1))(np.ones((2, 3, 4)))

    @pytest.mark.parametrize("rate", [-0.1, 1.5, "much"])
    def test_rate_is_a_fraction(self, rate):
        with pytest.raises(ConfigError, match=r"Dropout\.rate"):
            Dropout(rate)


class TestNormalization:
    def test_adapt_finds_the_moments_of_each_feature(self):
        data = normal(50, 3) * [1, 10, 100] + [0, 5, -5]
        layer = Normalization(dtype="float64")
        layer.adapt(data)
        assert relative_error(layer(data), standardized(data, 0, 0)) <= 1e-10
        layer.adapt(data[:10])
        assert relative_error(layer(data[:10]), standardized(data[:10], 0, 0)) <= 1e-10

    @pytest.mark.parametrize(("axis", "over"), [(None, (0, 1, 2)), (1, (0, 2)), ((1, 2), (0,)), ((-1, 1), (0,))])
    def test_axis(self, axis, over):
        data = normal(9, 2, 3) * 4 + 1
        layer = Normalization(axis=axis, dtype="float64")
        layer.adapt(data)
        assert relative_error(layer(data), standardized(data, over, 0)) <= 1e-10

    @pytest.mark.parametrize("value", [0.1, 1e5, 0.0, -1 / 3])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_constant_feature_becomes_zero_and_never_explodes(self, value, dtype):
        layer = Normalization(dtype=dtype)
        data = np.column_stack([np.full(10, value), np.arange(10.0)])
        layer.adapt(data)
        assert np.abs(layer(data)[:, 0]).max() <= np.abs(value) * np.finfo(dtype).eps * 4
        assert abs(layer(data + 1)[0, 0]) <= 1.01 + np.abs(value) * np.finfo(dtype).eps * 4

    def test_invert_undoes(self):
        data = normal(20, 3) * 7 + 2
        forth, back = Normalization(dtype="float64"), Normalization(invert=True, dtype="float64")
        forth.adapt(data), back.adapt(data)
        assert relative_error(back(forth(data)), data) <= EXACT

    def test_known_moments_need_no_adapt(self):
        layer = Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0], dtype="float64")
        np.testing.assert_allclose(layer(np.array([[3.0, 8.0]])), [[1, 2]])
        scalar = Normalization(axis=None, mean=1.0, variance=4.0, dtype="float64")
        np.testing.assert_allclose(scalar(np.array([[3.0, 5.0]])), [[1, 2]])

    def test_before_adapt_it_says_what_to_do(self):
        layer = Normalization(name="scale")
        with pytest.raises(NotReadyError, match=r"layer 'scale' \(Normalization\).*adapt"):
            layer(np.ones((2, 3)))
        with pytest.raises(NotReadyError, match="adapt"):
            Sequential([Normalization(), Dense(1)]).predict(np.ones((2, 3)), verbose=0)

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (np.empty((0, 2)), DataError),
            ([[1.0, np.nan]], DataError),
            ([[1.0, np.inf]], DataError),
            ([["a", "b"]], DataError),
            (3.0, DataError),
        ],
        ids=str,
    )
    def test_adapt_refuses_useless_data(self, data, error):
        with pytest.raises(error, match=r"layer 'scale' \(Normalization\).*adapt"):
            Normalization(name="scale").adapt(data)

    def test_adapt_refuses_another_number_of_features(self):
        layer = Normalization()
        layer.adapt(np.ones((3, 2)))
        with pytest.raises(ShapeError, match=r"\(None, 2\).*\(3, 4\)"):
            layer.adapt(np.ones((3, 4)))

    def test_moments_must_fit_each_other_and_the_inputs(self):
        with pytest.raises(ConfigError, match="together"):
            Normalization(mean=1.0)
        for axis, moments in ((-1, [1.0, 2.0, 3.0]), (None, [1.0, 2.0]), (-1, "one"), (-1, [-1.0, 2.0])):
            with pytest.raises(ConfigError, match="Normalization"):
                Normalization(axis=axis, mean=moments, variance=moments)(np.ones((2, 2)))
