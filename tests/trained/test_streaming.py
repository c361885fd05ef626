"""Predictions of files: in chunks as without, with what was kept, and nothing partial left behind."""

import csv
import io
import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from trained.tables import ROWS, rows, write

import nnlite
from nnlite.cli import main
from nnlite.data import Table
from nnlite.data.storage import text
from nnlite.data.storage.text import text_chunks
from nnlite.errors import UnknownCategoryWarning
from nnlite.trained.streaming import predicted_chunks


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_chunks_give_the_numbers_of_the_whole_file(classes_run, amount_run, folder):
    for run in (classes_run, amount_run):
        trained, whole = nnlite.load(run.folder), run.predict(str(folder / "table.csv"))
        chunks = list(predicted_chunks(trained, folder / "table.csv", rows=256))
        assert [len(next(iter(chunk.values()))) for chunk in chunks] == [256, ROWS - 256]
        for name, column in whole.items():
            assert np.array_equal(np.concatenate([chunk[name] for chunk in chunks]), column)


def test_tables_in_chunks_know_their_lines(folder):
    whole = Table.read(str(folder / "table.csv"))
    chunks = list(text_chunks(str(folder / "table.csv"), rows=100))
    assert [len(chunk) for chunk in chunks] == [100, 100, 60] and len(list(text_chunks(whole.path, rows=ROWS))) == 1
    assert [line for chunk in chunks for line in chunk.lines] == whole.lines
    assert {name: [cell for chunk in chunks for cell in chunk.columns[name]] for name in whole.columns} == whole.columns


def test_memory_does_not_grow_with_the_file(amount_run, tmp_path, table, monkeypatch):
    monkeypatch.setattr(text, "HEAD_BYTES", 2**14)
    monkeypatch.setattr(text, "PIECE_BYTES", 2**14)
    peaks = []
    for times in (8, 40):
        write(tmp_path / "long.csv", {name: cells * times for name, cells in table.items()})
        trained = nnlite.load(amount_run.folder)
        tracemalloc.start()
        for _ in predicted_chunks(trained, tmp_path / "long.csv", rows=256):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_keep_explain_and_intervals(classes_run, amount_run, folder, capsys, monkeypatch, table, tmp_path):
    monkeypatch.chdir(tmp_path)
    source = str(folder / "table.csv")
    arguments = ["predict", str(amount_run.folder), source, "-o", "out.csv", "--keep", "id,price", "--intervals", "0.8"]
    assert main([*arguments, "--explain", "2"]) == 0
    found = read("out.csv")
    assert capsys.readouterr() == ("", "") and len(found) == ROWS
    wanted = ["id", "price", "predicted_price", "price_low", "price_high", "explanation_1", "explanation_2"]
    assert list(found[0]) == wanted and found[7]["id"] == "r7" and float(found[7]["price"]) == table["price"][7]
    trained = nnlite.load(amount_run.folder)
    low, high = trained.predict_interval(source, 0.8)
    assert [float(row["price_low"]) for row in found] == low.tolist() and float(found[0]["price_high"]) == high[0]
    explanation = trained.explain(rows(table)[7])
    name, value = next(iter(explanation.contributions.items()))
    assert found[7]["explanation_1"].startswith(f"{name}=") and found[7]["explanation_1"].endswith(f" {value:+.4g}")
    assert main(["predict", str(classes_run.folder), source, "--no-proba"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "answer"
    assert main(["predict", str(classes_run.folder), source, "--explain"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("explanation_1,explanation_2,explanation_3")
    assert main(["predict", str(classes_run.folder / "model.safetensors"), source]) == 0  # a model file
    assert capsys.readouterr().out.splitlines()[0] == "answer,probability_no,probability_yes"


def test_the_standard_input(classes_run, folder, capsys, monkeypatch):
    source = folder / "table.csv"
    assert main(["predict", str(classes_run.folder), str(source)]) == 0
    expected = capsys.readouterr().out
    for command in ("predict", "evaluate"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
        assert main([command, str(classes_run.folder), "-"]) == 0
        out = capsys.readouterr().out
        if command == "predict":
            assert out == expected
    assert json.loads(out) == nnlite.load(classes_run.folder).evaluate(source)


def test_nothing_partial_is_left_behind(classes_run, tmp_path, table, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    longer = {name: cells * 20 for name, cells in table.items()}
    longer["age"][-1] = "old"
    write("late.csv", longer)
    Path("out.csv").write_text("what was there before\n")
    assert main(["predict", str(classes_run.folder), "late.csv", "-o", "out.csv"]) == 3
    assert f"line {len(longer['age']) + 1}, column 'age': text 'old'" in capsys.readouterr().err
    assert Path("out.csv").read_text() == "what was there before\n"
    assert sorted(path.name for path in Path().iterdir()) == ["late.csv", "out.csv"]


def test_a_device_is_written_and_not_replaced(classes_run, folder):
    assert main(["predict", str(classes_run.folder), str(folder / "table.csv"), "-o", "/dev/null"]) == 0
    assert Path("/dev/null").is_char_device()


def test_a_link_stays_a_link(classes_run, folder, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "there" / "out.csv")
    assert main(["predict", str(classes_run.folder), str(folder / "table.csv"), "-o", str(tmp_path / "link.csv")]) == 0
    assert (tmp_path / "link.csv").is_symlink() and len(read(tmp_path / "there" / "out.csv")) == ROWS


def test_unknown_categories_are_one_line_of_the_command_line(classes_run, table, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("new.csv", {name: cells * 20 for name, cells in {**table, "city": ["Wien", *table["city"][1:]]}.items()})
    line = "nnlite: warning: column 'city': 20 rows hold a category that the training data did not: 'Wien' (20)\n"
    for arguments in (
        ["predict", str(classes_run.folder), "new.csv", "-o", "o.csv"],
        ["evaluate", str(classes_run.folder), "new.csv"],
    ):
        assert main(arguments) == 0
        assert capsys.readouterr().err == line
        assert main([*arguments, "--on-unknown", "ignore"]) == 0
        assert capsys.readouterr().err == ""
        Path("o.csv").unlink(missing_ok=True)
        assert main([*arguments, "--on-unknown", "error"]) == 3
        assert "'Wien'" in capsys.readouterr().err and not Path("o.csv").exists()
    with pytest.warns(UnknownCategoryWarning, match="20 rows"):
        list(predicted_chunks(nnlite.load(classes_run.folder), "new.csv"))


def test_evaluate_prints_the_figures_of_another_file(classes_run, amounts_run, folder, table, tmp_path, capsys):
    for run in (classes_run, amounts_run):
        assert main(["evaluate", str(run.folder), str(folder / "table.csv")]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures == nnlite.load(run.folder).evaluate(table)
    assert figures["price_rmse"] == pytest.approx(
        np.sqrt(np.mean((nnlite.load(amounts_run.folder).predict(table)[:, 0] - table["price"]) ** 2)), rel=1e-5
    )
    model = str(classes_run.folder / "model.safetensors")
    assert main(["evaluate", model, str(folder / "table.csv")]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.7
    assert main(["evaluate", model]) == 2
    assert "a file, not a run folder, which alone knows its data" in capsys.readouterr().err
    write(tmp_path / "new.csv", {name: cells for name, cells in table.items() if name != "answer"})
    assert main(["evaluate", str(classes_run.folder), str(tmp_path / "new.csv")]) == 3
    assert "no column 'answer'" in capsys.readouterr().err
    write(tmp_path / "new.csv", {**table, "answer": ["maybe", *table["answer"][1:]]})
    assert main(["evaluate", str(classes_run.folder), str(tmp_path / "new.csv")]) == 3
    assert "unknown class 'maybe'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--keep", "idd"], 3, "no column 'idd' to keep; did you mean 'id'"),
        (["--intervals", "90"], 2, "above 0 and below 1"),
        (["--intervals", "0.999"], 3, "validation rows"),
        (["--explain", "-1"], 2, "--explain"),
        (["-o", "."], 3, "is a folder"),
        (["-o", "nowhere/out.csv"], 2, "the folder nowhere does not exist"),
    ],
)
def test_wrong_requests(amount_run, folder, tmp_path, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(amount_run.folder), str(folder / "table.csv"), *arguments]) == code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
