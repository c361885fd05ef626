"""Circuits under the contract of scikit-learn's estimators."""

import pickle

import numpy as np
import pytest
from bayes_nets import clinic
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import CategoricalNB
from sklearn.utils.estimator_checks import check_estimator

from nnlite.circuits import Circuit, chow_liu
from nnlite.errors import ConfigError, DataError
from nnlite.estimators import CircuitClassifier, CircuitDensity


@pytest.mark.parametrize("estimator", [CircuitDensity(), CircuitClassifier()], ids=lambda own: type(own).__name__)
def test_the_contract_of_scikit_learn_is_kept(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [(one["check_name"], str(one["exception"])[:200]) for one in results if one["status"] == "failed"]
    assert failed == []


def rows_with_gaps():
    rows = clinic().sample(600, 1).astype(float)
    rows[np.random.default_rng(0).random(rows.shape) < 0.1] = np.nan
    return rows


def test_a_density_of_complete_rows_is_the_chow_liu_tree():
    rows = clinic().sample(600, 1)
    density = CircuitDensity(pseudocount=0).fit(rows)
    states = {f"x{i}": [str(v) for v in np.unique(column)] for i, column in enumerate(rows.T)}
    tree = chow_liu(rows, states)
    assert density.score_samples(rows) == pytest.approx(tree.joint_log_prob(rows), abs=1e-10)
    assert density.score(rows) == pytest.approx(density.score_samples(rows).mean())


@pytest.mark.parametrize("structure", ["chow_liu", "hclt"])
def test_gaps_are_summed_out_and_filled(structure):
    rows = rows_with_gaps()
    density = CircuitDensity(structure, hidden_states=3, epochs=10, random_state=1).fit(rows)
    assert np.isfinite(density.score_samples(rows)).all()
    filled = density.impute(rows)
    assert not np.isnan(filled).any()
    assert np.array_equal(filled[~np.isnan(rows)], rows[~np.isnan(rows)])
    drawn = density.sample(50)
    assert drawn.shape == (50, 8)
    assert np.array_equal(drawn, clone(density).fit(rows).sample(50))


def test_missing_values_of_pandas_are_gaps():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"u": ["a", "a", "c", "c"], "v": ["b", None, "d", "d"]}, dtype="string")
    filled = CircuitDensity(pseudocount=0).fit(table).impute(table)
    assert filled.tolist() == [["a", "b"], ["a", "b"], ["c", "d"], ["c", "d"]]


def test_texts_and_many_numbers_become_states():
    pandas = pytest.importorskip("pandas")
    generator = np.random.default_rng(2)
    number = generator.normal(size=400)
    table = pandas.DataFrame({"size": number, "kind": np.where(number > 0, "big", "small")})
    table.loc[3, "kind"] = None
    density = CircuitDensity(max_states=8).fit(table)
    assert density.circuit_.network.variables == ["size", "kind"]
    assert len(density.circuit_.network.states["size"]) == 8
    assert density.impute(table)[3, 1] == table.kind.mode()[0] or density.impute(table)[3, 1] in ("big", "small")
    assert set(density.sample(30)[:, 1]) <= {"big", "small"}
    unseen = pandas.DataFrame({"size": [0.1], "kind": ["new"]})
    gap = pandas.DataFrame({"size": [0.1], "kind": [None]})
    assert density.score_samples(unseen) == pytest.approx(density.score_samples(gap))


def test_a_network_of_ones_own(tmp_path):
    network = clinic()
    path = tmp_path / "clinic.bif"
    network.to_bif(path)
    named = network.frame(network.sample(300, 3))
    density = CircuitDensity(str(path), pseudocount=0).fit(named)
    assert density.score(named) >= Circuit(network).log_prob(named).mean()
    assert set(density.sample(20)[:, 2]) <= set(network.states["smoker"])
    rows = np.array([[row[own] for own in network.variables] for row in named], object)
    classifier = CircuitClassifier(path, target="flu").fit(np.delete(rows, 1, axis=1), rows[:, 1])
    assert classifier.classes_.tolist() == ["yes", "no"]
    assert classifier.predict_proba(np.delete(rows, 1, axis=1)).shape == (300, 2)
    with pytest.raises(ConfigError, match="needs target"):
        CircuitClassifier(network).fit(np.delete(rows, 1, axis=1), rows[:, 1])


def test_naive_bayes_is_that_of_scikit_learn():
    rows = clinic().sample(500, 4)
    X, y = rows[:, 1:], rows[:, 0] + (rows[:, 2] > 0)
    ours = CircuitClassifier(pseudocount=1).fit(X, y)
    theirs = CategoricalNB(alpha=1).fit(X, y)
    ratio = ours.predict_log_proba(X) - theirs.predict_log_proba(X)
    counts = np.bincount(y)
    prior = np.log((counts + 1) / (counts + 1).sum()) - np.log(counts / counts.sum())  # theirs is not smoothed
    ratio = ratio - prior
    assert ratio - ratio[:, :1] == pytest.approx(np.zeros_like(ratio), abs=1e-9)


@pytest.mark.parametrize("structure", ["chow_liu", "hclt"])
def test_other_structures_and_the_discriminative_pass(structure):
    rows = clinic().sample(500, 5)
    X, y = rows[:, :7].astype(float), rows[:, 7]
    X[::7, 3] = np.nan
    plain = CircuitClassifier(structure, hidden_states=3, epochs=5).fit(X, y)
    trained = CircuitClassifier(structure, hidden_states=3, epochs=5, discriminative_epochs=10).fit(X, y)

    def likelihood(model):
        return model.predict_log_proba(X)[np.arange(500), y].mean()

    assert likelihood(trained) > likelihood(plain)


def test_wrong_arguments_are_named():
    rows = clinic().sample(20, 0)
    with pytest.raises(ConfigError, match=r"The 'batch_size' parameter of .* must be 'auto', an int.* Got 'half'"):
        CircuitDensity(batch_size="half").fit(rows)
    with pytest.raises(ConfigError, match="unknown structure 'chow_lui'; did you mean 'chow_liu'"):
        CircuitDensity("chow_lui").fit(rows)
    with pytest.raises(DataError, match="max_states is 2"):
        CircuitDensity(max_states=2).fit(np.array([["a"], ["b"], ["c"]], object))


@pytest.mark.parametrize("cls", [CircuitDensity, CircuitClassifier])
@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("max_states", 0), ("pseudocount", -1), ("hidden_states", -2), ("random_state", 1.5)],
)
def test_values_out_of_range_are_refused_by_the_name_of_the_parameter(cls, name, value):
    rows = clinic().sample(20, 0)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {cls.__name__} must be .* Got {value} instead"):
        cls(**{name: value}).fit(rows[:, 1:], rows[:, 0])


@pytest.mark.parametrize(
    ("name", "value"), [("discriminative_epochs", -1), ("discriminative_epochs", 1.5), ("batch_size", 0)]
)
def test_discriminative_epochs_and_batch_sizes_are_counts(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of CircuitClassifier .* Got {value} instead"):
        CircuitClassifier(**{name: value}).fit([["a"], ["b"]], [0, 1])


@pytest.mark.parametrize("count", [-1, 2.5])
def test_a_number_of_samples_that_is_not_a_count_is_refused(count):
    with pytest.raises(ConfigError, match=f"must be an integer >= 0, got {count}"):
        CircuitDensity().fit(clinic().sample(20, 0)).sample(count)


def test_a_fit_that_fails_changes_nothing():
    rows = clinic().sample(40, 0)
    unfitted, fitted = CircuitClassifier(), CircuitClassifier().fit(rows[:, 1:], rows[:, 0] % 2)
    expected = fitted.predict_proba(rows[:, 1:])
    for model in (unfitted, fitted):
        with pytest.raises(DataError, match="needs two classes"):
            model.fit(rows[:, 2:], np.zeros(40))
    assert not [name for name in vars(unfitted) if name.endswith("_")]
    assert np.array_equal(fitted.predict_proba(rows[:, 1:]), expected)


@pytest.mark.parametrize(
    ("cls", "method"), [(CircuitDensity, "score_samples"), (CircuitDensity, "impute"), (CircuitClassifier, "predict")]
)
def test_nothing_is_asked_of_an_estimator_before_fit(cls, method):
    with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted yet"):
        getattr(cls(), method)([[0, 1]])


def hidden_mixture(count, seed):
    """Rows of twelve binary columns from a mixture of six, which a tree of the columns alone does not tell."""
    shares = np.random.default_rng(0).random((6, 12))
    generator = np.random.default_rng(seed)
    return (generator.random((count, 12)) < shares[generator.integers(0, 6, count)]).astype(int)


def test_a_hidden_tree_is_learnt_in_batches_and_beats_the_tree():
    rows, new = hidden_mixture(2000, 1), hidden_mixture(2000, 2)
    tree = CircuitDensity().fit(rows)
    hidden = CircuitDensity("hclt", hidden_states=6, epochs=20, random_state=0).fit(rows)
    whole = CircuitDensity("hclt", hidden_states=6, epochs=20, batch_size=None, random_state=0).fit(rows)
    assert tree.history_["log_likelihood"][1:] in ([], pytest.approx(tree.history_["log_likelihood"][:1]))
    assert hidden.score(new) > tree.score(new) + 0.1
    assert hidden.history_["log_likelihood"][4] > whole.history_["log_likelihood"][4] + 0.05  # 20 steps an epoch


def test_rows_of_validation_choose_the_epoch():
    rows, new = hidden_mixture(150, 1), hidden_mixture(1000, 2)
    density = CircuitDensity("hclt", hidden_states=8, epochs=30, pseudocount=0.01, random_state=0).fit(rows, X_val=new)
    by_epoch = density.history_["val_log_likelihood"]
    assert len(by_epoch) == 30
    assert density.score(new) == pytest.approx(max(by_epoch))
    assert by_epoch[-1] < max(by_epoch) - 0.01


@pytest.mark.parametrize("way", ["pickle", "skops"])
@pytest.mark.parametrize("structure", ["chow_liu", "hclt", clinic()])
def test_a_fitted_estimator_is_written_and_read(way, structure):
    is_network = not isinstance(structure, str)
    rows = clinic_rows() if is_network else [["red", 1.0], ["red", 0.0], ["blue", 0.0], [None, 1.0]] * 5
    density = CircuitDensity(structure, epochs=2).fit(rows)
    classifier = (
        None if is_network else CircuitClassifier(structure, discriminative_epochs=2).fit(rows, list("abba") * 5)
    )
    for model in filter(None, (density, classifier)):
        again = copy_of(model, way)
        assert not any(isinstance(value, Circuit) for value in model.__getstate__().values())
        method = "predict_proba" if model is classifier else "score_samples"
        np.testing.assert_array_equal(getattr(again, method)(rows), getattr(model, method)(rows))
        assert again.history_ == model.history_ and again.get_params()["epochs"] == model.epochs


def clinic_rows():
    return Circuit(clinic()).sample(20, seed=0)


def copy_of(model, way):
    """The model, written and read."""
    if way == "pickle":
        return pickle.loads(pickle.dumps(model))
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(model)
    return skops.loads(data, trusted=skops.get_untrusted_types(data=data))
