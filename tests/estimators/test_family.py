"""NNTransformer, NNAutoencoder and NNEmbedder as scikit-learn users know transformers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from nnlite import NNAutoencoder, NNClassifier, NNEmbedder, NNRegressor, NNTransformer
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops.activations import Linear

RANDOM = np.random.default_rng(0)
X, LABELS = load_iris(return_X_y=True)
CLASSIFIER = NNClassifier([16, 4], epochs=10, n_members=1, random_state=0)
QUICK = {"epochs": 3, "random_state": 0}
ROWS = 200
TABLE = pd.DataFrame(
    {
        "city": RANDOM.choice(["Bern", "Oslo", "Rome", None], ROWS),
        "age": RANDOM.normal(40, 10, ROWS).round(),
        "street": [f"street {number}" for number in RANDOM.integers(0, 90, ROWS)],
        "ok": RANDOM.random(ROWS) > 0.5,
        "height": np.where(RANDOM.random(ROWS) < 0.1, np.nan, RANDOM.normal(170, 8, ROWS)),
    }
)
AMOUNT = TABLE["city"].map({"Bern": 0.0, "Oslo": 1.0, "Rome": 5.0}).fillna(9.0).to_numpy()


@parametrize_with_checks(
    [
        NNTransformer(NNClassifier(epochs=5)),
        NNTransformer(NNClassifier(4, epochs=2, n_members=1)),
        NNTransformer(NNRegressor(4, epochs=2, n_members=2), layer=1),
        NNAutoencoder(),
        NNAutoencoder(8, 3, early_stopping=False, **QUICK),
        NNEmbedder(),
        NNEmbedder(8, 2, columns=[0], early_stopping=False, **QUICK),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "table", "y"),
    [
        (NNTransformer(NNRegressor(4, epochs=2, n_members=1, random_state=0)), TABLE, AMOUNT),
        (NNAutoencoder(8, 3, **QUICK), TABLE, None),
        (NNEmbedder(8, 2, **QUICK), TABLE, AMOUNT),
    ],
    ids=["transformer", "autoencoder", "embedder"],
)
def test_raw_tables_pickles_clones_and_pandas(estimator, table, y):
    fitted = clone(estimator).fit(table, y)
    features = fitted.transform(table)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(table), features)
    np.testing.assert_array_equal(clone(fitted).fit(table, y).transform(table), features)
    named = fitted.set_output(transform="pandas").transform(table)
    assert list(named.columns) == fitted.get_feature_names_out().tolist()
    assert (len(named), fitted.n_features_in_) == (ROWS, 5)
    assert fitted.feature_names_in_.tolist() == list(TABLE.columns)


@pytest.mark.parametrize("cls", [NNTransformer, NNAutoencoder, NNEmbedder])
def test_names_of_features_are_not_known_before_fit(cls):
    with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted yet"):
        cls().get_feature_names_out()


def test_the_vectors_of_an_embedder_are_not_known_before_fit():
    with pytest.raises(NotFittedError, match="This NNEmbedder instance is not fitted yet"):
        NNEmbedder().embeddings_  # noqa: B018


def test_an_embedder_is_written_and_read_by_skops():
    skops = pytest.importorskip("skops.io")
    table = pd.DataFrame({"city": list("abcdefghij") * 6, "area": np.arange(60.0)})
    embedder = NNEmbedder(epochs=2, random_state=0).fit(table, np.arange(60) % 2)
    data = skops.dumps(embedder)
    again = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    np.testing.assert_array_equal(again.transform(table), embedder.transform(table))
    assert again.embeddings_["city"].equals(embedder.embeddings_["city"])


# NNTransformer


@pytest.mark.parametrize(("layer", "width"), [(None, 4), (-2, 3), (0, 4), ("input_scale", 4), ("dense", 16), (1, 4)])
def test_features_are_those_of_the_layer(layer, width):
    features = NNTransformer(CLASSIFIER, layer=layer).fit(X, LABELS)
    whole = features.estimator_.model_
    expected = X
    for own in whole.layers:
        expected = own(expected)
        if own is features.model_.layers[-1]:
            break
    assert features.transform(X).shape == (150, width)
    np.testing.assert_allclose(features.transform(X), expected, rtol=1e-12)
    if isinstance(layer, str):
        assert features.model_.layers[-1].name == layer


def test_the_default_is_what_goes_into_the_last_trained_layer():
    features = NNTransformer(CLASSIFIER).fit(X, LABELS)
    model = features.estimator_.model_
    last = model.get_layer("dense_2")
    outputs = model.layers[model.layers.index(last) + 1](last(features.transform(X)))
    np.testing.assert_allclose(outputs, features.estimator_.predict_proba(X), rtol=1e-10)


def test_features_make_a_linear_model_better():
    table = RANDOM.normal(size=(400, 3))
    signs = table[:, 0] * table[:, 1] > 0
    linear = LogisticRegression()
    network = NNClassifier([32, 4], epochs=60, n_members=1, random_state=0)
    assert cross_val_score(make_pipeline(NNTransformer(network), linear), table, signs, cv=2).mean() > 0.85
    assert cross_val_score(linear, table, signs, cv=2).mean() < 0.65


def test_features_of_members_stand_side_by_side():
    features = NNTransformer(clone(CLASSIFIER).set_params(n_members=2)).fit(X, LABELS)
    found = features.transform(X)
    assert (found.shape, features.model_.output_shape) == ((150, 8), (None, 2, 4))
    np.testing.assert_array_equal(found[:, 4:], features.model_.predict(X, verbose=0)[:, 1])
    assert features.get_feature_names_out()[-1] == "nntransformer7"


def test_a_frozen_estimator_is_used_as_it_is():
    fitted = clone(CLASSIFIER).fit(X, LABELS)
    features = NNTransformer(FrozenEstimator(fitted), random_state=1).fit(X)
    assert features.estimator_ is fitted
    np.testing.assert_array_equal(features.transform(X), NNTransformer(CLASSIFIER).fit(X, LABELS).transform(X))


def test_without_an_estimator_the_targets_decide():
    numbers = NNTransformer(layer=0, random_state=0).fit(X[:20], X[:20, 0])
    classes = NNTransformer(layer=0, random_state=0).fit(X[45:65], np.where(LABELS[45:65], "b", "a"))
    assert type(numbers.estimator_) is NNRegressor
    assert type(classes.estimator_) is NNClassifier


def test_the_precision_is_that_of_the_table():
    for dtype in (np.float32, np.float64):
        assert NNTransformer(CLASSIFIER).fit(X.astype(dtype), LABELS).transform(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("layer", [99, "dens", 1.5])
def test_a_layer_that_is_not_there_is_named(layer):
    with pytest.raises(ConfigError, match=f"layer={layer!r} is not one of the .* layers"):
        NNTransformer(CLASSIFIER, layer=layer).fit(X, LABELS)


def test_another_kind_of_estimator_is_refused():
    with pytest.raises(ConfigError, match="expected a NNClassifier or a NNRegressor, got Ridge"):
        NNTransformer(Ridge()).fit(X, LABELS)


# NNAutoencoder


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:600]


@pytest.fixture(scope="module")
def autoencoder(digits):
    return NNAutoencoder(epochs=40, random_state=0).fit(digits)


def test_codes_say_more_than_principal_components(autoencoder, digits):
    deviation = digits.std(axis=0)
    scaled = (digits - digits.mean(axis=0)) / np.where(deviation == 0, 1, deviation)
    components = PCA(8).fit(scaled)
    linear = np.mean((components.inverse_transform(components.transform(scaled)) - scaled) ** 2)
    assert autoencoder.reconstruction_error(digits).mean() < 0.7 * linear
    np.testing.assert_allclose(autoencoder.scale_[deviation > 0], deviation[deviation > 0], rtol=1e-12)


def test_codes_and_reconstruction_are_the_halves_of_the_model(autoencoder, digits):
    codes = autoencoder.transform(digits)
    assert codes.shape == (600, 8)
    reconstruction = autoencoder.inverse_transform(codes)
    np.testing.assert_allclose(reconstruction, autoencoder.model_.predict(digits, verbose=0), rtol=1e-9, atol=1e-9)
    errors = np.mean(((reconstruction - digits) / autoencoder.scale_) ** 2, axis=1)
    np.testing.assert_allclose(autoencoder.reconstruction_error(digits), errors, rtol=1e-9)
    np.testing.assert_array_equal(autoencoder.score_samples(digits), -autoencoder.reconstruction_error(digits))
    assert autoencoder.score(digits) == pytest.approx(-errors.mean(), rel=1e-9)


def test_a_search_compares_autoencoders_by_their_score(digits):
    search = GridSearchCV(NNAutoencoder(epochs=3, random_state=0), {"n_components": [1, 8]}, cv=2).fit(digits[:100])
    assert search.best_params_ == {"n_components": 8}


def test_codes_are_linear_units_without_dropout():
    model = NNAutoencoder([8, 6], 2, dropout=0.3, **QUICK).fit(X)
    names = [type(layer).__name__ for layer in model.model_.layers]
    assert names[names.index("Dense") :] == [
        *("Dense", "Dropout", "Dense", "Dropout", "Dense"),
        *("Dense", "Dropout", "Dense", "Dropout", "Dense", "Normalization"),
    ]
    units = [layer.units for layer in model.model_.layers if type(layer).__name__ == "Dense"]
    assert units == [8, 6, 2, 6, 8, 4]
    assert type(model.model_.get_layer("codes").activation) is Linear


def test_anomalies_are_what_is_given_back_badly(autoencoder, digits):
    strange = RANDOM.permuted(digits[:100], axis=1)
    assert (autoencoder.predict(strange) == -1).mean() > 0.95
    assert (autoencoder.predict(digits) == -1).sum() == 60  # contamination=0.1
    np.testing.assert_array_equal(autoencoder.decision_function(digits) < 0, autoencoder.predict(digits) == -1)
    np.testing.assert_array_equal(
        autoencoder.decision_function(strange), autoencoder.score_samples(strange) - autoencoder.offset_
    )


def test_reconstruction_of_a_raw_table():
    model = NNAutoencoder(64, 6, epochs=150, contamination=0.2, random_state=0).fit(TABLE)
    names = model.column_names_
    assert names[:3] == ["age", "height", "height_missing"]
    counts = TABLE["street"].value_counts()
    assert [name[7:] for name in names if name.startswith("street=")] == sorted(counts.index[counts > 1])
    reconstruction = model.inverse_transform(model.transform(TABLE))
    assert reconstruction.shape == (ROWS, len(names))
    cities = reconstruction[:, [names.index(f"city={city}") for city in ("Bern", "Oslo", "Rome")]]
    known = TABLE["city"].notna().to_numpy()
    found = np.array(["Bern", "Oslo", "Rome"])[cities[known].argmax(axis=1)]
    assert (found == TABLE["city"][known]).mean() > 0.8
    ages = reconstruction[:, 0]
    assert 30 < ages.mean() < 50
    assert np.mean((ages - TABLE["age"]) ** 2) < TABLE["age"].var()
    assert model.scale_[names.index("city=Rome")] == 1
    assert (model.predict(TABLE) == -1).mean() == pytest.approx(0.2, abs=0.02)


def test_the_most_frequent_levels_have_columns():
    levels = [f"l{number:02}" for number in np.repeat(np.arange(100), 2 + np.arange(100) % 3)]
    table = pd.DataFrame({"level": levels, "number": np.arange(len(levels)) % 7})
    names = NNAutoencoder(4, 2, **QUICK).fit(table).column_names_
    assert names == ["number", *(f"level=l{n:02}" for n in range(100) if n % 3 == 2 or (n % 3 == 1 and n < 93))]


def test_a_table_of_categories_alone():
    cities = TABLE[["city", "street"]]
    assert NNAutoencoder(8, 2, **QUICK).fit(cities).transform(cities).shape == (ROWS, 2)


def test_gaps_that_come_later_are_filled_by_medians(autoencoder, digits):
    gaps, filled = digits[:3].copy(), digits[:3].copy()
    gaps[:, 20] = np.nan
    filled[:, 20] = np.median(digits[:, 20])
    np.testing.assert_allclose(autoencoder.transform(gaps), autoencoder.transform(filled), rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter of NNAutoencoder must be an int"),
        ({"contamination": 0.7}, "'contamination' parameter of NNAutoencoder must be a float"),
        ({"epochs": 0}, "'epochs' parameter of NNAutoencoder must be an int"),
    ],
)
def test_parameters_of_an_autoencoder_are_checked(parameters, message):
    with pytest.raises(ConfigError, match=message):
        NNAutoencoder(**parameters).fit(X)


def test_codes_of_another_number_are_refused(autoencoder):
    with pytest.raises(ShapeError, match="X has 3 columns, but there are 8 codes"):
        autoencoder.inverse_transform(np.zeros((2, 3)))


def test_parameters_of_an_optimizer_are_reached():
    model = NNAutoencoder(optimizer="sgd").set_params(optimizer__learning_rate=0.5)
    assert model.optimizer.learning_rate == 0.5
    search = GridSearchCV(
        NNAutoencoder(8, epochs=30, random_state=0), {"n_components": [1, 3]}, cv=2, scoring=_minus_error
    )
    assert search.fit(X).best_params_ == {"n_components": 3}


def _minus_error(model, X, y=None):
    return -model.reconstruction_error(X).mean()


# NNEmbedder


@pytest.fixture(scope="module")
def embedder():
    return NNEmbedder(32, 2, epochs=40, random_state=0).fit(TABLE, AMOUNT)


def test_vectors_take_the_place_of_levels(embedder):
    found = embedder.transform(TABLE)
    names = embedder.get_feature_names_out().tolist()
    assert names == ["city_0", "city_1", "age", "street_0", "street_1", "ok", "height"]
    vectors = embedder.embeddings_["city"]
    assert (list(vectors.index), list(vectors.columns)) == (["Bern", "Oslo", "Rome"], ["city_0", "city_1"])
    for row in range(20):
        city = TABLE["city"][row]
        expected = embedder.unknown_embeddings_["city"] if pd.isna(city) else vectors.loc[city].to_numpy()
        np.testing.assert_array_equal(found[row, :2], expected)
    np.testing.assert_array_equal(found[:, 2], TABLE["age"])
    np.testing.assert_array_equal(found[:, 5], TABLE["ok"])
    np.testing.assert_array_equal(found[:, 6], TABLE["height"])


def test_the_vectors_are_those_of_the_model(embedder):
    layer = next(layer for layer in embedder.model_.layers if type(layer).__name__ == "CategoryEmbedding")
    tables = [embedder.unknown_embeddings_["city"][None], embedder.embeddings_["city"].to_numpy()]
    np.testing.assert_array_equal(layer.embeddings.value[:4], np.concatenate(tables))


def test_levels_that_mean_the_same_come_close():
    level = RANDOM.integers(0, 20, 600)
    table = pd.DataFrame({"level": [f"l{number}" for number in level], "noise": RANDOM.normal(size=600)})
    vectors = NNEmbedder(32, 2, epochs=60, random_state=0).fit(table, (level % 2).astype(float)).embeddings_["level"]
    odd = np.array([int(name[1:]) % 2 for name in vectors.index], bool)
    even_center, odd_center = vectors[~odd].mean().to_numpy(), vectors[odd].mean().to_numpy()
    start = RANDOM.normal(size=(2000, 2, 10, 2)).mean(axis=2)  # centers of 10 vectors each as they are drawn
    usual = np.linalg.norm(start[:, 0] - start[:, 1], axis=1).mean()
    assert np.linalg.norm(even_center - odd_center) > 2 * usual


def test_vectors_serve_a_linear_model_better_than_one_hot_columns_of_the_same_number():
    level = RANDOM.integers(0, 40, 400)
    effect = RANDOM.normal(size=40)[level]
    table = pd.DataFrame({"level": [f"l{number}" for number in level], "noise": RANDOM.normal(size=400)})
    embedding = make_pipeline(NNEmbedder(epochs=40, random_state=0), Ridge())
    one_hot = make_pipeline(OneHotEncoder(max_categories=8, handle_unknown="ignore"), Ridge())
    scores = [cross_val_score(model, table, effect, cv=2).mean() for model in (embedding, one_hot)]
    assert scores[0] > max(scores[1], 0.6)


def test_unknown_levels_gaps_and_rare_levels_share_a_vector(embedder):
    strange = TABLE.head(3).copy()
    strange["city"] = ["Paris", None, np.nan]
    found = embedder.transform(strange)
    np.testing.assert_array_equal(found[:, :2], np.tile(embedder.unknown_embeddings_["city"], (3, 1)))
    counts = TABLE["street"].value_counts()
    assert set(embedder.embeddings_["street"].index) == set(counts[counts > 1].index)


def test_without_gaps_the_unknown_vector_is_the_mean_over_the_rows():
    table = TABLE[TABLE["city"].notna()]
    model = NNEmbedder(8, 2, columns=["city"], **QUICK).fit(table, table["age"])
    mean = model.transform(table)[:, :2].astype(float).mean(axis=0)
    np.testing.assert_allclose(model.unknown_embeddings_["city"], mean, rtol=1e-5)
    assert list(model.embeddings_) == ["city"]


@pytest.mark.parametrize("columns", [["city"], [0]])
def test_text_that_is_not_replaced_passes_as_it_is(columns):
    model = NNEmbedder(8, 2, columns=columns, **QUICK).fit(TABLE, AMOUNT)
    found = model.transform(TABLE)
    assert found.dtype == object
    assert found[:, 3].tolist() == TABLE["street"].tolist()


def test_numbers_can_be_categories():
    table = np.column_stack([RANDOM.integers(0, 5, 100), RANDOM.normal(size=100)])
    model = NNEmbedder(8, 3, columns=[0], **QUICK).fit(table, table[:, 0] > 2)
    assert model.get_feature_names_out().tolist() == ["x0_0", "x0_1", "x0_2", "x1"]
    assert list(model.embeddings_["x0"].index) == ["0", "1", "2", "3", "4"]
    assert "accuracy" in model.history_
    amounts = NNEmbedder(8, 3, columns=[0], task="number", **QUICK).fit(table, table[:, 0].astype(int))
    assert "accuracy" not in amounts.history_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"columns": ["town"]}, "no column 'town'"),
        ({"columns": [7]}, "no column 7"),
        ({"task": "numbers"}, "task='numbers'.*number"),
        ({"min_frequency": 0}, "min_frequency"),
    ],
)
def test_parameters_of_an_embedder_are_checked(parameters, message):
    with pytest.raises(ConfigError, match=message):
        NNEmbedder(**parameters).fit(TABLE, AMOUNT)


def test_columns_without_names_are_found_by_place(embedder):
    with pytest.warns(UserWarning, match="feature names"):
        found = embedder.transform(TABLE.to_numpy(object))
    np.testing.assert_array_equal(found, embedder.transform(TABLE))


def test_the_seed_of_a_transformer_is_that_of_its_estimator():
    estimator = clone(CLASSIFIER).set_params(random_state=None)
    found = [NNTransformer(estimator, random_state=3).fit(X, LABELS).transform(X) for _ in range(2)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("cls", [NNTransformer, NNAutoencoder, NNEmbedder])
def test_a_fit_that_fails_leaves_what_was_fitted(cls):
    model = cls(CLASSIFIER) if cls is NNTransformer else cls(**QUICK)
    before = model.fit(TABLE, AMOUNT > 1).transform(TABLE)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(TABLE[["city"]], AMOUNT > 1, sample_weight=[1.0])
    np.testing.assert_array_equal(model.transform(TABLE), before)
