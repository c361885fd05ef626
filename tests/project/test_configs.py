"""The configs that come along: each runs, shortened, and those that need no file reach what they promise."""

import pytest
from shipped_configs import CONFIGS, trained

from nnlite.experiment import Experiment, Run, train


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained(name, tmp_path, epochs=2)
    assert run.metrics
    assert all(value is not None for values in run.metrics.values() for value in values.values())
    assert len((run.folder / "history.csv").read_text().splitlines()) == 3
    assert Run(run.folder).evaluate() == run.metrics


@pytest.mark.parametrize(
    ("name", "overrides", "metric", "bound"),
    [
        ("digits", [], "accuracy", 0.97),
        ("digits_resnet", ["fit.epochs=7"], "accuracy", 0.98),
        ("agreement_lstm", ["data.source.Agreement.rows=3000", "fit.epochs=9"], "accuracy", 0.95),
    ],
)
def test_a_config_reaches_what_it_promises(name, overrides, metric, bound, tmp_path):
    run = train(Experiment.from_file(CONFIGS[name], overrides), out=tmp_path / "run", quiet=True)
    assert run.metrics["test"][metric] >= bound
