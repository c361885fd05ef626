"""Layers for the columns of tables, members of an ensemble, and what becomes of logits."""

import itertools

import numpy as np
import pytest
from numeric import EXACT, relative_error
from plain import softmax

from nnlite import Input, Sequential, load_model
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import (
    CategoryEmbedding,
    Clip,
    Dense,
    Flatten,
    GlobalAveragePooling1D,
    Layer,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    RepeatVector,
    RobustScaling,
    Scale,
    TemperatureScaling,
)

random = np.random.default_rng(3)


def saved(layer, inputs, path):
    """The outputs of a model of the layer alone, and those of the model when it was read from a file."""
    model = Sequential([Input(inputs.shape[1:]), layer])
    model.save(path / "model.nnlite")
    return model.predict(inputs, verbose=0), load_model(path / "model.nnlite").predict(inputs, verbose=0)


# ---------------------------------------------------------------- RobustScaling


def adapted(data, **options):
    layer = RobustScaling(**options)
    layer.adapt(data)
    return layer


def test_robust_scaling_takes_median_and_quartiles(double_precision):
    data = random.standard_cauchy((101, 3)) * [1, 10, 1e4] + [0, 5, -5]
    low, middle, high = np.quantile(data, [0.25, 0.5, 0.75], axis=0)
    z = (data - middle) / (high - low)
    assert relative_error(adapted(data, clip=None)(data), z) <= EXACT
    assert relative_error(adapted(data)(data), z / np.sqrt(1 + (z / 3) ** 2)) <= EXACT
    stacked = data[:100].reshape(25, 4, 3)
    assert relative_error(adapted(stacked)(stacked), adapted(data[:100])(data[:100]).reshape(25, 4, 3)) <= EXACT


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 40, 41, 42, 43])
def test_robust_scaling_takes_the_quantiles_of_numpy(double_precision, count):
    columns = np.random.default_rng(count).normal(size=(count, 6)).round(1)
    layer = adapted(columns)
    first, center, third = np.quantile(columns, [0.25, 0.5, 0.75], axis=0)
    two_values = ((columns == columns.min(0)) | (columns == columns.max(0))).all(axis=0)
    usual = ~two_values & (third > first)
    np.testing.assert_array_equal(layer.statistics[0].value[usual], center[usual])
    np.testing.assert_array_equal(layer.statistics[2].value[usual], (third - first)[usual])
    assert usual.any() == (count > 2)


@pytest.mark.parametrize(
    ("column", "z"),
    [
        ([7.0, 7.0, 7.0, 7.0, 7.0], [0, 0, 0, 0, 0]),
        ([0.1, 0.1, 0.1, 0.3, 0.1], [-1, -1, -1, 1, -1]),
        ([5.0, 5.0, 5.0, 5.0, 9.0, 1.0, 5.0, 5.0], [0, 0, 0, 0, 1, -1, 0, 0]),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [-1, -0.5, 0, 0.5, 1]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_robust_scaling_of_columns_of_few_values(column, z, dtype):
    data = np.array(column)[:, None]
    np.testing.assert_allclose(adapted(data, clip=None, dtype=dtype)(data)[:, 0], z, rtol=0, atol=1e-6)


def test_robust_scaling_far_from_zero_loses_no_digits():
    data = np.float32(2**24 - 30) + np.arange(30, dtype=np.float32)[:, None] ** np.array([1, 0.5, 1], np.float32)
    data[:, 2] = np.where(data[:, 0] > 2**24 - 10, 2**24 - 1, 2**24 - 2)
    exact = data.astype(np.float64)
    low, middle, high = np.quantile(exact, [0.25, 0.5, 0.75], axis=0)
    expected = (exact - middle) / (high - low)
    expected[:, 2] = np.where(data[:, 0] > 2**24 - 10, 1, -1)
    layer = adapted(data, clip=None)
    assert layer(data).dtype == np.float32
    np.testing.assert_allclose(layer(data), expected, rtol=3e-7, atol=0)
    model = Sequential([Input((3,)), layer])
    np.testing.assert_allclose(model.compile_predict()(data), expected, rtol=3e-7, atol=0)


def test_robust_scaling_leaves_other_columns_alone(tmp_path):
    data = random.normal(size=(20, 4)).astype(np.float32)
    for columns in ([2, 0], [1, 2]):
        layer, whole = adapted(data, columns=columns), adapted(data)
        expected = data.copy()
        expected[:, columns] = whole(data)[:, columns]
        np.testing.assert_array_equal(layer(data), expected)
        before, after = saved(layer, data, tmp_path)
        np.testing.assert_array_equal(before, expected)
        np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_smooth_clip_of_huge_numbers_is_the_bound(dtype):
    layer = RobustScaling(0.0, 1.0, dtype=dtype)
    most = np.finfo(dtype).max
    with np.errstate(all="raise", under="ignore"):
        outputs = layer.forward(np.array([[-most, -1e6, 1e6, most]], dtype))
        slopes = layer.backward(1)[0]
    np.testing.assert_allclose(outputs, [[-3, -3, 3, 3]], rtol=1e-6)
    np.testing.assert_allclose(slopes, 0, atol=1e-15)


def test_robust_scaling_says_what_is_wrong():
    with pytest.raises(NotReadyError, match=r"layer 'r' \(RobustScaling\).*adapt"):
        RobustScaling(name="r")(np.ones((2, 3)))
    for data in ([[np.nan]], [[np.inf]], np.empty((0, 2)), [["a"]], [[1e300]]):
        with pytest.raises(DataError, match=r"RobustScaling.*adapt"):
            adapted(data)
    for columns in ([3], [1, 1], []):
        with pytest.raises(ConfigError, match=r"RobustScaling.*0 to 2, each once"):
            adapted(np.ones((2, 3)), columns=columns)
    with pytest.raises(ConfigError, match="center and width together"):
        RobustScaling(center=1.0)
    for width in (0.0, -1.0, [1.0, 2.0]):
        with pytest.raises(ConfigError, match="width must be"):
            RobustScaling(0.0, width)(np.ones((2, 3)))


# ---------------------------------------------------------------- CategoryEmbedding


def test_category_embedding_puts_vectors_behind_the_other_columns(double_precision):
    layer = CategoryEmbedding({3: 2, 0: 4}, output_dim=2)
    codes = random.integers(0, [4, 2], (6, 2))
    inputs = np.column_stack([codes[:, 0], random.normal(size=(6, 2)), codes[:, 1]])
    outputs, (table,) = layer(inputs), (layer(inputs), layer.values)[1]
    assert table.shape == (6, 2)
    np.testing.assert_array_equal(
        outputs, np.concatenate([inputs[:, 1:3], table[codes[:, 1]], table[2 + codes[:, 0]]], 1)
    )


def test_each_member_has_tables_of_its_own_and_leads_in_memory(double_precision):
    layer = CategoryEmbedding({1: 3}, output_dim=2, members=4)
    inputs = np.stack([random.normal(size=(5, 4)), random.integers(0, 3, (5, 4))], axis=-1)
    outputs = layer(inputs)
    (tables,) = layer.values
    assert tables.shape == (4, 3, 2)
    for member in range(4):
        own = inputs[:, member]
        expected = np.concatenate([own[:, :1], tables[member][own[:, 1].astype(int)]], axis=1)
        np.testing.assert_array_equal(outputs[:, member], expected)
    inner = layer.linearize(inputs, tables)[0]
    assert inner.transpose(1, 0, 2).flags.c_contiguous


def test_tables_of_members_are_drawn_as_that_of_one():
    layer = CategoryEmbedding({0: 4}, output_dim=4, members=3, embeddings_initializer="orthogonal")
    layer.build((None, 3, 1))
    tables = layer.embeddings.value
    np.testing.assert_allclose(tables @ tables.swapaxes(1, 2), np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-5)


def test_keys_of_sizes_may_be_text():
    layers = [CategoryEmbedding({"2": 3, 0: 5}), CategoryEmbedding({2: 3, "0": 5})]
    assert layers[0].sizes == layers[1].sizes == {2: 3, 0: 5}
    assert layers[0].to_spec()["CategoryEmbedding"]["sizes"] == {"2": 3, "0": 5}
    assert Layer.get(layers[0].to_spec()).sizes == {2: 3, 0: 5}
    for sizes, place in ({"x": 3}, "x"), ({-1: 3}, "-1"), ({1.5: 3}, "1.5"), ({1: 0}, "1"):
        with pytest.raises(ConfigError, match=rf"CategoryEmbedding\.sizes\W{place}"):
            CategoryEmbedding(sizes)


@pytest.mark.parametrize("code", [-1.0, 3.0, 1.5, np.nan])
def test_a_code_out_of_range_is_one_clear_error(code):
    layer = CategoryEmbedding({2: 3, 1: 9}, name="codes")
    inputs = np.zeros((4, 3))
    inputs[1, 2] = code
    with pytest.raises(DataError, match=rf"layer 'codes'.*column 2.*0 to 2, got {code:g}$"):
        layer(inputs)


def test_category_embedding_refuses_columns_that_are_not_there():
    for sizes in ({3: 2}, {}):
        with pytest.raises(ConfigError, match="0 to 2"):
            CategoryEmbedding(sizes)(np.zeros((2, 3)))


def test_a_model_of_members_learns_saves_and_predicts(tmp_path):
    x = np.column_stack([random.normal(size=(60, 2)), random.integers(0, 3, 60)]).astype(np.float32)
    y = x[:, 0] * (x[:, 2] - 1)
    layers = [RobustScaling(columns=[0, 1]), RepeatVector(3), CategoryEmbedding({2: 3}, 4, 3), Scale(3)]
    model = Sequential([Input((3,)), *layers, Dense(16, "mish"), Dense(1), GlobalAveragePooling1D()], seed=0)
    model.adapt(x)
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    model.save(tmp_path / "model.nnlite")
    predictions = model.predict(x, verbose=0)
    np.testing.assert_array_equal(load_model(tmp_path / "model.nnlite").predict(x, verbose=0), predictions)
    np.testing.assert_allclose(model.compile_predict()(x), predictions, rtol=0, atol=1e-5)


@pytest.mark.parametrize("members", [None, 3])
def test_periodic_embedding_is_its_formula(members, double_precision):
    layer = PeriodicEmbedding(5, 2, 0.3, members, columns=[2, 0])
    inputs = random.normal(size=(4, *([members] * (members is not None)), 3))
    outputs = layer(inputs)
    frequency, phase, kernel, bias = layer.get_weights()
    waves = np.cos(2 * np.pi * inputs[..., [2, 0], None] * frequency + phase)
    mixed = np.einsum("...ck,...ckd->...cd", waves, kernel) + bias
    expected = np.concatenate([inputs, mixed.reshape(*inputs.shape[:-1], 4)], axis=-1)
    assert relative_error(outputs, expected) <= EXACT


def test_periodic_embedding_starts_as_the_paper_says():
    layer = PeriodicEmbedding(400, 20, sigma=0.3)
    layer(np.zeros((1, 50)))
    frequency, phase, kernel, bias = layer.get_weights()
    assert abs(frequency.std() - 0.3) < 0.01
    for uniform, limit in ((phase, np.pi), (kernel, 0.05), (bias, 0.05)):
        assert 0.98 * limit < np.abs(uniform).max() <= limit * (1 + 1e-6)
        assert abs(uniform.mean()) < 0.05 * limit


def test_members_need_inputs_of_their_own():
    for layer in (Scale(3), CategoryEmbedding({0: 2}, members=3)):
        with pytest.raises(ShapeError, match=r"with 3 members.*\(batch, 3, features\).*RepeatVector\(3\)"):
            layer(np.zeros((2, 4)))
        with pytest.raises(ShapeError, match="with 3 members"):
            type(layer)(**layer.get_config())(np.zeros((2, 2, 4)))


# ---------------------------------------------------------------- Scale, Clip


def test_scale(double_precision):
    x = random.normal(size=(4, 2, 3))
    for layer, shape in ((Scale(), (3,)), (Scale(2), (2, 3))):
        layer(x)
        assert layer.scale.shape == shape
        np.testing.assert_array_equal(layer(x), x)
        layer.set_weights([random.normal(size=shape)])
        np.testing.assert_array_equal(layer(x), x * layer.get_weights()[0])
    assert Sequential([Input((3,)), Scale(), Dense(2)]).compile_predict().stages[0].__repr__() == "Product(3, 2)"


def test_clip(double_precision):
    layer = Clip([-1, 0], [1, 0.5])
    np.testing.assert_array_equal(
        layer.forward([[-2.0, 0.25], [1.0, 0.5], [np.inf, -np.inf]]), [[-1, 0.25], [1, 0.5], [1, 0]]
    )
    np.testing.assert_array_equal(layer.backward(1), [[0, 1], [1, 1], [0, 0]])
    for bounds in ((1, 0), ([0, 1], [1, 0]), ([0, 1], [2, 2, 2]), ([], 1)):
        with pytest.raises(ConfigError, match="low <= high"):
            Clip(*bounds)
    with pytest.raises(ConfigError, match="2 bounds for 3 features"):
        Clip([0, 0], 1)(np.ones((2, 3)))


# ---------------------------------------------------------------- TemperatureScaling


def log_loss(log_t, logits, y, weights, rows):
    scaled = logits / np.exp(log_t)
    losses = np.logaddexp.reduce(scaled, axis=-1) - np.take_along_axis(scaled, y[..., None], -1)[..., 0]
    return (losses * weights).sum() / weights.sum() + 3 / rows * log_t**2


@pytest.mark.parametrize(
    ("sharpness", "shape"), [(0.6, (300, 3)), (1.0, (300, 3)), (1.7, (40, 3)), (1.7, (200, 4, 3)), (30.0, (500, 3))]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_calibrate_finds_the_lowest_loss(sharpness, shape, weighted):
    truth = random.normal(0, 2, shape)
    y = (truth + random.gumbel(size=shape)).argmax(axis=-1)
    weights = random.integers(0, 3, y.shape) if weighted else np.ones(y.shape)
    rows = (weights.reshape(len(y), -1) > 0).any(axis=1).sum()
    layer, logits = TemperatureScaling(), sharpness * truth + 1000
    layer.calibrate(logits, y, weights if weighted else None)
    places = np.log(np.geomspace(0.25, 4, 20_001))
    losses = [log_loss(place, logits, y, weights, rows) for place in places[:: 1 if y.size < 100 else 100]]
    at = log_loss(np.log(layer.temperature), logits, y, weights, rows)
    assert at <= min(losses) + 1e-9
    assert layer.blur == 0.5 / (rows + 1)
    if y.size < 100:
        assert abs(np.log(layer.temperature) - places[np.argmin(losses)]) < 3e-4
    np.testing.assert_allclose(layer(logits).sum(axis=-1), 1, rtol=1e-5)
    assert layer(logits).min() >= layer.blur / 3 * (1 - 1e-6)


def test_members_that_share_rows_count_them_once():
    logits, y = random.normal(size=(50, 3)), random.integers(0, 3, 50)
    alone, together = TemperatureScaling(), TemperatureScaling()
    alone.calibrate(logits, y)
    together.calibrate(np.repeat(logits[:, None], 4, axis=1), np.repeat(y[:, None], 4, axis=1))
    assert together.blur == alone.blur
    assert together.temperature == pytest.approx(alone.temperature, rel=1e-4)
    by_row = TemperatureScaling()
    weights = random.random(50)
    alone.calibrate(logits, y, weights)
    by_row.calibrate(np.repeat(logits[:, None], 4, axis=1), np.repeat(y[:, None], 4, axis=1), weights)
    assert by_row.temperature == pytest.approx(alone.temperature, rel=1e-4)


def test_calibration_is_saved(tmp_path):
    logits, y = 3 * random.normal(size=(50, 3)).astype(np.float32), random.integers(0, 3, 50)
    layer = TemperatureScaling()
    layer.calibrate(logits, y)
    assert layer.temperature == pytest.approx(4, rel=1e-4)
    before, after = saved(layer, logits, tmp_path)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before, (1 - 0.5 / 51) * softmax(logits / layer.temperature) + 0.5 / 153, rtol=1e-5)


@pytest.mark.parametrize(
    ("logits", "y", "weights", "message"),
    [
        (np.ones((3, 2)), [0, 1], None, r"shape \(3,\), got \(2,\)"),
        (np.ones((3, 4, 2)), [0, 1, 1], None, r"shape \(3, 4\), got \(3,\)"),
        (np.full((1, 2), np.nan), [0], None, "finite logits"),
        (np.ones((2, 2)), [0, 2], None, "index 2, allowed are 0 to 1"),
        (np.ones((2, 2)), [0, 0.5], None, "integers.*0.5"),
        (np.ones((2, 2)), [0, 1], [1, -1], "weights >= 0"),
        (np.ones((2, 2)), [0, 1], [1], r"weights >= 0 of the shape \(2,\)"),
        (np.ones((2, 2)), [0, 1], [0, 0], "weight above 0"),
        (np.ones((0, 2)), np.zeros(0, int), None, "weight above 0"),
    ],
)
def test_calibrate_says_what_is_wrong(logits, y, weights, message):
    with pytest.raises(DataError, match=rf"TemperatureScaling.*calibrate.*{message}"):
        TemperatureScaling().calibrate(logits, y, weights)


def test_layers_of_tables_pass_through_a_model_of_flat_members():
    model = Sequential([Input((2,)), RepeatVector(2), Scale(2), Flatten(), Dense(3), TemperatureScaling(1.5)], seed=0)
    assert model.predict(np.ones((2, 2)), verbose=0).shape == (2, 3)


# ---------------------------------------------------------------- PiecewiseLinearEncoding


def test_pieces_are_those_of_the_quantiles():
    x = np.random.default_rng(3).exponential(size=(200, 2))
    layer = PiecewiseLinearEncoding(num_bins=5, columns=[1])
    layer.adapt(x)
    outputs = layer(x)
    edges = np.quantile(x[:, 1], np.linspace(0, 1, 6))
    expected = [np.clip((x[:, 1] - low) / (high - low), 0, 1) for low, high in itertools.pairwise(edges)]
    np.testing.assert_allclose(outputs, np.column_stack([x, *expected]), rtol=0, atol=2e-6)
    assert np.allclose(outputs[:, 2:].sum(axis=1), np.interp(x[:, 1], edges, range(6)), atol=1e-5)


def test_columns_of_few_values_have_an_edge_at_each():
    layer = PiecewiseLinearEncoding(num_bins=4)
    layer.adapt(np.array([[0.0, 5.0, 1.0]] * 90 + [[1.0, 5.0, 2.0], [1.0, 5.0, 9.0]]))
    two_values, constant, three_values = layer.edges.value
    assert (two_values == 0).all()
    assert (constant == 5).all()
    assert three_values.tolist() == [1, 2, 9, 9, 9]
    assert layer(np.array([[0.5, 7.0, 5.5]]))[0, 3:].tolist() == [0] * 8 + [1, 0.5, 0, 0]


def test_pieces_before_adapt_and_of_bad_data():
    with pytest.raises(NotReadyError, match=r"layer 'p' \(PiecewiseLinearEncoding\).*adapt"):
        PiecewiseLinearEncoding(name="p")(np.ones((2, 3)))
    with pytest.raises(DataError, match="finite in float32"):
        PiecewiseLinearEncoding(dtype="float32").adapt(np.array([[1.0], [1e200]]))
    with pytest.raises(ConfigError, match="0 to 2, each once"):
        PiecewiseLinearEncoding(columns=[3])(np.ones((2, 3)))


def test_a_linear_model_bends_at_the_edges():
    x = np.random.default_rng(0).uniform(-1, 1, (400, 1))
    y = np.where(np.abs(x) < 0.5, 1.0, -1.0)
    encoding = PiecewiseLinearEncoding(num_bins=16)
    encoding.adapt(x)
    design = np.column_stack([encoding(x), np.ones(len(x))])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert np.mean((fitted - y) ** 2) < 0.1  # a straight line leaves 1
