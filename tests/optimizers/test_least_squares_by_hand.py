"""Levenberg-Marquardt against the same written out in NumPy, as the benchmark of both does."""

import sys

import pytest

from benchmarks.least_squares import MATLAB, by_hand, main, rows, trained, untrained


@pytest.mark.parametrize("options", [MATLAB, {}])
@pytest.mark.parametrize("columns, units", [(1, 20), (3, 5)])
def test_both_take_the_same_steps(columns, units, options):
    x, y = rows(columns)
    model = untrained(columns, units, **options)
    expected = by_hand(model.get_weights(), x, y, 15, nielsen=not options)
    assert trained(model, x, y, 15) == pytest.approx(expected, rel=1e-7)
    assert expected[-1] < expected[0] / 5


def test_the_default_damping_is_there_sooner():
    x, y = rows(1)
    model = untrained(1, 20)
    expected = by_hand(model.get_weights(), x, y, 60)
    losses = trained(model, x, y, 60)
    assert losses[39] < expected[-1] and losses[-1] < 0.1 * expected[-1]


def test_the_benchmark_prints_both(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["least_squares", "--rounds", "1"])
    monkeypatch.setattr("benchmarks.least_squares.CASES", ((1, 4, 3, 50),))
    main()
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["50", "13"]
