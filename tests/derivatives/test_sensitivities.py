"""How outputs depend on inputs: Jacobians of rows, tables by feature, integrated gradients, pictures."""

import builtins
import sys

import numpy as np
import pytest
from numeric import relative_error

from nnlite import Input, NNClassifier, NNRegressor, Sequential
from nnlite.config import dense_limit, set_dense_limit, set_floatx
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.estimators import LabelledTable
from nnlite.layers import BatchNormalization, Conv2D, Dense, Embedding, Flatten, Rescaling

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(40, 3)) * [1.0, 20.0, 0.1] + [0.0, 300.0, 7.0]
LABELS = np.array(["a", "b", "c"])[np.digitize(X[:, 1] + 20 * X[:, 0], [290, 310])]
TARGET = 1000.0 + 50.0 * X[:, 0] - 2.0 * X[:, 1]
QUICK = {"hidden_layer_sizes": 8, "activation": "tanh", "epochs": 15, "learning_rate": 0.02, "random_state": 0}


pytestmark = pytest.mark.usefixtures("double_precision")


def network(*layers, shape=(4,)):
    return Sequential([Input(shape), *layers], seed=0)


def by_stencil(function, X):
    """Derivatives of `function(X)`, row by row, by the entries of that row, with a step fit for each feature."""
    steps = 1e-3 * X.std(axis=0)
    columns = []
    for feature, step in enumerate(steps):
        move = np.zeros_like(X)
        move[:, feature] = step
        near, far = function(X + move) - function(X - move), function(X + 2 * move) - function(X - 2 * move)
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_predict_returns_the_jacobian_of_each_row(rows):
    model = network(Dense(5, activation="tanh"), BatchNormalization(), Dense(2, activation="softmax"))
    x = RANDOM.normal(size=(7, 4))
    outputs, jacobian = model.predict(x, batch_size=rows, verbose=0, return_jacobian=True)
    assert jacobian.shape == (7, 2, 4)
    np.testing.assert_array_equal(outputs, model.predict(x, batch_size=rows, verbose=0))
    assert relative_error(jacobian, by_stencil(lambda own: model.predict(own, verbose=0), x)) < 1e-8
    dense = model.jacobian(x).todense()
    assert relative_error(jacobian, dense[np.arange(7), :, np.arange(7)]) < 1e-12


def test_jacobians_of_images_and_steps_keep_their_axes():
    model = network(Conv2D(2, 2, activation="tanh"), shape=(3, 3, 1))
    x = RANDOM.normal(size=(4, 3, 3, 1))
    _, jacobian = model.predict(x, verbose=0, return_jacobian=True)
    assert jacobian.shape == (4, 2, 2, 2, 3, 3, 1)
    dense = model.jacobian(x).todense()
    for row in range(4):
        assert relative_error(jacobian[row], dense[row][:, :, :, row]) < 1e-12


def test_jacobians_keep_the_models_precision():
    set_floatx("float32")
    model = network(Dense(5, activation="tanh"), Dense(2))
    assert model.predict(np.ones((2, 4)), verbose=0, return_jacobian=True)[1].dtype == np.float32


def test_jacobians_that_cannot_be_returned():
    with pytest.raises(ConfigError, match="indices or strings, which have no derivative"):
        network(Embedding(9, 2), Flatten()).predict(np.ones((2, 4), int), verbose=0, return_jacobian=True)
    limit = dense_limit()
    set_dense_limit(4 * 3 * 4 * 8)
    try:
        model = network(Dense(3))
        assert model.predict(np.ones((4, 4)), batch_size=2, verbose=0, return_jacobian=True)[1].shape == (4, 3, 4)
        with pytest.raises(DataError, match=r"all rows take more than 384 B: predict fewer rows.*set_dense_limit"):
            model.predict(np.ones((5, 4)), batch_size=2, verbose=0, return_jacobian=True)
    finally:
        set_dense_limit(limit)


@pytest.mark.parametrize("standardize", [True, False])
def test_a_regressors_jacobian_is_in_the_units_given(standardize):
    regressor = NNRegressor(**QUICK, standardize=standardize).fit(X, TARGET)
    prediction, jacobian = regressor.predict(X, return_jacobian=True)
    np.testing.assert_array_equal(prediction, regressor.predict(X))
    assert jacobian.shape == X.shape
    found = by_stencil(regressor.predict, X)
    np.testing.assert_allclose(jacobian, found, rtol=1e-6, atol=1e-6 * np.abs(found).max())


def test_several_targets_have_an_axis_of_their_own():
    both = np.stack([TARGET, 3 * X[:, 2]], axis=1)
    regressor = NNRegressor(**QUICK).fit(X, both)
    prediction, jacobian = regressor.predict(X, return_jacobian=True)
    assert prediction.shape == (40, 2)
    assert jacobian.shape == (40, 2, 3)
    np.testing.assert_allclose(jacobian, by_stencil(regressor.predict, X), rtol=1e-6, atol=1e-6)
    table = regressor.sensitivities(X)
    np.testing.assert_allclose(table["y1"]["mean"], jacobian[:, 1].mean(axis=0))


def test_a_classifiers_jacobian_is_that_of_the_probabilities():
    classifier = NNClassifier(**QUICK).fit(X, LABELS)
    labels, jacobian = classifier.predict(X, return_jacobian=True)
    np.testing.assert_array_equal(labels, classifier.predict(X))
    assert jacobian.shape == (40, 3, 3)
    found = by_stencil(classifier.predict_proba, X)
    np.testing.assert_allclose(jacobian, found, rtol=1e-6, atol=1e-7)
    probabilities, again = classifier.predict_proba(X, return_jacobian=True)
    np.testing.assert_array_equal(probabilities, classifier.predict_proba(X))
    np.testing.assert_array_equal(again, jacobian)
    np.testing.assert_allclose(jacobian.sum(axis=1), 0, atol=1e-12)  # probabilities add up to 1


def test_sensitivities_of_a_regressor_by_feature_name():
    frame = pytest.importorskip("pandas").DataFrame(X, columns=["age", "height", "ratio"])
    regressor = NNRegressor(**QUICK).fit(frame, TARGET)
    table = regressor.sensitivities(frame)
    slopes = regressor.predict(frame, return_jacobian=True)[1]
    assert list(table.index) == ["age", "height", "ratio"]
    assert list(table.columns) == ["mean", "mean_absolute", "root_mean_square"]
    np.testing.assert_allclose(table["mean"], slopes.mean(axis=0))
    np.testing.assert_allclose(table["mean_absolute"], np.abs(slopes).mean(axis=0))
    np.testing.assert_allclose(table["root_mean_square"], np.sqrt((slopes**2).mean(axis=0)))
    assert list(NNRegressor(**QUICK).fit(X, TARGET).sensitivities(X).index) == ["x0", "x1", "x2"]


def test_sensitivities_of_a_linear_model_are_its_coefficients():
    options = {"layers": ["Normalization"], "standardize": False, "early_stopping": False}  # nothing bends the columns
    regressor = NNRegressor(epochs=400, learning_rate=0.05, random_state=0, **options).fit(X, TARGET)
    table = regressor.sensitivities(X)
    np.testing.assert_allclose(table["mean"][:2], [50, -2], rtol=1e-3)
    np.testing.assert_allclose(table["root_mean_square"], table["mean_absolute"])


def test_sensitivities_go_through_many_rows_in_pieces(monkeypatch):
    regressor = NNRegressor(**QUICK).fit(X, TARGET)
    whole = regressor.sensitivities(X)
    monkeypatch.setattr("nnlite.estimators.sensitivities.ROWS_AT_ONCE", 7)
    in_pieces = regressor.sensitivities(X)
    assert list(in_pieces.columns) == list(whole.columns) and list(in_pieces.index) == list(whole.index)
    np.testing.assert_allclose(in_pieces, whole, rtol=1e-12)


def test_categories_of_many_values_are_sampled(monkeypatch):
    table = {"code": [f"level {row % 25}" for row in range(100)], "size": X[:, 0].repeat(3)[:100].tolist()}
    regressor = NNRegressor(**QUICK).fit(table, [float(row % 25) for row in range(100)])
    whole = regressor.sensitivities(table)
    monkeypatch.setattr("nnlite.estimators.sensitivities.MOST_VALUES", 20)
    sampled = regressor.sensitivities(table)
    np.testing.assert_array_equal(sampled.loc["size"], whole.loc["size"])
    np.testing.assert_allclose(sampled.loc["code"].iloc[1:], whole.loc["code"].iloc[1:], rtol=0.2)
    assert sampled.loc["code", "mean_absolute"] != whole.loc["code", "mean_absolute"]


def test_sensitivities_of_a_classifier_by_class():
    classifier = NNClassifier(**QUICK).fit(X, LABELS)
    table = classifier.sensitivities(X)
    slopes = classifier.predict(X, return_jacobian=True)[1]
    statistics = ["mean", "mean_absolute", "root_mean_square"]
    assert list(table.columns) == [(label, statistic) for label in "abc" for statistic in statistics]
    for place, label in enumerate("abc"):
        np.testing.assert_allclose(table[label]["mean_absolute"], np.abs(slopes[:, place]).mean(axis=0))
    with pytest.raises(ValueError, match="expecting 3 features"):
        classifier.sensitivities(X[:, :2])


@pytest.fixture
def without_pandas(monkeypatch):
    hide_pandas(monkeypatch)


def hide_pandas(monkeypatch):
    """Let an import of pandas fail, and scikit-learn see that it has not been imported."""
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    original = builtins.__import__

    def importing(name, *arguments, **options):
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)


def test_sensitivities_are_a_data_frame_where_pandas_is_installed():
    pd = pytest.importorskip("pandas")
    flat = NNRegressor(**QUICK).fit(X, TARGET).sensitivities(X)
    grouped = NNClassifier(**QUICK).fit(X, LABELS).sensitivities(X)
    several = NNRegressor(**QUICK).fit(X, np.column_stack([TARGET, -TARGET])).sensitivities(X)
    assert all(isinstance(table, pd.DataFrame) and table.index.name == "feature" for table in (flat, grouped, several))
    assert grouped.columns.names == ["class", "statistic"] and several.columns.names == ["output", "statistic"]
    assert list(grouped.columns.levels[0]) == ["a", "b", "c"]


@pytest.mark.parametrize("estimator", [NNClassifier(**QUICK), NNRegressor(**QUICK)])
def test_without_pandas_the_table_has_the_same_numbers_and_labels(estimator, monkeypatch):
    pytest.importorskip("pandas")
    estimator.fit(X, LABELS if isinstance(estimator, NNClassifier) else TARGET)
    frame = estimator.sensitivities(X)
    hide_pandas(monkeypatch)
    table = estimator.sensitivities(X)
    assert isinstance(table, LabelledTable) and table.shape == frame.shape and len(table) == len(frame)
    assert list(table.index) == list(frame.index) and list(table.columns) == list(table) == list(frame)
    np.testing.assert_array_equal(table.to_numpy(), frame.to_numpy())
    np.testing.assert_array_equal(np.asarray(table), frame)
    for column in frame.columns:
        np.testing.assert_array_equal(table[column], frame[column])
        assert table[column]["x1"] == table.loc["x1", column] == frame.loc["x1", column] == table.loc["x1"][column]
        assert column in table
    assert "x1" not in table


def test_without_pandas_columns_are_grouped_by_class(without_pandas):
    table = NNClassifier(**QUICK).fit(X, LABELS).sensitivities(X)
    assert "a" in table and table["a"].columns == ["mean", "mean_absolute", "root_mean_square"]
    np.testing.assert_array_equal(table["a"]["mean"], table["a", "mean"])
    picked = table[[("c", "mean"), ("a", "mean")]]
    assert picked.columns == [("c", "mean"), ("a", "mean")]
    np.testing.assert_array_equal(picked["a", "mean"], table["a", "mean"])
    lines = repr(table).splitlines()
    assert len(lines) == 5 and lines[0].split() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert lines[1].split()[:2] == ["feature", "mean"] and lines[2].startswith("x0 ")
    assert len({len(line) for line in lines}) == 1
    for key, message in (("mean", "no column 'mean'"), (["d"], "no column 'd'")):
        with pytest.raises(KeyError, match=message):
            table[key]
    with pytest.raises(KeyError, match=r"no row 'x7'; did you mean 'x0' or 'x1' or 'x2'\? Allowed: x0"):
        table.loc["x7"]
    with pytest.raises(KeyError, match=r"no 'x7'; did you mean 'x0' or 'x1' or 'x2'\? Allowed: x0"):
        table["a"]["mean"]["x7"]


def test_a_long_table_is_shown_by_its_ends():
    table = LabelledTable(np.arange(200.0).reshape(100, 2), [f"x{row}" for row in range(100)], ["mean", "slope"])
    lines = repr(table).splitlines()
    assert len(lines) == 62 and lines[1].split() == ["x0", "0", "1"] and lines[-1].split() == ["x99", "198", "199"]
    assert lines[31].split() == ["..."] * 3
    column = table["slope"]
    assert list(column) == list(range(1, 200, 2)) and len(column) == 100 and column[1:3].tolist() == [3.0, 5.0]
    assert repr(column).splitlines()[0].split() == ["feature", "slope"]
    assert np.asarray(column, np.float32).dtype == np.float32 and column.to_numpy() is not None


def smooth():
    return network(Dense(6, activation="tanh"), Dense(3, activation="softmax"))


def test_integrated_gradients_add_up():
    model, x, baseline = smooth(), RANDOM.normal(size=(5, 4)), RANDOM.normal(size=4)
    outputs, start = model.predict(x, verbose=0), model.predict(baseline[None], verbose=0)[0]
    for output in range(3):
        shares = model.integrated_gradients(x, baseline, output=output)
        assert shares.shape == x.shape
        np.testing.assert_allclose(shares.sum(axis=1), outputs[:, output] - start[output], atol=1e-12)
    # A kink on the way leaves an error that shrinks with the steps.
    model = network(Dense(6, activation="relu"), Dense(1))
    change = model.predict(x, verbose=0)[:, 0] - model.predict(np.zeros((1, 4)), verbose=0)[0, 0]
    errors = [np.abs(model.integrated_gradients(x, steps=steps).sum(axis=1) - change).max() for steps in (4, 400)]
    assert errors[1] < 1e-3
    assert errors[1] < errors[0] / 20 or errors[0] < 1e-12


def test_integrated_gradients_of_a_product_are_known():
    """Of f = (w . x)^2, from 0: the share of x_i is w_i x_i (w . x)."""
    from nnlite import ops
    from nnlite.layers import Layer

    class Square(Layer):
        def call(self, inputs):
            return ops.square(inputs)

    model = network(Dense(1, use_bias=False), Square())
    x = RANDOM.normal(size=(5, 4))
    products = x * model.values[0][:, 0]
    np.testing.assert_allclose(model.integrated_gradients(x, steps=2), products * products.sum(1, keepdims=True))


def test_the_output_of_integrated_gradients_is_each_rows_largest():
    model, x = smooth(), RANDOM.normal(size=(30, 4))
    largest = model.predict(x, verbose=0).argmax(axis=1)
    assert len(set(largest)) > 1
    found = model.integrated_gradients(x)
    np.testing.assert_array_equal(found, model.integrated_gradients(x, output=largest))
    for row in (0, 7):
        alone = model.integrated_gradients(x[row : row + 1], output=int(largest[row]))
        np.testing.assert_allclose(found[row : row + 1], alone, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"baseline": np.zeros(3)}, ShapeError, r"baseline must fit \(5, 4\), the shape of x, got \(3,\)"),
        ({"output": 3}, ConfigError, "outputs 0 to 2, got output=3"),
        ({"output": [0, 1]}, ShapeError, "an integer or 5 of them"),
        ({"output": 0.5}, ShapeError, "an integer"),
        ({"steps": 0}, ConfigError, "steps"),
    ],
)
def test_integrated_gradients_refuse(arguments, error, message):
    with pytest.raises(error, match=message):
        smooth().integrated_gradients(np.ones((5, 4)), **arguments)


def picture_model(shape):
    return network(Rescaling(0.5), Flatten(), Dense(4, activation="tanh"), Dense(3, activation="softmax"), shape=shape)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (9, 7, 3)])
@pytest.mark.parametrize("method", ["gradient", "integrated"])
def test_saliency_is_drawn_for_images(tmp_path, shape, method, monkeypatch):
    pytest.importorskip("matplotlib")
    from nnlite import plots

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # other libraries load it too

    model, x = picture_model(shape), RANDOM.uniform(size=(5, *shape))
    figure = plots.saliency(model, x, tmp_path / "picture.png", method)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 10
    maps = plots.saliency_maps(model, x, method)
    assert maps.shape == (5, *shape[:2])
    for place in range(5):
        np.testing.assert_allclose(shown[2 * place + 1], maps[place])
        left = np.asarray(shown[2 * place])
        assert left.shape == (shape if shape[2:] == (3,) else shape[:2])
        assert (left.min(), left.max()) == (0, 1)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    outputs = model.predict(x, verbose=0)
    assert titles == [f"output {row.argmax()}: {row.max():.3g}" for row in outputs]
    assert "matplotlib.pyplot" not in sys.modules


def test_saliency_maps_are_derivatives():
    from nnlite import plots

    model, x = picture_model((3, 4, 3)), RANDOM.uniform(size=(2, 3, 4, 3))
    jacobian = model.predict(x, verbose=0, return_jacobian=True)[1]
    np.testing.assert_allclose(plots.saliency_maps(model, x, output=1), np.abs(jacobian[:, 1]).max(axis=-1))
    shares = model.integrated_gradients(x, output=1)
    np.testing.assert_allclose(plots.saliency_maps(model, x, "integrated", 1), shares.sum(axis=-1))


def test_saliency_refuses(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from nnlite import plots

    model, x = picture_model((3, 3)), np.ones((2, 3, 3))
    with pytest.raises(ConfigError, match="method: unknown value 'lime'; Allowed: gradient, integrated"):
        plots.saliency(model, x, method="lime")
    with pytest.raises(ShapeError, match=r"needs images of shape .*got \(2, 9\)"):
        plots.saliency(model, x.reshape(2, 9))
    with pytest.raises(ShapeError, match=r"got \(2, 3, 3, 2\)"):
        plots.saliency(model, np.ones((2, 3, 3, 2)))
    with pytest.raises(DataError, match="up to 64 images, got 65"):
        plots.saliency(model, np.ones((65, 3, 3)))
    with pytest.raises(DataError, match="0 rows"):
        plots.saliency(model, np.ones((0, 3, 3)))
    with pytest.raises(ConfigError, match=r"the folder .*none does not exist"):
        plots.saliency(model, x, tmp_path / "none" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r'pip install "nnlite\[plot\]"'):
        plots.saliency(model, x)
