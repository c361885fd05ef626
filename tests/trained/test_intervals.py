"""Prediction intervals hold what they promise, and say so where they cannot."""

import numpy as np
import pytest
from trained.tables import ROWS, columns, experiment, write

import nnlite
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import train
from nnlite.inference import ConformalIntervals


def test_the_rank_is_that_of_split_conformal_prediction():
    residuals = np.arange(1.0, 20.0)[::-1, None]  # 19 of them
    intervals = ConformalIntervals.of(np.hstack([residuals, -10 * residuals]))
    assert intervals.half_widths(0.9).tolist() == [18.0, 180.0]  # the 0.9 * 20th
    assert intervals.half_widths(0.95).tolist() == [19.0, 190.0]
    assert intervals.half_widths(0.5).tolist() == [10.0, 100.0]
    assert intervals.highest_level == 0.95
    with pytest.raises(DataError, match=r"more than the 19 validation rows.*0.95 at most"):
        intervals.half_widths(0.96)
    for level in (0.0, 1.0, 90.0, -0.5):
        with pytest.raises(ConfigError, match="above 0 and below 1"):
            intervals.half_widths(level)


def test_few_ranks_of_many_residuals_are_kept_and_never_too_narrow():
    residuals = np.random.default_rng(0).normal(size=(25_000, 1))
    intervals = ConformalIntervals.of(residuals)
    ordered = np.sort(np.abs(residuals[:, 0]))
    assert len(intervals.ranks) == 1000 and intervals.ranks[-1] == 25_000
    for level in (0.05, 0.5, 0.8, 0.9, 0.99, 0.999):
        exact = ordered[int(np.ceil(25_001 * level)) - 1]
        assert exact <= intervals.half_widths(level)[0] <= exact * 1.02 + 0.01 or level == 0.999
        assert intervals.half_widths(level)[0] >= exact


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_the_share_that_is_covered(level):
    """Averaged over calibration sets, coverage of new rows is between the level and level + 1 / (n + 1)."""
    random, n, repeats = np.random.default_rng(1), 39, 4000
    covered = [
        abs(random.standard_exponential())
        <= ConformalIntervals.of(random.standard_exponential((n, 1))).half_widths(level)[0]
        for _ in range(repeats)
    ]
    error = 4 * np.sqrt(level * (1 - level) / repeats)
    assert level - error <= np.mean(covered) <= level + 1 / (n + 1) + error


def test_intervals_of_a_run_cover_new_rows(amount_run, amounts_run, table, tmp_path):
    trained = nnlite.load(amount_run.folder)
    low, high = trained.predict_interval(table, 0.9)
    assert low.shape == high.shape == (ROWS,) and np.mean((low <= table["price"]) & (table["price"] <= high)) > 0.8
    np.testing.assert_allclose((low + high) / 2, trained.predict(table), rtol=1e-6)
    narrow = trained.predict_interval(table, 0.5)
    assert (narrow[1] - narrow[0] < high - low).all()
    low, high = nnlite.load(amounts_run.folder).predict_interval(table)
    assert low.shape == (ROWS, 2) and (low < high).all()
    # The residuals are those of the validation part, in the target's unit.
    _, data = amount_run.experiment.prepare(amount_run.preprocessing)
    x, y = data.parts["validation"]
    units = amount_run.preprocessing.target.units
    residuals = np.sort(np.abs(units(amount_run.model.predict(x, verbose=0)) - units(y))[:, 0])
    np.testing.assert_allclose(trained.model._interpretation.intervals.residuals[0], residuals, rtol=1e-4, atol=1e-4)


def test_a_run_without_what_intervals_need_says_why(classes_run, table, tmp_path):
    with pytest.raises(ConfigError, match="predict_proba"):
        nnlite.load(classes_run.folder).predict_interval(table)
    write(tmp_path / "table.csv", columns())
    given = experiment(tmp_path / "table.csv", "price", {"loss": "mse"}, 1)
    given.data.split.validation = 0.0
    run = train(given, tmp_path / "run", quiet=True)
    with pytest.raises(DataError, match="validation"):
        nnlite.load(run.folder).predict_interval(table)
