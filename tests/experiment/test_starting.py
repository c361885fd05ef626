"""`nnlite init` and `nnlite data`: from a raw file to a trained model without an edit."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from shipped_configs import photos

from nnlite.cli import main
from nnlite.documents import Document
from nnlite.experiment import Experiment, Run
from nnlite.experiment.starting import look_at, templates

ROWS = 240
QUICK = ["--quiet", "--set", "fit.epochs=2"]


def written(value, decimal):
    if value is None:
        return ""
    text = f"{value:.6g}".replace(".", decimal) if isinstance(value, float) else str(value)
    return f'"{text}"' if "," in text or ";" in text else text


def write_table(path, columns, delimiter=",", decimal="."):
    rows = zip(*columns.values(), strict=True)
    lines = [delimiter.join(columns), *(delimiter.join(written(cell, decimal) for cell in row) for row in rows)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def passengers(random):
    """Mixed types with gaps, names, a constant, and the answer in disguise."""
    sex, age = random.choice(["male", "female"], ROWS), random.uniform(1, 80, ROWS)
    lived = (sex == "female") & (random.random(ROWS) < 0.9)
    return {
        "PassengerId": range(1, ROWS + 1),
        "Survived": lived.astype(int),
        "Name": [f"Smith {row}, Mr. John, of row {row}" for row in range(ROWS)],
        "Sex": sex,
        "Age": [None if row % 5 == 0 else float(years) for row, years in enumerate(age)],
        "Cabin": [f"C{row % 24}" if row % 4 else None for row in range(ROWS)],
        "Embarked": [None if row == 3 else "SCQ"[row % 3] for row in range(ROWS)],
        "Alive": np.where(lived, "yes", "no"),
        "Ship": ["Titanic"] * ROWS,
    }


def wide(random):
    """40 columns of categories and 33 of numbers."""
    names = {f"cat {place}": [f"v{code}" for code in random.integers(0, 3 + place, ROWS)] for place in range(40)}
    return {**names, **{f"num{place}": random.normal(size=ROWS) for place in range(33)}, "result": list("ab") * 120}


def flats(random):
    """Dates of two spellings, and a skewed target."""
    return {
        "sold": np.datetime64("2019-01-01") + random.integers(0, 900, ROWS),
        "built": [f"{row % 28 + 1:02d}.{row % 12 + 1:02d}.{1950 + row % 70}" for row in range(ROWS)],
        "area": random.uniform(20, 200, ROWS),
        "state": random.choice(["poor", "fair", "good"], ROWS),
        "price": np.exp(12 + random.normal(size=ROWS)),
    }


def frauds(random):
    """6 % positives."""
    amounts = np.exp(random.normal(size=ROWS))
    rare = np.argsort(amounts) >= ROWS * 0.94
    return {
        "amount": amounts,
        "hour": random.integers(0, 24, ROWS),
        "abroad": list("YN") * 120,
        "fraud": rare.astype(int),
    }


def forests(random):
    """Integers as classes, and as codes."""
    cover = random.integers(1, 8, ROWS)
    elevation = 100.0 * cover + random.normal(0, 30, ROWS)
    return {"elevation": elevation, "zone_code": random.integers(1, 5, ROWS), "cover": cover}


def films(random):
    """Several labels a row."""
    x = random.normal(size=(ROWS, 2))
    labels = {
        name: (x @ weights > 0).astype(int) for name, weights in zip("abc", random.normal(size=(3, 2)), strict=True)
    }
    return {"u": x[:, 0], "v": x[:, 1], **labels}


TABLES = {  # table, target, words of the profile, words of the config
    "passengers": (passengers, "Survived", ["binary", "leaking: another spelling"], ["Alive: drop", "Cabin: embed"]),
    "wide": (wide, "result", ["33 number", "40 category", "more columns"], ["cat 39: embed", "CategoryEmbedding"]),
    "frauds": (frauds, "fraud", ["binary", "imbalanced"], ["stratify: true", "BinaryCrossentropy"]),
    "forests": (forests, "cover", ["multiclass (7 different integers)"], ["units: 7", "Sparse"]),
    "flats": (flats, "price", ["regression", "its logarithm is learned", "date"], ["target_transform: log", "mse"]),
    "films": (films, "a,b,c", ["multilabel"], ["units: 3", "BinaryCrossentropy", "target: [a, b, c]"]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", TABLES)
def test_from_a_raw_table_to_a_report_without_an_edit(name, capsys):
    make, target, of_profile, of_config = TABLES[name]
    write_table(f"{name}.csv", make(np.random.default_rng(0)))
    assert main(["init", f"{name}.csv", "--target", target]) == 0
    shown = capsys.readouterr().out
    assert [words for words in of_profile if words not in shown] == []
    assert len(shown.splitlines()) <= 40 + 3
    assert max(map(len, shown.splitlines())) <= 120
    config = Path(f"{name}.yaml").read_text()
    assert [words for words in of_config if words not in config] == []
    assert len(config.splitlines()) <= 60
    assert max(map(len, config.splitlines())) <= 120
    assert main(["train", f"{name}.yaml", *QUICK]) == 0
    run = f"runs/{name}-1"
    capsys.readouterr()
    assert main(["evaluate", run]) == 0
    assert json.loads(capsys.readouterr().out) == Run(run).metrics
    assert main(["predict", run, f"{name}.csv", "-o", "predictions.csv"]) == 0
    assert len(Path("predictions.csv").read_text().splitlines()) == 1 + ROWS
    assert main(["report", run]) == 0
    assert target.split(",")[0] in Path(run, "report.html").read_text()


def test_semicolons_and_decimal_commas(capsys):
    write_table("wide.csv", wide(np.random.default_rng(0)), ";", ",")
    assert main(["init", "wide.csv", "--target", "result"]) == 0
    assert "33 number" in capsys.readouterr().out
    assert main(["train", "wide.yaml", *QUICK]) == 0


def test_the_layers_are_told_where_the_columns_stand():
    write_table("passengers.csv", passengers(np.random.default_rng(0)))
    assert main(["init", "passengers.csv", "--target", "Survived"]) == 0
    model, data = Experiment.from_file("passengers.yaml").prepare()
    scaling, embedding, *_ = model.layers
    inputs = data.preprocessing.inputs
    assert scaling.columns == inputs.amounts
    assert embedding.sizes == inputs.code_sizes
    assert [inputs.columns[0].name, inputs.columns[0].outputs] == ["Name", [f"Name#{place}" for place in range(128)]]
    names = {place: name for name, places in inputs.places().items() for place in places}
    assert [names[place] for place in scaling.columns] == ["Age"]
    assert [names[place] for place in embedding.sizes] == ["Cabin"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[{RobustScaling: {columns: [agee]}}]", "names a column 'agee'; did you mean 'age'?"),
        ("[{Dense: {units: 2}}, {RobustScaling: {columns: [age]}}]", "comes after layer 'dense'"),
        ("[CategoryEmbedding]", "the data have no column of codes"),
        ("[{ColumnBranch: {columns: {age: [{RobustScaling: {columns: [age]}}]}}}]", "names columns inside"),
    ],
)
def test_names_that_cannot_be_told(layers, message, capsys):
    write_table("t.csv", {"age": np.arange(40) % 11 + 0.5, "y": np.arange(40) % 3 + 0.25})
    text = f"data: {{source: {{Csv: {{path: t.csv, target: y}}}}}}\nmodel: {layers}\ncompile: {{loss: mse}}\n"
    Path("c.yaml").write_text(text)
    assert main(["train", "c.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nnlite: error: c.yaml, line 2, column ")
    assert message in error


def test_names_are_layers_of_configs_alone():
    from nnlite import Sequential
    from nnlite.errors import ConfigError
    from nnlite.layers import CategoryEmbedding, Input, PeriodicEmbedding, RobustScaling

    for layer in (RobustScaling(columns="numbers"), PeriodicEmbedding(columns=["age"]), CategoryEmbedding()):
        with pytest.raises(ConfigError, match=r"by name|needs sizes"):
            Sequential([Input((3,)), layer])


def test_texts_alone_are_learnt_as_words():
    words = np.random.default_rng(0).choice(["fine", "bad", "slow", "quick", "red"], (ROWS, 6))
    labels = np.where((words == "fine").any(axis=1), "good", "poor")
    write_table("t.csv", {"review": [" ".join(row) + f" {n}" for n, row in enumerate(words)], "label": labels})
    assert main(["init", "t.csv", "--target", "label"]) == 0
    assert "text: review" in Path("t.yaml").read_text()
    assert main(["train", "t.yaml", *QUICK]) == 0


@pytest.mark.parametrize(
    ("task", "words"), [("regression", "loss: mse"), ("multiclass", "units: 3"), ("binary", None), ("multilabel", None)]
)
def test_a_task_can_be_forced(task, words, capsys):
    write_table("t.csv", {"x": np.random.default_rng(0).normal(size=60), "y": np.arange(60) % 3})
    assert main(["init", "t.csv", "--target", "y", "--task", task]) == (0 if words else 3)
    if words:
        assert words in Path("t.yaml").read_text()
    else:
        assert "t.csv: target 'y'" in capsys.readouterr().err


@pytest.mark.parametrize("template", sorted(templates()))
def test_every_template_trains_and_is_reported(template):
    assert main(["init", template, "-o", "start.yaml"]) == 0
    smaller = {"text": ["data.source.Agreement.rows=120"], "series": ["data.source.SeasonalSeries.rows=100"]}
    assert main(["train", "start.yaml", *QUICK, *smaller.get(template, [])]) == 0
    assert main(["report", "runs/start-1"]) == 0
    assert len(Path("start.yaml").read_text().splitlines()) <= 60


def own_data(template):
    """Writes the file that a template names as the data of its reader."""
    random, half = np.random.default_rng(0), np.arange(60) % 2
    if template == "table":
        write_table("my_table.csv", {"a": random.normal(size=60), "b": random.normal(size=60), "y": half})
    elif template == "text":
        write_table("my_texts.csv", {"review": [f"word{n % 7} word{n % 5}" for n in range(60)], "label": half})
    elif template == "images":
        np.savez("my_images.npz", x=random.uniform(size=(200, 8, 8, 1)), y=np.arange(200) % 10)
    else:
        np.savez("my_windows.npz", x=random.normal(size=(60, 60, 1)), y=random.normal(size=(60, 12)))


@pytest.mark.parametrize("template", ["images", "series", "table", "text"])
def test_the_source_that_a_template_has_for_other_data_is_right(template):
    assert main(["init", template, "-o", "start.yaml"]) == 0
    lines = Path("start.yaml").read_text().splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("  # source: ")]
    lines[place : place + 2] = [lines[place].replace("# source", "source").partition("   #")[0]]
    Path("start.yaml").write_text("\n".join(lines) + "\n")
    own_data(template)
    assert main(["train", "start.yaml", *QUICK]) == 0


def test_a_folder_is_no_table(capsys):
    Path("photos").mkdir()
    assert main(["data", "photos"]) == 3
    assert "a folder, not a table; for images in one folder per class, `nnlite init photos`" in capsys.readouterr().err
    assert main(["init", "photos"]) == 3
    assert "no folders in 'photos'; put the files of each class" in capsys.readouterr().err


def test_the_config_of_a_folder_of_images_trains(capsys):
    photos(Path(), np.random.default_rng(0))
    assert main(["init", "photos", "--target", "animal"]) == 2
    assert "a folder has no columns, leave out --target" in capsys.readouterr().err
    assert main(["init", "photos"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("photos: 24 images in 2 folders (cat: 12, dog: 12); the median size is 12 x 14\n")
    assert main(["train", "photos.yaml", "--quiet", "--out", "run", "--set", "fit.epochs=40"]) == 0
    assert Run("run").metrics["test"]["accuracy"] == 1.0


def test_templates_are_listed(capsys):
    assert main(["init", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(templates())
    assert {"table", "images", "text", "series", "graph"} <= set(templates())


def test_files_are_not_overwritten_unless_forced(capsys):
    write_table("t.csv", {"x": np.random.default_rng(0).normal(size=40), "y": np.arange(40) % 2})
    Path("t.yaml").write_text("mine")
    assert main(["init", "t.csv", "--target", "y"]) == 2
    assert "t.yaml: already exists; choose another name by -o, or replace it by --force" in capsys.readouterr().err
    assert Path("t.yaml").read_text() == "mine"
    assert main(["init", "t.csv", "--target", "y", "--force"]) == 0
    assert Document("t.yaml").values["seed"] == 0


def test_the_table_is_found_from_the_folder_of_the_config():
    Path("configs").mkdir()
    write_table("t.csv", {"x": np.random.default_rng(0).normal(size=40), "y": np.arange(40) % 2})
    assert main(["init", "t.csv", "--target", "y", "-o", "configs/c.yaml"]) == 0
    assert Document("configs/c.yaml").values["data"]["source"]["Csv"]["path"] == str(Path("..", "t.csv"))
    assert main(["train", "configs/c.yaml", *QUICK]) == 0


def test_odd_names_are_quoted():
    odd = {"a: b": np.arange(40) % 3 + 0.5, "yes": list("uv") * 20, "#, [x]": ["k"] * 40, "Größe": np.arange(40) % 7}
    write_table("t.csv", {**{name.replace(",", " "): cells for name, cells in odd.items()}, "true": list("pq") * 20})
    assert main(["init", "t.csv", "--target", "true"]) == 0
    source = Document("t.yaml").values["data"]["source"]["Csv"]
    assert source["target"] == "true"
    assert source["columns"] == {"yes": "drop", "#  [x]": "drop"}
    assert main(["train", "t.yaml", *QUICK]) == 0


def test_data_shows_the_profile_alone(capsys):
    write_table("t.csv", passengers(np.random.default_rng(0)))
    assert main(["data", "t.csv"]) == 0
    assert "t.csv: 240 rows, 9 columns" in capsys.readouterr().out
    assert main(["data", "t.csv", "--target", "Survived", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["task"]["kind"] == "binary"
    assert [column["kind"] for column in values["columns"] if column["name"] == "Alive"] == ["leaking"]
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_labels_in_one_cell_are_learnt_as_such():
    random = np.random.default_rng(0)
    x = {name: random.normal(size=ROWS) for name in ("war", "love", "wit")}
    genres = ["|".join(name for name, values in x.items() if values[row] > 0) for row in range(ROWS)]
    write_table("t.csv", {**x, "genre": genres})
    assert main(["init", "t.csv", "--target", "genre"]) == 0
    values = Document("t.yaml").values
    assert values["data"]["target_separator"] == "|" and values["model"][-1]["Dense"]["units"] == 3
    assert main(["train", "t.yaml", *QUICK, "--out", "run"]) == 0
    assert Run("run").metrics["test"]["roc_auc"] > 0.8
    assert main(["evaluate", "run", "t.csv"]) == 0


def test_the_config_is_written_though_nobody_reads_the_profile(monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    write_table("t.csv", {"x": np.random.default_rng(0).normal(size=40), "y": np.arange(40) % 2})
    with monkeypatch.context() as patch, contextlib.suppress(BrokenPipeError):
        patch.setattr("sys.stdout", Closed())
        main(["init", "t.csv", "--target", "y"])
    assert Document("t.yaml").values["seed"] == 0


UNUSABLE = {
    "amounts as texts": (["init", "t.csv", "--target", "paid"], 3, "such as '$1,000': take the currency away"),
    "no target": (["init", "t.csv"], 2, "which column is to be predicted? Likely: --target price (regression)"),
    "no file": (["init", "no.csv", "--target", "y"], 3, "no.csv: No such file"),
    "no template": (["init", "tabel"], 2, "no template and no file 'tabel'; did you mean 'table'?"),
    "nothing": (["init"], 2, "nothing to start from"),
    "another column": (["init", "t.csv", "--target", "pric"], 3, "no column 'pric'; did you mean 'price'?"),
    "no folder": (["init", "t.csv", "--target", "price", "-o", "no/c.yaml"], 2, "the folder no does not exist"),
    "names as target": (["init", "t.csv", "--target", "name"], 3, "40 different texts in 40 rows"),
    "few rows": (["init", "few.csv", "--target", "y"], 3, "few.csv: 3 rows are too few"),
    "no inputs": (["init", "alone.csv", "--target", "y"], 3, "no column is left to predict 'y' from: same (constant"),
    "a folder": (["data", "folder.csv"], 3, "folder.csv"),
    "binary": (["data", "b.csv"], 3, "b.csv"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_gets_one_error(case, capsys):
    arguments, code, message = UNUSABLE[case]
    price = np.round(np.random.default_rng(0).normal(size=40), 3)
    names = [f"n{row}" for row in range(40)]
    paid = [f"{'$€'[row % 2]}{row + 1},000" for row in range(40)]
    write_table("t.csv", {"price": price, "x": price[::-1], "gaps": ["", 1] * 20, "name": names, "paid": paid})
    write_table("few.csv", {"x": [1.5, 2.5, 3.5], "y": [1, 0, 1]})
    write_table("alone.csv", {"same": [1] * 40, "y": [0, 1] * 20})
    Path("b.csv").write_bytes(bytes(range(256)))
    Path("folder.csv").mkdir()
    before = sorted(path.name for path in Path().iterdir())
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("nnlite: error: ")
    assert len(captured.err.splitlines()) == 1
    assert message in captured.err
    assert sorted(path.name for path in Path().iterdir()) == before


def test_other_makes_of_tables(capsys):
    rows = [
        {"x": float(x), "place": "abc"[n % 3], "y": n % 2} for n, x in enumerate(np.random.default_rng(0).random(60))
    ]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["init", "t.jsonl", "--target", "y"]) == 0
    assert "t.jsonl: 60 rows, 3 columns" in capsys.readouterr().out
    assert list(Document("t.yaml").values["data"]["source"]) == ["JsonLines"]
    assert main(["train", "t.yaml", *QUICK]) == 0


def test_a_target_whose_name_has_a_comma(tmp_path):
    path = tmp_path / "flats.csv"
    path.write_text('size,"rent, monthly",deposit\n' + "".join(f"{i},{i * 20},{i * 60}\n" for i in range(40)))
    assert look_at(str(path), "rent, monthly").targets == ["rent, monthly"]
    assert look_at(str(path), "deposit , size").targets == ["deposit", "size"]


def test_few_rows_are_measured_by_folds(capsys):
    for rows, told in ((24, True), (200, False)):
        lines = [f"{row % 5},{row * 7 % 11},{'ab'[row % 2]}" for row in range(rows)]
        Path(f"t{rows}.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
        assert main(["init", f"t{rows}.csv", "--target", "y"]) == 0
        assert (f"nnlite train t{rows}.yaml --folds 5" in capsys.readouterr().out) == told
    assert main(["train", "t24.yaml", "--folds", "5", "--quiet", "--set", "fit.epochs=1"]) == 0


def test_figures_of_rows_that_were_learned_from_are_called_so(capsys):
    lines = [f"{row % 5},{row * 7 % 11},{row % 3}" for row in range(200)]
    Path("t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    Path("new.csv").write_text("\n".join(["a,b,y", *lines[:150]]) + "\n")
    Path("copy.csv").write_bytes(Path("t.csv").read_bytes())
    assert main(["init", "t.csv", "--target", "y"]) == 0
    assert main(["train", "t.yaml", "--quiet", "--set", "fit.epochs=1", "--out", "run"]) == 0
    for path, told in (("t.csv", True), ("copy.csv", True), ("new.csv", False)):
        capsys.readouterr()
        assert main(["evaluate", "run", path]) == 0
        assert ("the model has learned from" in capsys.readouterr().err) == told
    Path("t.csv").unlink()
    assert main(["evaluate", "run", "copy.csv"]) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_rows_without_a_target_are_left_out_and_counted(stream, capsys):
    lines = [f"{row % 5},{row * 7 % 11},{'' if row % 10 == 3 else row % 13 * 1.5}" for row in range(200)]
    Path("t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    assert main(["init", "t.csv", "--target", "y"]) == 0
    told = capsys.readouterr().out
    assert "t.csv: 180 rows" in told and "no value in 20 rows more, which are left out" in told
    config = Path("t.yaml").read_text()
    assert "missing_target: drop              # 20 rows have none" in config
    change = ["--set", "fit.epochs=1", f"data.source.Csv.stream={str(stream).lower()}"]
    assert main(["train", "t.yaml", "--out", "run", *change]) == 0
    assert "20 of 200 rows have no 'y', and are left out" in capsys.readouterr().err or stream
    data = Run("run").experiment.prepare()[1]
    assert sum(len(y) for _, y in data.parts.values()) == 180
    assert main(["evaluate", "run", "t.csv"]) == 0 and main(["predict", "run", "t.csv", "-o", "out.csv"]) == 0
    assert len(Path("out.csv").read_text().splitlines()) == 201
    assert main(["train", "t.yaml", *change, "data.source.Csv.missing_target=error"]) == 3
    assert "leave them out by `missing_target: drop`" in capsys.readouterr().err
