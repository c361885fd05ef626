"""`nnlite tune`: trials are what they say, in one process or in several, and a search outlives its process."""

import gc
import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nnlite
from nnlite.cli import main
from nnlite.data import Data
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Experiment, Interrupted, train
from nnlite.experiment.search import Search
from nnlite.threads import _threads

pytest.importorskip("optuna")

from nnlite.tuning import Study, Trial, tune
from nnlite.tuning.importances import explained_shares
from nnlite.tuning.journal import journal
from nnlite.tuning.records import adopt
from nnlite.tuning.trials import Trials, is_alive, optuna_library, process_name
from nnlite.tuning.tune import checked

ROOT = Path(nnlite.__file__).parents[1]
CONFIG = """\
seed: 3
data:
  source: {SklearnDataset: {name: iris}}
  split: {validation: 0.2, test: 0.2}
model:
  - Normalization
  - Dense: {units: 4, activation: relu}
  - Dense: {units: 3}
compile:
  optimizer: {Adam: {learning_rate: 1e-2}}
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  metrics: [accuracy]
fit: {epochs: 5, batch_size: 32}
search:
  pruner: none
  space:
    compile.optimizer.Adam.learning_rate: {log_uniform: [1e-4, 1e-1]}
    model.1.Dense.units: {choice: [4, 8]}
    fit.batch_size: {int: [16, 64]}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return path


def rewritten(path, *pairs):
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def test_trials_are_those_of_the_space_and_the_best_one_trains_as_it_is(config, capsys):
    study = tune(config, trials=5)
    assert [trial.number for trial in study.trials] == list(range(5)) and study.finished == 5
    for trial in study.trials:
        rate, units, size = trial.params.values()
        assert 1e-4 <= rate <= 1e-1 and units in (4, 8) and 16 <= size <= 64 and isinstance(size, int)
        assert trial.state == "complete" and len(trial.values) == 5 and trial.seconds > 0
    best = study.best
    assert best.value == min(trial.value for trial in study.trials)
    assert len({trial.value for trial in study.trials}) == 5
    run = train(Experiment.from_file("runs/c-tune/best.yaml"), quiet=True)
    assert run.metrics["validation"]["loss"] == pytest.approx(best.value, rel=1e-6)
    assert (
        run.experiment.compile["optimizer"]["Adam"]["learning_rate"]
        == best.params["compile.optimizer.Adam.learning_rate"]
    )
    assert run.experiment.search is None
    printed = capsys.readouterr().out
    assert printed.count("complete") == 5 and "batch_size=" in printed


def test_a_trial_is_judged_by_the_weights_that_it_leaves(config):
    stopping = "epochs: 12, callbacks: [{EarlyStopping: {patience: 12, restore_best_weights: true}}]"
    rewritten(config, ("epochs: 5", stopping), ("log_uniform: [1e-4, 1e-1]", "uniform: [0.2, 0.9]"))
    study = tune(config, trials=3, quiet=True)
    for trial in study.trials:
        assert trial.value == pytest.approx(min(trial.values), rel=1e-5)
    assert any(trial.values[-1] > 1.05 * min(trial.values) for trial in study.trials)


def watched_training(monkeypatch):
    """A list that gets the values of each trial that is trained from now on."""
    trained, whole = [], Trials._trained

    def watched(self, trial, params):
        trained.append(params)
        return whole(self, trial, params)

    monkeypatch.setattr(Trials, "_trained", watched)
    return trained


def test_the_same_call_goes_on_and_repeats_nothing(config, monkeypatch):
    first = tune(config, trials=3, quiet=True)
    trained = watched_training(monkeypatch)
    assert tune(config, trials=3, quiet=True).to_dict() == first.to_dict() and not trained
    second = tune(config, trials=6, quiet=True)
    assert second.trials[:3] == first.trials and len(second.trials) == 6 and len(trained) == 3
    assert len({json.dumps(trial.params) for trial in second.trials}) == 6


def test_data_are_read_once_as_long_as_their_choices_are_the_same(config, monkeypatch):
    read, whole = [], Data.prepare
    monkeypatch.setattr(Data, "prepare", lambda self, *given, **more: read.append(self) or whole(self, *given, **more))
    study = tune(config, trials=3, quiet=True)
    assert len(read) == 1 and study.finished == 3  # for the check and for all trials
    alone = Trials(str(config), ("seed=3",), Experiment.from_file(config).search)
    for trial in study.trials:
        assert alone._trained(optuna_library().trial.FixedTrial(trial.params), trial.params)[0] == trial.value
    read.clear()
    rewritten(config, ("    fit.batch_size", "    seed: {int: [1, 9]}\n    fit.batch_size"))
    tune(config, trials=3, quiet=True, out="seeds")
    assert len(read) == 4


def test_processes_are_handed_the_data(config, monkeypatch):
    _, changes, known = checked(config, ())
    handed = pickle.loads(pickle.dumps(known))
    assert all(data.is_in_memory for data in handed.values())
    monkeypatch.setattr(Data, "prepare", None)
    search = Experiment.from_file(config).search
    params = search.first_values()
    values = [
        Trials(str(config), changes, search, data)._trained(optuna_library().trial.FixedTrial(params), params)[0]
        for data in (known, handed)
    ]
    assert values[0] == values[1]


def test_values_that_were_tried_are_not_trained_again(config, monkeypatch):
    rewritten(config, ("{log_uniform: [1e-4, 1e-1]}", "{choice: [0.01]}"), ("{int: [16, 64]}", "{choice: [32]}"))
    trained = watched_training(monkeypatch)
    study = tune(config, trials=12, sampler="random", quiet=True)
    assert len(trained) == 2 and len(study.trials) == 12 and len({trial.value for trial in study.trials}) == 2


def test_a_search_without_a_seed_keeps_the_one_it_drew(config):
    rewritten(config, ("seed: 3\n", ""))
    tune(config, trials=1, quiet=True)
    first = Experiment.from_file("runs/c-tune/best.yaml").seed
    study = tune(config, trials=2, quiet=True)
    assert Experiment.from_file("runs/c-tune/best.yaml").seed == first and study.finished == 2


def test_processes_share_the_trials(config, capfd):
    study = tune(config, trials=6, jobs=2)
    assert [trial.number for trial in study.trials] == list(range(6))
    assert all(trial.state == "complete" for trial in study.trials)
    assert capfd.readouterr().out.count("complete") == 6
    database = optuna_library().load_study(study_name="c", storage=journal(Path("runs/c-tune/study.db")))
    processes = {trial.user_attrs["process"] for trial in database.trials}
    assert process_name() in processes and 1 <= len(processes) <= 2  # this one begins while the other is loaded
    assert _threads.chosen is None
    alone = Trials(str(config), ("seed=3",), Experiment.from_file(config).search)
    trial = optuna_library().trial.FixedTrial(study.best.params)
    assert alone._trained(trial, study.best.params)[0] == pytest.approx(study.best.value, rel=1e-6)


def test_a_killed_search_goes_on_where_it_was(config):
    rewritten(config, ("epochs: 5", "epochs: 80"))
    command = [sys.executable, "-m", "nnlite", "tune", "c.yaml", "--trials", "50"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as process:
        for _ in range(2):  # lines of finished trials
            process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    before = optuna_library().load_study(study_name="c", storage=journal(Path("runs/c-tune/study.db"))).trials
    finished = [trial.number for trial in before if trial.state.name == "COMPLETE"]
    running = [trial for trial in before if trial.state.name == "RUNNING"]
    study = tune(config, trials=len(finished) + 2, quiet=True)
    assert [study.trials[number].value for number in finished] == [before[number].value for number in finished]
    assert [study.trials[trial.number].state for trial in running] == ["interrupted"] * len(running)
    assert study.finished == len(finished) + 2 and not any(trial.state == "running" for trial in study.trials)
    for trial in running:
        if trial.params:  # it died after values were drawn, all or some: the next one has them
            assert trial.params.items() <= study.trials[trial.number + 1].params.items()
    assert tune(config, trials=len(finished) + 2, quiet=True).to_dict() == study.to_dict()


def test_ctrl_c_keeps_what_is_finished(config, monkeypatch, capsys):
    count, whole = [], Trials._trained

    def third_is_interrupted(self, trial, params):
        count.append(trial.number)
        if len(count) == 3:
            raise KeyboardInterrupt
        return whole(self, trial, params)

    monkeypatch.setattr(Trials, "_trained", third_is_interrupted)
    with pytest.raises(Interrupted, match="interrupted; 2 finished trials are kept in"):
        tune(config, trials=5, quiet=True)
    assert Study.read("runs/c-tune").finished == 2 and Path("runs/c-tune/best.yaml").exists()
    study = tune(config, trials=5, quiet=True)
    assert study.finished == 5 and [trial.state for trial in study.trials].count("interrupted") == 1
    assert study.trials[3].params == study.trials[2].params


def test_a_trial_of_a_process_that_is_alive_is_left_alone(config):
    optuna = optuna_library()
    study = optuna.create_study(storage=f"sqlite:///{config.parent}/s.db")
    alive, gone = study.ask(), study.ask()
    alive.set_user_attr("process", process_name())
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    gone.set_user_attr("process", f"{process_name().split('/')[0]}/{ended.pid}/1")
    adopt(study)
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "FAIL"]
    assert is_alive(process_name()) and is_alive("another-machine/1/1")
    assert not is_alive(process_name().rpartition("/")[0] + "/0") or not process_name().endswith(tuple("0123456789"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_trials_that_fail_are_recorded_with_the_reason(config):
    rewritten(
        config,
        ("seed: 3", "seed: 4"),
        ("log_uniform: [1e-4, 1e-1]", "choice: [0.01, 1e30]"),
        ("model.1.Dense.units: {choice: [4, 8]}", "fit.initial_epoch: {choice: [0]}"),
        ("fit.batch_size: {int: [16, 64]}", "compile.optimizer.Adam.beta_1: {choice: [0.9, 7.0]}"),
    )
    study = tune(config, trials=14, sampler="random", quiet=True)
    rate, beta = "compile.optimizer.Adam.learning_rate", "compile.optimizer.Adam.beta_1"
    kinds = {(trial.params[rate] > 1, trial.params[beta] > 1): trial for trial in study.trials}
    assert kinds[False, False].state == "complete" and study.best.params == kinds[False, False].params
    assert kinds[True, False].state == "failed" and "diverged" in kinds[True, False].error
    assert kinds[False, True].state == "failed" and "beta_1" in kinds[False, True].error
    assert "failed" in str(study) and study.finished == 14


def test_trials_that_fall_behind_end_early(config):
    rewritten(config, ("pruner: none", "pruner: median"), ("epochs: 5", "epochs: 12"), ("1e-4, 1e-1", "1e-6, 1e-1"))
    study = tune(config, trials=14, sampler="random", quiet=True)
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert pruned and all(4 <= len(trial.values) < 12 and trial.number > 4 for trial in pruned)
    assert study.best.state == "complete" and len(study.best.values) == 12


def test_a_quantity_that_is_to_rise_is_maximized(config):
    rewritten(config, ("pruner: none", "metric: val_accuracy"))
    study = tune(config, trials=4, quiet=True)
    assert study.direction == "maximize"
    complete = [trial.value for trial in study.trials if trial.state == "complete"]
    assert study.best.value == max(complete)
    known = [value for value in study.best_values() if value is not None]
    assert known == sorted(known)


WRONG = [
    ("pruner: none", "pruner: maybe", "line 15, .*search.pruner: "),
    ("{choice: [4, 8]}", "{choise: [4, 8]}", r"line 18, .*unknown kind of values 'choise'; did you mean 'choice'"),
    ("{int: [16, 64]}", "{int: [64, 16]}", r"line 19, .*expected low < high, got \[64, 16\]"),
    ("{int: [16, 64]}", "{int: [16, 64.5]}", r"line 19, .*two integers"),
    ("{log_uniform: [1e-4, 1e-1]}", "{log_uniform: [0, 1]}", r"line 17, .*orders of magnitude need low > 0"),
    ("{int: [16, 64]}", "{int: [16, 64], choice: [1]}", r"line 19, .*expected one of .*got int, choice"),
    ("fit.batch_size", "fit.batch_sise", "line 19, .*'batch_sise'.*did you mean 'batch_size'"),
    ("model.1.Dense.units", "model.9.Dense.units", "line 18, .*expected an index from 0 to 2, got '9'"),
    ("pruner: none", "metric: val_acuracy\n  direction: maximize", "line 15, .*mean 'val_accuracy'"),
    ("pruner: none", "metric: val_speed", "line 14, .*search.direction: it is not known whether 'val_speed'"),
    ("validation: 0.2", "validation: 0", "does not log 'val_loss'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[new for _, new, _ in WRONG])
def test_a_wrong_search_is_an_error_with_its_line(config, old, new, message, capsys):
    rewritten(config, (old, new))
    assert main(["tune", "c.yaml", "--trials", "1"]) == 2
    error = capsys.readouterr().err
    assert nnlite_error(error, message), error
    assert not Path("runs").exists()


def nnlite_error(text, pattern):
    return text.startswith("nnlite: error: c.yaml") and re.search(pattern, text) and "Traceback" not in text


def test_a_config_without_a_search_says_what_is_missing(config, capsys):
    config.write_text(CONFIG.partition("search:")[0])
    assert main(["tune", "c.yaml"]) == 2
    assert "missing section 'search'" in capsys.readouterr().err


def test_training_has_no_use_for_a_search(config):
    run = train(Experiment.from_file(config), quiet=True)
    assert run.experiment.search.metric == "val_loss"
    config.write_text(CONFIG.partition("search:")[0])
    assert "search" not in train(Experiment.from_file(config), quiet=True).experiment.get_config()


def test_a_database_of_another_search_is_refused(config):
    tune(config, trials=1, quiet=True)
    rewritten(config, ("choice: [4, 8]", "choice: [4, 16]"))
    with pytest.raises(ConfigError, match="is of another config or search"):
        tune(config, trials=2, quiet=True)
    assert tune(config, trials=1, out="other", quiet=True).finished == 1


def test_the_command_prints_a_table_and_the_next_step(config, capsys):
    assert main(["tune", "c.yaml", "--trials", "3", "--quiet", "--storage", "all.db", "--out", "found"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[2:] == ["val_loss", "epochs", "seconds", "learning_rate", "units", "batch_size"]
    assert lines[1].split()[1:3] == ["*", "complete"] and lines[-1].endswith("nnlite train found/best.yaml")
    assert Path("all.db").is_file() and sorted(os.listdir("found")) == ["best.yaml", "study.json"]
    study = Study.read("found")
    assert study.to_dict() == json.loads(Path("found/study.json").read_text())
    assert study.to_dict()["best"] == study.best.number and len(study.to_dict()["best_values"]) == 3
    assert main(["tune", "c.yaml", "--storage", "nowhere/all.db"]) == 2
    assert "the folder nowhere does not exist" in capsys.readouterr().err


def test_a_study_is_read_without_optuna(config, tmp_path):
    trial = Trial(0, "complete", {"a": 1}, 0.5, [0.5], 1.0)
    study = Study("c", "val_loss", "minimize", {"a": {"choice": [1]}}, [trial])
    Path("study.json").write_text(json.dumps(study.to_dict()))
    code = "import sys; sys.modules['optuna'] = None; from nnlite.tuning import Study; print(Study.read('study.json'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert "0 *" in done.stdout, done.stderr
    Path("study.json").write_text("{}")
    with pytest.raises(DataError, match=r"study\.json: missing or damaged"):
        Study.read(".")


def test_importances_are_told_once_there_are_enough_trials(config):
    rewritten(config, ("1e-4, 1e-1", "1e-5, 1e-1"))
    study = tune(config, trials=12, sampler="random", quiet=True)
    assert set(study.importances) == set(study.space)
    assert all(0 <= share <= 1 for share in study.importances.values())
    assert max(study.importances, key=study.importances.get) == "compile.optimizer.Adam.learning_rate"
    assert tune(config, trials=7, quiet=True, out="few").importances == {}


def test_shares_are_those_of_the_ranks_between_groups():
    space = {
        "side": {"choice": ["a", "b"]},
        "size": {"int": [0, 9]},
        "one": {"choice": [1]},
        "each": {"choice": [*"abcdefgh"]},
    }
    values = [0.1, 0.2, 0.3, 0.4, 5.0, 6.0, 7.0, 8000.0]
    trials = [
        Trial(number, "complete", {"side": "ab"[number > 3], "size": 7, "one": 1, "each": "abcdefgh"[number]}, value)
        for number, value in enumerate(values)
    ]
    # ranks 0 to 7: 42 about their mean, 5 + 5 within the sides, 2 groups
    expected = {"side": 1 - 7 / 6 * 10 / 42, "size": 0.0, "one": 0.0, "each": 0.0}
    assert explained_shares(trials, space) == pytest.approx(expected)
    assert explained_shares([*trials, Trial(8, "failed", {}, None)], space) == pytest.approx(expected)
    by_number = [Trial(t.number, "complete", {"size": 2 * t.number}, t.value) for t in trials]
    assert explained_shares(by_number, {"size": {"int": [0, 20]}}) == pytest.approx({"size": 1 - 7 / 6 * 10 / 42})
    assert explained_shares([Trial(number, "complete", {"size": 1}, 2.0) for number in range(9)], space) == {}


def test_first_values_and_directions_of_a_search():
    search = Search({"a": {"int": [2, 5]}, "b": {"choice": ["x", "y"]}}, metric="val_r2_score")
    assert search.first_values() == {"a": 2, "b": "x"} and search.to_maximize
    assert not Search({"a": {"int": [2, 5]}}, metric="val_mean_absolute_error").to_maximize
    assert Search({"a": {"int": [2, 5]}}, metric="mine", direction="maximize").to_maximize
    with pytest.raises(ConfigError, match="one key of the config or more"):
        Search({})


def test_what_an_epoch_reports_does_not_wait_for_the_disk_and_is_in_one_file_in_the_end(config):
    tune(config, trials=2, quiet=True)
    (folder,) = Path("runs").iterdir()
    gc.collect()  # which closes connections
    assert sorted(file.name for file in folder.iterdir()) == ["best.yaml", "study.db", "study.json"]
    with sqlite3.connect(folder / "study.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        numbers = [number for (number,) in database.execute("SELECT number FROM journal ORDER BY number")]
    assert numbers == list(range(len(numbers)))
    assert [len(trial.values) for trial in tune(config, trials=2, quiet=True).trials] == [5, 5]


def test_a_shared_file_is_a_database_that_other_programs_read(config):
    tune(config, trials=2, quiet=True, storage="named.db")
    database = optuna_library().load_study(study_name="c", storage="sqlite:///named.db")
    assert [len(trial.intermediate_values) for trial in database.trials] == [5, 5]
    with sqlite3.connect("named.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() != ("wal",)


def test_a_search_whose_folder_has_a_database_goes_on_in_it(config):
    Path("old").mkdir()
    before = tune(config, trials=2, quiet=True, storage="old/study.db")
    study = tune(config, trials=3, quiet=True, out="old")
    assert study.trials[:2] == before.trials and study.finished == 3
    assert len(optuna_library().load_study(study_name="c", storage="sqlite:///old/study.db").trials) == 3


def test_a_search_that_prunes_nothing_does_not_ask_for_it(config, monkeypatch):
    asked = []
    monkeypatch.setattr(optuna_library().Trial, "should_prune", lambda self: asked.append(1) and False)
    tune(config, trials=1, quiet=True)
    assert not asked
    rewritten(config, ("pruner: none", "pruner: median"))
    tune(config, trials=1, quiet=True, out="other")
    assert len(asked) == 5
