"""Every initializer: dtype, seeds, config, and the moments its formula promises."""

import math

import numpy as np
import pytest
from registered import registered

from nnlite import Variable, config, initializers
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    NguyenWidrow,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    STFTInitializer,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    compute_fans,
)
from nnlite.layers import Dense, Layer

SHAPE = (300, 200)
CUT = 2 / 0.87962566103423978

# Initializer, then for SHAPE (fan_in 300, fan_out 200): its mean, its standard deviation, and its largest
# distance from the mean (infinite for a normal distribution).
CASES = [
    (Zeros(), 0.0, 0.0, 0.0),
    (Ones(), 1.0, 0.0, 0.0),
    (Constant(2.5), 2.5, 0.0, 0.0),
    (RandomNormal(1.0, 0.5), 1.0, 0.5, math.inf),
    (RandomUniform(-1.0, 3.0), 1.0, 4 / math.sqrt(12), 2.0),
    (TruncatedNormal(1.0, 0.5), 1.0, 0.5 * 0.87962566103423978, 1.0),
    (VarianceScaling(), 0.0, math.sqrt(1 / 300), CUT * math.sqrt(1 / 300)),
    (VarianceScaling(3.0, "fan_out", "untruncated_normal"), 0.0, math.sqrt(3 / 200), math.inf),
    (VarianceScaling(3.0, "fan_avg", "uniform"), 0.0, math.sqrt(3 / 250), math.sqrt(9 / 250)),
    (GlorotUniform(), 0.0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
    (GlorotNormal(), 0.0, math.sqrt(2 / 500), CUT * math.sqrt(2 / 500)),
    (HeUniform(), 0.0, math.sqrt(2 / 300), math.sqrt(6 / 300)),
    (HeNormal(), 0.0, math.sqrt(2 / 300), CUT * math.sqrt(2 / 300)),
    (LecunUniform(), 0.0, math.sqrt(1 / 300), math.sqrt(3 / 300)),
    (LecunNormal(), 0.0, math.sqrt(1 / 300), CUT * math.sqrt(1 / 300)),
    (Orthogonal(2.0), 0.0, 2 / math.sqrt(300), math.inf),
]
each = pytest.mark.parametrize("initializer, mean, stddev, reach", CASES, ids=lambda value: str(value)[:60])
CONSTANT = (Zeros, Ones, Constant)
RANDOM = [case[0] for case in CASES if not isinstance(case[0], CONSTANT)]


def draw(initializer, shape=SHAPE, dtype="float64", seed=0):
    return initializer(shape, dtype, np.random.default_rng(seed))


def test_every_initializer_has_a_case():
    apart = {"FunctionInitializer", "Identity", "NguyenWidrow", "STFTInitializer"}
    assert set(registered(Initializer)) == {type(case[0]).__name__ for case in CASES} | apart


def test_a_function_gives_the_first_values():
    layer = Dense(2, kernel_initializer=lambda shape, dtype=None: np.arange(6).reshape(shape))
    layer(np.ones((1, 3)))
    np.testing.assert_array_equal(layer.kernel.value, [[0, 1], [2, 3], [4, 5]])
    with pytest.raises(ShapeError, match=r"shape \(3, 2\), got \(2,\)"):
        Dense(2, kernel_initializer=lambda shape: np.ones(2))(np.ones((1, 3)))


@each
def test_moments(initializer, mean, stddev, reach):
    values = draw(initializer)
    standard_error = 1 / math.sqrt(values.size)
    assert abs(values.mean() - mean) <= 4 * stddev * standard_error
    # The variance of a sample's standard deviation is largest, stddev**2 / 2 / size, for a normal distribution.
    assert abs(values.std() - stddev) <= 4 * stddev * standard_error / math.sqrt(2)
    distance = np.abs(values - mean).max()
    assert distance <= reach
    if math.isfinite(reach):
        assert distance >= 0.99 * reach
    elif not isinstance(initializer, Orthogonal):
        assert distance >= 3.5 * stddev


@each
def test_dtypes_start_from_the_same_point(initializer, mean, stddev, reach):
    single, double = draw(initializer, dtype="float32"), draw(initializer)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert single.shape == double.shape == SHAPE
    np.testing.assert_array_equal(single, double.astype(np.float32))


@each
def test_dtype_defaults_to_floatx(initializer, mean, stddev, reach):
    assert initializer((3, 2)).dtype == np.float32
    config.set_floatx("float64")
    try:
        assert initializer((3, 2)).dtype == np.float64
    finally:
        config.set_floatx("float32")


@each
def test_config_round_trip(initializer, mean, stddev, reach):
    again = Initializer.get(initializer.to_spec())
    assert type(again) is type(initializer)
    assert again.get_config() == initializer.get_config()
    np.testing.assert_array_equal(draw(again), draw(initializer))


@pytest.mark.parametrize("initializer", RANDOM, ids=str)
def test_where_the_numbers_come_from(initializer):
    np.testing.assert_array_equal(draw(initializer), draw(initializer))
    assert not np.array_equal(draw(initializer, seed=0), draw(initializer, seed=1))
    np.testing.assert_array_equal(initializer(SHAPE), initializer(SHAPE))


@pytest.mark.parametrize("initializer", RANDOM, ids=str)
def test_own_seed_wins(initializer):
    seeded = type(initializer)(**{**initializer.get_config(), "seed": 7})
    other = type(initializer)(**{**initializer.get_config(), "seed": 8})
    np.testing.assert_array_equal(draw(seeded, seed=0), draw(seeded, seed=1))
    np.testing.assert_array_equal(draw(seeded), seeded(SHAPE, "float64"))
    assert not np.array_equal(draw(seeded), draw(other))


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (2, 3, 4)])
def test_orthogonal(shape):
    matrix = draw(Orthogonal(gain=3.0), shape).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, 9 * np.eye(len(small)), atol=1e-13)


def test_orthogonal_is_uniform():
    """Both signs of every element are equally likely; QR alone fixes the sign of the first."""
    signs = [np.sign(draw(Orthogonal(), (3, 3), seed=seed)) for seed in range(400)]
    assert np.abs(np.mean(signs, axis=0)).max() <= 4 / math.sqrt(400)


@pytest.mark.parametrize(
    "shape, fans",
    [((), (1, 1)), ((5,), (5, 5)), ((3, 4), (3, 4)), ((2, 3, 4), (6, 8)), ((3, 5, 2, 4), (30, 60))],
)
def test_fans(shape, fans):
    assert compute_fans(shape) == fans


@pytest.mark.parametrize("initializer", [case[0] for case in CASES[:-1]], ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 3, 2, 4)])
def test_any_shape(initializer, shape):
    assert draw(initializer, shape, "float32").shape == shape


@pytest.mark.parametrize(
    "name, expected",
    [
        ("zeros", Zeros),
        ("zero", Zeros),
        ("one", Ones),
        ("uniform", RandomUniform),
        ("normal", RandomNormal),
        ("glorot_uniform", GlorotUniform),
        ("LecunNormal", LecunNormal),
        ("OrthogonalInitializer", Orthogonal),
    ],
)
def test_names_as_in_keras(name, expected):
    assert type(Initializer.get(name)) is expected


@pytest.mark.parametrize(
    "spec, message",
    [
        ("glorot", r"unknown initializer 'glorot'; did you mean 'Glorot"),
        ({"RandomNormal": {"stddev": -1}}, r"RandomNormal.stddev: must be >= 0, got -1"),
        (
            {"RandomUniform": {"minval": 2, "maxval": 1}},
            r"RandomUniform.minval: must be <= maxval=1.0, got 2.0",
        ),
        ({"VarianceScaling": {"scale": 0}}, r"VarianceScaling.scale: must be > 0, got 0"),
        ({"VarianceScaling": {"mode": "fan"}}, r"VarianceScaling.mode: unknown value 'fan'.*fan_avg, fan_in, fan_out"),
        ({"HeNormal": {"seed": -1}}, r"HeNormal.seed: must be >= 0, got -1"),
        ({"HeNormal": {"scale": 1}}, r"HeNormal.scale: unknown argument 'scale'"),
    ],
)
def test_wrong_arguments(spec, message):
    with pytest.raises(ConfigError, match=message):
        Initializer.get(spec)


def test_orthogonal_needs_two_axes():
    with pytest.raises(ConfigError, match=r"Orthogonal: .*at least two axes, got one of shape \(5,\)"):
        Orthogonal()((5,))


def test_identity():
    np.testing.assert_array_equal(draw(Identity(3.0), (2, 3)), [[3, 0, 0], [0, 3, 0]])
    with pytest.raises(ConfigError, match=r"Identity.*matrices.*\(2, 2, 2\)"):
        draw(Identity(), (2, 2, 2))


def test_constants_of_an_array():
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(draw(Constant(table), (2, 3)), table)
    again = Initializer.get(Constant(table).to_spec())
    np.testing.assert_array_equal(draw(again, (2, 3)), table)
    with pytest.raises(ConfigError, match=r"Constant.value.*\(2, 3\).*\(4,\)"):
        draw(Constant(table), (4,))
    with pytest.raises(ConfigError, match=r"Constant.value"):
        Constant("much")


def test_fans_by_axes():
    for axes, fan in (
        ({"input_axes": (0, 1)}, 6),
        ({"input_axes": 2}, 50),
        ({"mode": "fan_out", "output_axes": -3}, 2),
    ):
        values = draw(VarianceScaling(distribution="uniform", **axes), (2, 3, 50))
        assert np.abs(values).max() == pytest.approx(math.sqrt(3 / fan), rel=0.05)
    with pytest.raises(ConfigError, match="input_axes"):
        draw(VarianceScaling(input_axes=3), (2, 3, 50))


def test_nguyen_widrow_spreads_units_over_the_inputs():
    values = draw(NguyenWidrow(), (3, 8))
    np.testing.assert_allclose(np.linalg.norm(values, axis=0), 0.7 * 8 ** (1 / 3))
    assert not np.array_equal(values, draw(NguyenWidrow(), (3, 8), seed=1))
    with pytest.raises(ConfigError, match="at least two axes"):
        draw(NguyenWidrow(), (3,))


@pytest.mark.parametrize("window", ["hann", None, [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.25]])
def test_a_fourier_kernel_transforms(window):
    signal = np.random.default_rng(0).normal(size=8)
    real, imaginary = (draw(STFTInitializer(side, window, None), (8, 1, 5))[:, 0] for side in ("real", "imag"))
    weights = np.hanning(8) if window == "hann" else np.ones(8) if window is None else window
    np.testing.assert_allclose(signal @ real + 1j * (signal @ imaginary), np.fft.rfft(signal * weights), atol=1e-12)


def test_scalings_of_a_fourier_kernel():
    plain = draw(STFTInitializer("real", "hamming", None), (6, 1, 4))
    window = np.hamming(6)
    np.testing.assert_allclose(draw(STFTInitializer("real", "hamming"), (6, 1, 4)), plain / np.sqrt((window**2).sum()))
    np.testing.assert_allclose(draw(STFTInitializer("real", "hamming", "spectrum"), (6, 1, 4)), plain / window.sum())
    periodic = draw(STFTInitializer("real", "hann", None, True), (6, 1, 4))[:, 0, 0]
    np.testing.assert_allclose(periodic, np.hanning(7)[:-1])
    for wrong in ((6, 2, 4), (6, 1)):
        with pytest.raises(ConfigError, match="frame length"):
            draw(STFTInitializer("real"), wrong)
    with pytest.raises(ConfigError, match="3 numbers for frames of 6"):
        draw(STFTInitializer("real", [1.0, 2.0, 1.0]), (6, 1, 4))


def test_the_module_is_that_of_keras():
    from nnlite import initializers

    assert initializers.get("he_normal").get_config() == initializers.he_normal().get_config()
    assert initializers.get(None) is None
    spec = {"class_name": "Constant", "config": {"value": 2.0}}
    assert initializers.serialize(initializers.deserialize(spec))["config"] == {"value": 2.0}


@pytest.mark.parametrize(
    "function",
    [lambda shape: np.full(shape, 2.5), lambda shape, dtype: np.full(shape, 2.5, dtype)],
    ids=["shape", "both"],
)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_functions_make_weights_and_variables(function, dtype):
    layer = Layer()
    for made in (layer.add_weight((2,), function, dtype, trainable=False), Variable(function, (2,), dtype)):
        assert made.dtype == dtype
        assert made.value.tolist() == np.full(2, 2.5).astype(dtype).tolist()
    with pytest.raises(ShapeError, match=r"must return values of the shape \(3,\), got \(2,\)"):
        layer.add_weight((3,), lambda shape: np.ones(2))


def test_an_array_stands_for_its_numbers():
    numbers = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(initializers.get(numbers)((3, 2)), numbers)
    layer = Dense(2, kernel_initializer=numbers)
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.kernel.value, numbers)


@pytest.mark.parametrize("name", ["RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotUniform", "Orthogonal"])
def test_without_a_seed_each_initializer_has_numbers_of_its_own(name):
    one, other = Initializer.get(name), Initializer.get(name)
    assert (one((3, 4)) == one((3, 4))).all() and (one((3, 4)) != other((3, 4))).any()
    assert (one((3, 4), generator=np.random.default_rng(0)) != one((3, 4))).any()
    with pytest.raises(ValueError, match="unknown dtype 'nope'"):
        one((3, 4), dtype="nope")
