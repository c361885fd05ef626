"""Every config that comes along has a report."""

import pytest
from shipped_configs import CONFIGS, trained

from nnlite.report import Report


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_has_a_report(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = Report(trained(name, tmp_path, epochs=1)).html
    assert "could not be read" not in page
    for part in ("metrics", "learning", "worst", "inputs", "gradients", "data", "record"):
        assert f'<section id="{part}">' in page
    assert len(page) < 150_000
