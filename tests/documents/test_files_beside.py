"""Files that arguments of a config name are sought beside it, whatever the current folder is."""

import pytest
from bayes_nets import CLINIC, clinic

from nnlite.circuits import Circuit
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment
from nnlite.registry.fields import beside, sought

CONFIG = """data:
  source: {Npz: {path: rows.npz}}
model:
  - Circuit: {network: clinic.bif}
compile: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}}
"""


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """That of the config, and the current one."""
    for name in ("project", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "project" / "net.yaml").write_text(CONFIG)
    return tmp_path / "project", tmp_path / "elsewhere"


def test_a_network_beside_the_config(folders):
    (folders[0] / "clinic.bif").write_text(CLINIC)
    (folders[1] / "clinic.bif").write_text("no network at all")
    layer = Experiment.from_file(folders[0] / "net.yaml").model[0]
    assert isinstance(layer, Circuit)
    assert layer.network == clinic()


def test_a_network_in_the_current_folder(folders):
    (folders[1] / "clinic.bif").write_text(CLINIC)
    assert Experiment.from_file(folders[0] / "net.yaml").model[0].network == clinic()


def test_a_file_that_is_nowhere_is_an_error_at_its_line(folders):
    with pytest.raises(ConfigError) as error:
        Experiment.from_file(folders[0] / "net.yaml")
    message = str(error.value)
    assert "net.yaml, line 4, column 15: model[0].Circuit.network: no file 'clinic.bif'; looked for " in message
    assert all(str(folder / "clinic.bif") in message for folder in folders)


def test_a_vocabulary_beside_the_config(folders):
    (folders[0] / "words.txt").write_text("red\nblue\n")
    config = CONFIG.replace("Circuit: {network: clinic.bif}", "StringLookup: {vocabulary: words.txt}")
    (folders[0] / "net.yaml").write_text(config)
    assert Experiment.from_file(folders[0] / "net.yaml").model[0].get_vocabulary() == ["[UNK]", "red", "blue"]


def test_outside_a_config_a_path_is_what_it_says(folders):
    assert sought("clinic.bif") == "clinic.bif"
    with beside(folders[0]), pytest.raises(ConfigError, match="looked for"):
        sought("clinic.bif")
    assert sought("clinic.bif") == "clinic.bif"
