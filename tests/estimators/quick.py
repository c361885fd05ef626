"""Small tables, and arguments with which a fit takes milliseconds."""

import datetime
from typing import Any

import numpy as np
import pytest

from nnlite import NNClassifier, NNRegressor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 4))
LABELS = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
TARGET = 1000.0 + 50.0 * (X[:, 0] - X[:, 2])
QUICK: dict[str, Any] = {"hidden_layer_sizes": 8, "epochs": 6, "random_state": 0}
ENOUGH: dict[str, Any] = {"hidden_layer_sizes": 16, "epochs": 40, "random_state": 0}
BOTH = pytest.mark.parametrize(("cls", "y"), [(NNClassifier, LABELS), (NNRegressor, TARGET)])


def outputs(model: Any, X: Any) -> np.ndarray:
    """What the network computes: probabilities or numbers."""
    return model.predict_proba(X) if isinstance(model, NNClassifier) else model.predict(X)


def raw_columns() -> dict[str, list[Any]]:
    """Columns of a raw table of 80 rows: numbers, integers, text, booleans, dates, many levels; with gaps."""
    random = np.random.default_rng(1)
    cities = random.choice(["Bern", "Kyiv", "Lima"], 80).tolist()
    return {
        "size": [None if row % 9 == 0 else float(value) for row, value in enumerate(X[:, 0])],
        "rooms": random.integers(1, 6, 80).tolist(),
        "city": [None if row % 11 == 0 else city for row, city in enumerate(cities)],
        "new": (random.random(80) > 0.5).tolist(),
        "sold": [datetime.datetime(2020, 1, 1) + datetime.timedelta(int(days)) for days in random.integers(0, 400, 80)],
        "street": random.choice([f"street {number}" for number in range(12)], 80).tolist(),
    }
