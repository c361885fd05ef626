"""The benchmark of coverage, on a few splits: conformal intervals hold what they promise, within what splits draw."""

import numpy as np
import pytest

from benchmarks.coverage import MADE, SETS, coverage, estimator_intervals, main, model_intervals, peer_intervals, split


def test_eight_sets_have_rows_to_learn_from_and_new_ones(tmp_path, monkeypatch):
    cells = np.exp(np.random.default_rng(0).normal(size=(60, 3)))
    lines = ["rooms,income,median_house_value,ocean_proximity", *(f"{a},,{b},INLAND" for a, b, _ in cells)]
    (tmp_path / "housing.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("NNLITE_BENCHMARK_HOUSING", str(tmp_path / "housing.csv"))
    assert len(SETS) == 8
    for name in (*SETS, *MADE):
        (x, y), (new, targets) = split(name, 0)
        assert len(x) == len(y) > len(new) == len(targets) == (len(x) + len(new)) // 3


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_split_conformal_intervals_of_models(level):
    """Shares of k = ceil((n + 1) level) of n rows follow a Beta law, whose spread adds to that of the new rows."""
    found = []
    for name, seeds in (("friedman1", 3), ("iris", 6)):
        held = {method: shares for method, shares, _ in coverage(name, level, seeds, model_intervals)}
        count = len(split(name, 0)[0][0]) // 3
        new = len(split(name, 0)[1][0])
        spread = np.sqrt(level * (1 - level) * (1 / count + 1 / new) / seeds)
        found.append((held["split conformal"].mean() - level) / spread)
        assert set(held) == {"delta", "jackknife+", "jackknife-minmax", "split conformal"}
    assert np.abs(found).max() < 3


def test_intervals_of_estimators(capsys, monkeypatch):
    held = {}
    for method, shares, widths in coverage("iris", 0.9, 3, estimator_intervals):
        held[method] = shares.mean()
        assert 0.1 < widths.mean() < 1
    assert 0.8 < held["conformal"] <= held["cv+"] + 0.03
    monkeypatch.setattr("sys.argv", ["coverage", "--splits", "1", "--of", "models"])
    monkeypatch.setattr("benchmarks.coverage.SETS", {"iris": SETS["iris"]})
    main()
    assert "all         split conformal" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_intervals_of_peers():
    pytest.importorskip("mapie")
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 3))
    intervals = peer_intervals((x, x[:, 0] + 0.1 * random.normal(size=90)), x[:7], 0.9, 0)
    assert list(intervals) == ["MAPIE, split", "MAPIE, CV+", "quantiles, MAPIE", "quantiles"]
    assert all(low.shape == high.shape == (7,) and (low < high).all() for low, high in intervals.values())
