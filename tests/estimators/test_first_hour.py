"""What a user meets in the first hour: batches of any size, labels of any make, tables that are not quite right."""

from typing import Any

import numpy as np
import pytest
from quick import BOTH, LABELS, QUICK, TARGET, X, outputs

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import ConfigError


def test_labels_of_objects_are_learnt_from_as_their_text():
    fits = [NNClassifier(**QUICK).fit(X, y) for y in (LABELS, LABELS.astype(object), ["-".join(y) for y in LABELS])]
    joined = np.array([str(bytes(y, "ascii"), "ascii") for y in LABELS], object)  # each row has an object of its own
    fits.append(NNClassifier(**QUICK).fit(X, joined))
    for fit in fits[1:]:
        np.testing.assert_array_equal(outputs(fit, X), outputs(fits[0], X))


@BOTH
def test_passes_may_have_any_number_of_rows(cls, y):
    extra: dict[str, Any] = {"classes": ["no", "yes"]} if cls is NNClassifier else {}
    for sizes in ([40, 1, 5, 80], [15, 45, 1]):
        model = cls(**QUICK)
        for size in sizes:
            model.partial_fit(X[:size], y[:size], **extra)
        assert model.n_iter_ == len(sizes) and model.n_members_ == (5 if sizes[0] == 40 else 1)
        assert np.isfinite(outputs(model, X)).all()


@BOTH
def test_a_warm_start_may_have_any_number_of_rows(cls, y):
    for first, then, members in ((80, 3, 5), (80, 15, 5), (15, 80, 1)):
        model = cls(**QUICK, warm_start=True).fit(X[:first], y[:first]).fit(X[:then], y[:then])
        assert model.n_members_ == members and np.isfinite(outputs(model, X)).all()
    model = cls(**QUICK).fit(X, y).partial_fit(X[:1], y[:1])
    assert model.n_members_ == 5


def test_a_warm_start_keeps_the_number_of_members():
    model = NNRegressor(**QUICK, warm_start=True).fit(X, TARGET)
    with pytest.raises(ConfigError, match="has 5 members and n_members=2: pass n_members=5"):
        model.set_params(n_members=2).fit(X, TARGET)
    with pytest.raises(ConfigError, match="trains a single network"):
        model.set_params(n_members="auto", optimizer="lbfgs").fit(X, TARGET)
