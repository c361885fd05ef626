"""Every config that comes along has a report."""

import numpy as np
import pytest

from nnlite.experiment import Experiment, train
from nnlite.report import Report
from tests.project.test_configs import CONFIGS, FILES, SHORTER


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_has_a_report(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name in FILES:
        FILES[name](tmp_path, np.random.default_rng(0))
    run = train(Experiment.from_file(CONFIGS[name], ["fit.epochs=1", *SHORTER.get(name, [])]), quiet=True)
    page = Report(run).html
    assert "could not be read" not in page
    for part in ("metrics", "learning", "worst", "inputs", "gradients", "data", "record"):
        assert f'<section id="{part}">' in page
    assert len(page) < 150_000
