"""The command line: what it prints, what it returns, and that bad input leaves nothing behind."""

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite.cli import _parser, main

CONFIG = """\
seed: 1
data:
  source: {Csv: {path: flowers.csv, target: kind, categorical: [colour]}}
  split: {validation: 0.2, test: 0.2}
model:
  - Dense: {units: 2}
compile:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  metrics: [accuracy]
fit:
  epochs: 2
"""


def flowers():
    random = np.random.default_rng(0)
    rows = [("length", "colour", "kind")]
    return rows + [(f"{random.uniform():.3f}", random.choice(["red", "blue"]), "rt"[i % 2]) for i in range(40)]


def write_rows(path, rows):
    Path(path).write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    write_rows("flowers.csv", flowers())
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    assert main(["train", "c.yaml", "--quiet"]) == 0
    capsys.readouterr()
    return "runs/c-1"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def test_train_prints_metrics_and_run_folder(folder, capsys):
    assert main(["train", "c.yaml", "--set", "fit.epochs=1", "seed=2", "--set", "fit.batch_size=8", "--quiet"]) == 0
    out, err = capsys.readouterr()
    title, *rows, place = out.splitlines()
    assert title.split() == ["part", "metric", "model", "baseline"]
    figures = ["loss", "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "average_precision", "f1"]
    assert [row.split()[-3] for row in rows] == 2 * figures
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == ["validation", "test"]
    assert place == "run folder: runs/c-1"
    warned = tuple(f"nnlite: warning: {part}: " for part in ("validation", "test"))
    assert all(line.startswith(warned) for line in err.splitlines())
    assert len(Path("runs/c-1/history.csv").read_text().splitlines()) == 2
    assert json.loads(Path("runs/c-1/environment.json").read_text())["seed"] == 2
    assert main(["train", "c.yaml", "--out", "here", "--quiet"]) == 0
    assert "run folder: here" in capsys.readouterr().out


def test_train_shows_progress_unless_quiet(folder, capsys):
    assert main(["train", "c.yaml"]) == 0
    assert "Epoch 2/2" in capsys.readouterr().out


def test_values_that_are_not_finite(folder, capsys):
    with np.errstate(all="ignore"):
        ignored = ["fit.on_divergence=ignore", "compile.optimizer={SGD: {learning_rate: 1e40}}"]
        assert main(["train", "c.yaml", "--set", *ignored, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert [row.split() for row in shown.out.splitlines() if row.startswith("test")] == [["test", "loss", "nan", "-"]]
    assert shown.err == "nnlite: warning: training diverged; lower the learning rate or scale the inputs\n"


def test_evaluate_prints_the_metrics_of_the_run(run, capsys):
    assert main(["evaluate", run]) == 0
    metrics = json.loads(Path(run, "metrics.json").read_text())
    assert list(metrics) == ["validation", "test", "baseline", "warnings"]
    assert json.loads(capsys.readouterr().out) == {part: metrics[part] for part in ("validation", "test")}


def test_evaluate_prints_a_table_on_a_terminal(run, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["evaluate", run]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["part", "metric", "model", "baseline"] and lines[1].split()[:2] == [
        "validation",
        "loss",
    ]
    assert main(["evaluate", run, "flowers.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["part", "metric", "model"] and lines[1].split()[:2] == ["flowers.csv", "loss"]
    assert main(["evaluate", run, "flowers.csv", "--json"]) == 0
    assert "loss" in json.loads(capsys.readouterr().out)


def test_predict_writes_one_row_per_input(run, capsys):
    write_rows("new.csv", [row[:2] for row in flowers()])
    assert main(["predict", run, "new.csv", "-o", "out.csv"]) == 0
    assert capsys.readouterr() == ("", "")
    with open("out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert list(rows[0]) == ["kind", "probability_r", "probability_t"]
    for row in rows:
        assert float(row["probability_r"]) + float(row["probability_t"]) == pytest.approx(1)
        assert row["kind"] == ("r" if float(row["probability_r"]) >= 0.5 else "t")
    assert main(["predict", run, "flowers.csv"]) == 0
    assert capsys.readouterr().out == Path("out.csv").read_text()
    write_rows("reversed.csv", [flowers()[0], *flowers()[:0:-1]])
    assert main(["predict", run, "reversed.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == Path("out.csv").read_text().splitlines()[:0:-1]


def test_predict_needs_no_training_data(run, capsys):
    Path("flowers.csv").unlink()
    write_rows("new.csv", [("colour", "length"), ("green", "0.5")])
    assert main(["predict", run, "new.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_summary(folder, capsys):
    assert main(["summary", "c.yaml", "--set", "model.0.Dense.units=2"]) == 0
    out = capsys.readouterr().out
    assert "Dense" in out
    assert "8" in out  # three inputs and a bias for two units
    assert files(folder) == ["c.yaml", "flowers.csv"]


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"nnlite {nnlite.__version__}\n"


def test_alone_it_prints_help(capsys):
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("usage: nnlite [-h] [--version] COMMAND ...") and "train " in shown.out
    assert shown.err == ""


def commands():
    """The names of all commands, as `nnlite --help` lists them."""
    (choices,) = [action.choices for action in _parser()._actions if isinstance(action.choices, dict)]
    return sorted(choices)


@pytest.mark.parametrize("command", commands())
def test_the_help_of_each_command_ends_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    heading, example, *_ = shown.partition("\n\nexample")[2].splitlines()
    assert heading in (":", "s:") and example.startswith(f"  nnlite {command}")
    for line in shown.partition("\n\nexample")[2].splitlines()[1:]:
        _parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize(
    "arguments", [["tran"], ["train", "c.yaml", "--epochs", "x"], ["train", "c.yaml", "--epoch-count", "3"]]
)
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_an_unknown_option_is_told_with_the_usage_of_its_command(capsys):
    with pytest.raises(SystemExit):
        main(["train", "c.yaml", "--epoch-count", "3"])
    usage, *_, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: nnlite train ")
    assert error == "nnlite train: error: unrecognized arguments: --epoch-count 3"


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "c.yaml", "--target", "kind"],
        ["data", "c.yaml"],
        ["predict", "{run}", "c.yaml"],
        ["evaluate", "{run}", "c.yaml"],
    ],
)
def test_a_config_is_no_table(arguments, folder, run, capsys):
    Path("c.yaml").write_text(CONFIG)
    assert main([argument.format(run=run) for argument in arguments]) == 2
    assert capsys.readouterr().err.startswith("nnlite: error: c.yaml: a config, not a table; name a file of rows")


def test_a_table_or_a_folder_is_no_config(folder, run, capsys):
    for command in ("train", "summary", "check"):
        assert main([command, "flowers.csv"]) == 2
        assert "flowers.csv: a table, not a config; write one with: nnlite init flowers.csv" in capsys.readouterr().err
    assert main(["train", run]) == 2
    message = (
        f"{run}: a run folder, not a config; pass {run}/config.yaml, or continue with: nnlite train --resume {run}"
    )
    assert message in capsys.readouterr().err
    assert main(["train", "runs"]) == 2
    assert "runs: a folder, not a config; pass a YAML file" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["predict", "flowers.csv"], ["export", "model.py"], ["evaluate"], ["rows"]])
def test_a_run_without_a_model_says_how_to_continue(run, command, capsys):
    for file in ("model.safetensors", "manifest.json"):
        Path(run, file).unlink()
    state = Path(run, "state.json")
    state.write_text(state.read_text().replace('"finished"', '"interrupted"'))
    assert main([command[0], run, *command[1:]]) == 3
    assert f"continue with: nnlite train --resume {run}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a config to train, or --resume with a run folder"),
        (["c.yaml", "--resume", "r"], "expected a config to train, or --resume with a run folder"),
        (["--resume", "r", "--folds", "3"], "--folds does not go with --resume"),
        (["c.yaml", "--resume-anyway"], "--resume-anyway goes with --resume"),
        (["c.yaml", "--epochs", "0"], "--epochs 0: expected a number of epochs"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


def data(text):
    """Replace the data file."""
    return lambda: Path("flowers.csv").write_text(text)


def config(old, new):
    """Replace a part of the config."""
    return lambda: Path("c.yaml").write_text(CONFIG.replace(old, new))


HEAD = "length,colour,kind\n0.1,red,r\n"
BAD_TRAINING = {
    "unknown layer": (
        config("Dense", "Dens"),
        2,
        "c.yaml, line 6, column 5: model[0]: unknown layer 'Dens'; did you mean 'Dense'?",
    ),
    "unknown loss": (config("Sparse", "Sprse"), 2, "c.yaml, line 8, column 10: compile.loss: unknown loss 'Sprse"),
    "unknown key": (
        config("split", "splits"),
        2,
        "c.yaml, line 4, column 3: data.splits: unknown argument 'splits'; did you mean",
    ),
    "unknown argument": (
        config("units", "unit"),
        2,
        "c.yaml, line 6, column 13: model[0].Dense.unit: unknown argument 'unit'",
    ),
    "wrong type": (
        config("units: 2", "units: two"),
        2,
        "line 6, column 13: model[0].Dense.units: expected an integer, got 'two'",
    ),
    "repeated key": (
        config("fit:", "seed:"),
        2,
        "c.yaml, line 10, column 1: seed: the key 'seed' is repeated here",
    ),
    "empty config": (lambda: Path("c.yaml").write_text(""), 2, "c.yaml, line 1, column 1: the file is empty"),
    "no config": (lambda: Path("c.yaml").unlink(), 2, "c.yaml: No such file or directory"),
    "no data": (lambda: Path("flowers.csv").unlink(), 3, "c.yaml: no file 'flowers.csv'; looked for /"),
    "empty data": (data(""), 3, "flowers.csv: the file is empty"),
    "no target column": (
        config("target: kind", "target: kin"),
        3,
        "flowers.csv: no column 'kin'; did you mean 'kind'?",
    ),
    "text": (
        data(HEAD + "long,red,t\n" * 9),
        3,
        "flowers.csv, line 3, column 'length': text 'long' in a numeric column",
    ),
    "missing label": (data(HEAD + "0.2,red,\n"), 3, "flowers.csv, line 3, column 'kind': the value is missing"),
    "not finite": (data(HEAD + "inf,red,t\n" * 9), 3, "flowers.csv, line 3, column 'length': 'inf' is not a finite"),
    "short line": (data(HEAD + "0.2,red\n"), 3, "flowers.csv, line 3: 2 cells, but the first line names 3 columns"),
    "too many classes": (
        config("units: 2", "units: 1"),
        3,
        "has 2 classes (r, t), for which a sparse loss needs 2 output",
    ),
    "output shape": (config("{units: 2}", "{units: 6}\n  - Reshape: {target_shape: [3, 2]}"), 3, "c.yaml: "),
    "layer shapes": (config("{units: 2}", "{units: 2}\n  - Reshape: {target_shape: [5]}"), 3, "c.yaml: "),
    "stratify": (
        config("test: 0.2", "test: 0.2, stratify: no"),
        2,
        "data.split.stratify: expected true, false or auto, got 'no'",
    ),
    "monitor": (
        config("epochs: 2", "callbacks: [{EarlyStopping: {monitor: val_los}}]"),
        2,
        "monitors 'val_los', which",
    ),
}


@pytest.mark.parametrize("case", BAD_TRAINING)
def test_bad_training(case, folder, capsys):
    spoil, exit_code, message = BAD_TRAINING[case]
    spoil()
    before = files(folder)
    assert main(["train", "c.yaml", "--quiet"]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nnlite: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert [name for name in files(folder) if name != "runs"] == before


def damage(run):
    path = Path(run, "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


BAD_PREDICTION = {
    "missing column": ("n.csv", "length\n1\n", "n.csv: no column 'colour'"),
    "text": ("n.csv", "length,colour\nx,red\n", "n.csv, line 2, column 'length': text 'x' in a numeric column"),
    "empty": ("n.csv", "", "n.csv: the file is empty"),
    "no file": ("n.csv", None, "n.csv: No such file or directory"),
}


@pytest.mark.parametrize("case", BAD_PREDICTION)
def test_bad_prediction(case, run, capsys):
    path, text, message = BAD_PREDICTION[case]
    if text is not None:
        Path(path).write_text(text)
    assert main(["predict", run, path, "-o", "out.csv"]) == 3
    assert message in capsys.readouterr().err
    assert not Path("out.csv").exists()


def test_another_number_of_features(folder, capsys):
    inputs = np.random.default_rng(0).normal(size=(40, 3))
    np.savez("a.npz", inputs=inputs, target=inputs[:, 0] > 0)
    np.savez("b.npz", inputs=inputs[:, :2])
    config("{Csv: {path: flowers.csv, target: kind, categorical: [colour]}}", "{Npz: {path: a.npz}}")()
    assert main(["train", "c.yaml", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["predict", "runs/c-1", "a.npz"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 41
    assert main(["predict", "runs/c-1", "b.npz"]) == 3
    assert "b.npz: the model was made for rows of shape (3,), the inputs have (2,)" in capsys.readouterr().err


def test_damaged_model_file(run, capsys):
    damage(run)
    for command in (["evaluate", run], ["predict", run, "flowers.csv"]):
        assert main(command) == 3
        assert "model.safetensors" in capsys.readouterr().err


def test_taken_folder_and_missing_run(run, capsys):
    assert main(["train", "c.yaml", "--out", run, "--quiet"]) == 2
    assert "already exists and is not an empty folder" in capsys.readouterr().err
    assert main(["evaluate", "nowhere"]) == 3
    assert "nowhere: not a run folder" in capsys.readouterr().err


def test_file_system_errors_have_no_traceback(run, capsys):
    assert main(["predict", run, "flowers.csv", "-o", "no/such/folder.csv"]) == 2
    assert capsys.readouterr().err == "nnlite: error: no/such/folder.csv: the folder no/such does not exist\n"


def test_interruption(folder, capsys, monkeypatch):
    from nnlite.callbacks import History

    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(History, "on_epoch_begin", interrupt)
    assert main(["train", "c.yaml", "--quiet"]) == 130
    assert capsys.readouterr().err == "nnlite: error: interrupted; nothing was written\n"


def test_module_is_the_command(folder):
    root = Path(nnlite.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "nnlite", "train", "no.yaml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "nnlite: error: no.yaml: No such file or directory\n"


def test_file_that_cannot_be_written(run, capsys, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "out.csv")

    monkeypatch.setattr("nnlite.trained.writing.write_chunks", full)
    assert main(["predict", run, "flowers.csv", "-o", "out.csv"]) == 5
    assert capsys.readouterr().err == "nnlite: error: out.csv: No space left on device\n"


def test_profile_shows_a_step_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(Path(nnlite.__file__).parent.parent / "configs" / "xor.yaml"), "--profile"]) == 0
    shown = capsys.readouterr().out
    assert "one training step of" in shown
    assert all(name in shown for name in ("dense", "dense_1", "loss", "update", "floor"))
    assert list(tmp_path.iterdir()) == []
