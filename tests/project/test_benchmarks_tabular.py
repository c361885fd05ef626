"""Default models on real tables: ranks, ratios, resumption, and one fit from end to end."""

import json
import math
import sys

import numpy as np
import pytest

from benchmarks import __main__, estimators
from benchmarks.tabular import commands, scores, sets, worker
from benchmarks.tabular.peers import PEERS, AsCategories, GapsFilled, GapsNamed, Task
from benchmarks.tabular.report import markdown
from benchmarks.tabular.run import Workers, append, read, to_do
from benchmarks.tabular.sets import TABLES


def fit(table, peer, split=0, **found):
    return {"table": table, "peer": peer, "split": split, "cpu": 1.0, "mib": 2.0, "version": "9.8"} | found


FITS = [
    fit("vehicle", "catboost", 0, logloss=0.4, error=0.2, auc=0.9),
    fit("vehicle", "catboost", 1, logloss=0.6, error=0.2, auc=0.9),
    fit("vehicle", "nnlite", 0, logloss=0.2, error=0.1, auc=0.95, cpu=3.0, mib=5.0),
    fit("vehicle", "nnlite", 1, logloss=0.3, error=0.3, auc=0.99),
    fit("diabetes", "catboost", 0, rmse=0.5),
    fit("diabetes", "nnlite", 0, rmse=0.51),
]


def test_ranks_are_places_and_equal_ones_share_theirs():
    found = scores.ranks({"a": {0: 1.0, 1: 3.0}, "b": {0: 2.0, 1: 2.0}, "c": {0: 5.0, 1: 5.0}, "d": {0: 0.0, 1: 1.0}})
    assert found == {"a": 2.5, "b": 2.5, "c": 4.0, "d": 1.0}


def test_two_are_compared_over_the_splits_that_both_were_given():
    # The slow one saw only the hard split, where it is better: over all its splits the quick one would win.
    found = scores.ranks({"quick": {0: 0.1, 1: 0.9}, "slow": {1: 0.8}})
    assert found == {"quick": 2.0, "slow": 1.0}
    assert scores.ranks({"a": {0: 1.0}, "b": {1: 2.0}}) == {"a": 1.0, "b": 1.0}
    assert scores.paired_means({0: 1.0, 1: 3.0}, {1: 4.0, 2: 9.0}) == (3.0, 4.0)
    assert scores.paired_means({0: 1.0}, {1: 4.0}) is None


def test_a_failed_fit_is_infinitely_bad():
    losses = scores.values([*FITS[:4], fit("vehicle", "xgboost", 0, failed="no")], scores.loss)
    assert scores.ranks(losses["vehicle"]) == {"catboost": 2.0, "nnlite": 1.0, "xgboost": 3.0}
    assert scores.ratios(losses, "xgboost", "catboost") == {"vehicle": math.inf}
    assert scores.ratios(losses, "catboost", "xgboost") == {}


def test_means_over_tables():
    losses = scores.values(FITS, scores.loss)
    assert scores.mean_ranks(losses) == {"catboost": 1.5, "nnlite": 1.5}
    assert scores.mean_ranks(scores.values(FITS, scores.missing_area)) == {"nnlite": 1.5, "catboost": 1.5}
    found = scores.ratios(losses, "nnlite", "catboost")
    assert found == pytest.approx({"vehicle": 0.5, "diabetes": 1.02})
    assert scores.geometric_mean(found.values()) == pytest.approx(math.sqrt(0.51))
    assert math.isnan(scores.geometric_mean([])) and scores.geometric_mean([1.0, math.inf]) == math.inf
    assert scores.within([0.5, 1.03, 1.031, math.inf], 0.03) == 2
    assert scores.mean_over_tables(FITS, "cpu") == {"catboost": 1.0, "nnlite": 1.5}  # (3 + 1) / 2, and 1
    assert scores.mean_over_tables(FITS, "error")["nnlite"] == pytest.approx(0.2)
    assert scores.largest(FITS, "mib") == {"catboost": 2.0, "nnlite": 5.0}


def test_the_report_has_a_row_per_model_and_says_what_failed():
    machine = {"date": "2026-01-02", "machine": {"processor": "p", "cores": 2}}
    text = markdown([machine, *FITS, fit("diabetes", "linear", 0, failed="ValueError: no")])
    assert text.startswith("2026-01-02; p, 2 cores; one thread. 2 tables, 2 splits, 7 fits. catboost 9.8, ")
    own = "| nnlite | 1.50 | 1.75 | 1.50 | 0.71 | 0.50 | 1.02 | 2 of 2 | 1.02 diabetes | 20.0 % | 0.970 | 1.5 | 5 |"
    assert f"{own} 2; 1 to 2 |" in text
    assert "| diabetes | **0.500** | 0.510 | failed |" in text and "| vehicle | 0.500 | **0.250** | - |" in text
    assert "- linear: ValueError: no (diabetes 0)" in text
    assert "| catboost" not in text and "loss / nnlite: all" in markdown(FITS, "nnlite")
    assert markdown([machine]) == "No fits yet.\n"


def test_runs_that_are_there_are_left_out():
    records = [{"date": "d"}, fit("vehicle", "linear"), fit("diabetes", "linear", failed="no")]
    wanted = to_do(["vehicle", "diabetes"], ["linear", "nnlite"], 2, records)
    assert wanted[:2] == [("vehicle", "nnlite", 0), ("diabetes", "nnlite", 0)]
    assert len(wanted) == 6 and {split for *_, split in wanted[2:]} == {1}
    assert ("diabetes", "linear", 0) in to_do(["vehicle", "diabetes"], ["linear"], 1, records, retry=True)


def test_a_file_of_records_survives_a_killed_run(tmp_path, capsys):
    path = tmp_path / "found.jsonl"
    assert read(path) == []
    append(path, {"date": "d"})
    append(path, fit("vehicle", "linear", failed="no"))
    with path.open("a") as out:
        out.write('{"table": "veh')
    append(path, fit("vehicle", "linear", logloss=0.5))
    found = read(path)
    assert found == [{"date": "d"}, fit("vehicle", "linear", logloss=0.5)]  # the later one of two
    assert "line 3 is no record" in capsys.readouterr().err


def frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {"n": [1.0, None, 3.0], "flag": [True, False, True], "text": ["b", None, "a"]}, index=[4, 5, 6]
    )


def test_tables_in_the_form_of_each_library():
    X = frame()
    task = Task.of("classes", X, 0)
    assert (task.texts, task.numbers, task.classes) == (["flag", "text"], ["n"], True)
    categories = AsCategories(task, None)
    categories.learn(X[:2])
    form = categories.form(X)
    assert list(form["text"].cat.categories) == ["b"] and form["text"].isna().tolist() == [False, True, True]
    assert GapsNamed(task, None).form(X)["text"].tolist() == ["b", "missing", "a"]
    filled = GapsFilled(task, None)
    filled.learn(X)
    form = filled.form(X)
    assert form["n"].tolist() == [1.0, 2.0, 3.0] and form["text"].tolist() == ["b", "missing", "a"]
    assert X["n"].isna().sum() == 1 and list(form) == list(X)


def test_a_table_is_drawn_and_split_the_same_way_every_time():
    pandas = pytest.importorskip("pandas")
    data = pandas.DataFrame({"x": range(40), "y": ["no", "yes", "no", None] * 10})
    table = sets.Table("t", "classes", "pandas", lambda: (data, "y"), rows=20)
    X, y = table.load()
    assert len(X) == 20 and list(X) == ["x"] and list(X.index) == list(range(20)) and set(y) == {0, 1}
    first, second = table.split(1), table.split(1)
    assert first[0].equals(second[0]) and not first[0].equals(table.split(2)[0])
    assert [len(part) for part in first] == [16, 4, 16, 4]


def test_scores():
    shares = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9], [1.0, 0.0]])
    found = worker.class_scores(shares, np.array([0, 1, 1, 0]), np.array([0, 1]))
    assert found["logloss"] == pytest.approx(-np.log([0.8, 0.5, 0.9, 1.0]).mean(), abs=1e-6)
    assert found["error"] == 0.25 and found["auc"] == 1.0
    assert worker.number_scores(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]), np.array([0.0, 4.0])) == {
        "rmse": pytest.approx(math.sqrt(2) / 2)
    }
    with pytest.raises(ValueError, match="1 predictions are not finite"):
        worker.number_scores(np.array([1.0, np.nan]), np.zeros(2), np.array([0.0, 1.0]))


def test_a_run_from_end_to_end(tmp_path, capsys, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.delenv(sets.HOUSING, raising=False)
    page, out = tmp_path / "page.md", tmp_path / "found.jsonl"
    page.write_text("<!-- begin tabular -->\nold\n<!-- end tabular -->\n")
    monkeypatch.setattr(commands, "DOCUMENT", page)
    command = ["tabular", "run", "--sets", "diabetes,housing", "--peers", "linear", "--splits", "1", "--out", str(out)]
    __main__.main(command)
    shown = capsys.readouterr()
    assert "left out: housing: it is a download" in shown.err and shown.out.startswith("1/1 diabetes linear split 0: ")
    about, record = map(json.loads, out.read_text().splitlines())
    assert about["machine"]["cores"] >= 1 and 0.6 < record["rmse"] < 0.9 and record["rows"] == 353
    __main__.main(command)  # nothing is left to do
    assert len(out.read_text().splitlines()) == 2
    __main__.main(["tabular", "report", str(out), "--docs"])
    assert "| linear | 1.00 |" in page.read_text() and "old" not in page.read_text()


def test_an_absent_peer_and_a_fit_that_takes_too_long(monkeypatch):
    pytest.importorskip("pandas")
    workers = Workers(sys.executable, None)
    monkeypatch.setitem(worker.PEERS, "catboost", PEERS["catboost"].__class__("C", "no_such_module", "c", print))
    assert worker.present("diabetes", "linear,catboost")["peers"] == {"catboost": "No module named 'no_such_module'"}
    assert "within 0 processor seconds" in workers.ask("fit", "digits", "mlp", 0, 0)["failed"]


def test_every_table_and_peer_has_a_place():
    assert len(TABLES) == 10 and {table.task for table in TABLES.values()} == {"classes", "numbers"}
    assert list(TABLES) == [table.name for table in TABLES.values()]
    assert len({peer.title for peer in PEERS.values()}) == len(PEERS) == 10


def test_contestants_take_turns(monkeypatch):
    order = []
    costs = {"a": 1.0, "b": 2.0, "c": 4.0}
    monkeypatch.setattr(estimators.time, "perf_counter", lambda: sum(costs[name] for name in order))
    found = estimators.take_turns({name: lambda name=name: order.append(name) for name in "abc"}, 2, calls=2)
    assert "".join(order) == "aabbcc" + "bbccaa" + "ccaabb"
    assert found == {"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [4.0, 4.0]}  # per call, without the first round


def test_the_tables_of_the_estimators():
    seconds = {name: [2.0, 4.0] for name in (estimators.PEER, *estimators.OWN, estimators.BARE)}
    seconds[estimators.OWN[0]] = [0.5, 1.0]
    losses = dict.fromkeys(seconds, 0.25)
    result = {"case": "c", "fits": seconds, "losses": losses, "predictions": seconds}
    about = {"date": "d", "machine": {"processor": "p", "cores": 1, "load": None}, "threads": 1, "rounds": 2}
    text = estimators.markdown({**about, "dtype": "float64", "kernels": "NumPy", "results": [result]})
    assert "float64; kernels by NumPy; " in text
    assert "| 750.0 (375.0 to 1,125.0) [0.250] |" in text and "| 4.00 | 1.00 |" in text and "| -2250000 | 0 |" in text


def test_bare_products_are_what_the_fitted_network_computes():
    from sklearn.neural_network import MLPClassifier

    X, y = estimators.CASES["iris"].data("float64")
    model = MLPClassifier((5,), max_iter=3, random_state=0)
    with pytest.warns(UserWarning):
        model.fit(X, y)
    outputs = np.exp(estimators.bare(model)(X[:3]))
    assert np.allclose(outputs / outputs.sum(axis=1, keepdims=True), model.predict_proba(X[:3]))
    assert np.allclose(X.mean(axis=0), 0) and np.allclose(X.std(axis=0), 1)
