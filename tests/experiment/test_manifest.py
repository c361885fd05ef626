"""A run folder is one thing: what is not as the training wrote it is not used in silence."""

import json
import shutil
from pathlib import Path

import pytest
from small_runs import LISTED, train_small_run

import nnlite
from nnlite.cli import main
from nnlite.errors import ConfigError, DataError, ModelFileError, NNLiteError
from nnlite.experiment import Experiment, Run, resume, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_small_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy" / "run"


def rewrite(path: Path, change) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_all_files_are_listed_by_their_sums(run):
    listed = json.loads((run / "manifest.json").read_text())
    assert list(listed["files"]) == LISTED and all(len(digest) == 64 for digest in listed["files"].values())
    assert Run(run).evaluate().keys() == {"validation", "test"}


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_changed_or_missing_file_is_named(run, name, harm):
    path = run / name
    path.write_bytes(path.read_bytes() + b" ") if harm == "change" else path.unlink()
    with pytest.raises(DataError, match=name) as caught:
        Run(run)
    assert str(run) in str(caught.value)
    if name == "model.safetensors":
        with pytest.raises(DataError, match=name):
            nnlite.load(run)
    else:
        assert nnlite.load(run).predict([{"a": 0.0, "b": 0.0}]).shape == (1,)


def reverse_labels(values):
    values["target"]["Classes"]["labels"].reverse()


def drop_label(values):
    values["target"]["Classes"]["labels"].pop()


def swap_columns(values):
    values["inputs"]["Columns"]["columns"].reverse()


@pytest.mark.parametrize("change", [reverse_labels, drop_label, swap_columns])
@pytest.mark.parametrize("with_manifest", [True, False])
def test_other_preprocessing_gives_no_predictions(run, change, with_manifest):
    rewrite(run / "preprocessing.json", change)
    if not with_manifest:
        (run / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"preprocessing\.json: "):
        Run(run)


def test_a_model_of_another_training_is_refused(run, trained):
    train(Experiment.from_file(trained / "c.yaml", ["seed=2"]), trained / "other", quiet=True)
    shutil.copy(trained / "other" / "model.safetensors", run)
    for opened in (nnlite.load, Run):
        with pytest.raises(DataError, match=r"model\.safetensors: is not what the training wrote"):
            opened(run)
    (run / "manifest.json").unlink()
    assert nnlite.load(run).predict([{"a": 0.0, "b": 0.0}]).shape == (1,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": "1", "files": {}}',
        '{"format": 1, "files": {"../t.csv": "0"}}',
        '{"format": 1, "files": {"metrics.json": 3}}',
        '{"format": 1, "files": {}, "files": {}}',
        "[" * 5000,
        "\xff",
    ],
)
def test_a_damaged_manifest_is_one_error(run, text):
    (run / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"manifest\.json"):
        Run(run)


@pytest.mark.parametrize("name", ["preprocessing.json", "metrics.json", "environment.json", "state.json"])
@pytest.mark.parametrize("text", ["", "null", "[]", "3", '{"inputs": 1e999}', "[" * 5000, '{"a": 1, "a": 2}', "\xff"])
def test_hostile_json_without_a_manifest_is_typed(run, name, text):
    (run / "manifest.json").unlink()
    (run / name).write_text(text, encoding="latin-1")
    try:
        opened = Run(run)
        assert opened.metrics and opened.evaluate()
    except NNLiteError as error:
        assert name in str(error)
    else:
        assert name in ("environment.json", "state.json")


def test_training_on_writes_the_manifest_anew(run):
    before = json.loads((run / "manifest.json").read_text())["files"]
    resume(run, quiet=True, epochs=3)
    after = json.loads((run / "manifest.json").read_text())["files"]
    assert before["history.csv"] != after["history.csv"] and Run(run).metrics


def test_a_changed_config_is_not_gone_on_with(run):
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("adam", "sgd").replace("Adam", "SGD"))
    with pytest.raises((DataError, ConfigError), match=r"config\.yaml: is not what the training wrote"):
        resume(run, quiet=True, epochs=3)


def test_the_command_line_tells_where_moved_data_are(run, tmp_path, capsys):
    (run.parent / "t.csv").rename(tmp_path / "moved.csv")
    assert main(["evaluate", str(run)]) == 3
    assert "--data FILE" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data", str(tmp_path / "moved.csv")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["test"]["accuracy"] == Run(run).metrics["test"]["accuracy"]
    assert main(["evaluate", str(run), "x.csv", "--data", str(tmp_path / "moved.csv")]) == 2


def test_a_pipe_is_no_model_file(tmp_path):
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("no such files here")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ModelFileError, match="not a regular file"):
            nnlite.load_model(path)


def test_a_manifest_of_another_format_is_refused(run):
    rewrite(run / "manifest.json", lambda values: values.update(format=2))
    with pytest.raises(DataError, match=r"manifest\.json: format 2, but this version reads 1; open the folder with"):
        Run(run)
