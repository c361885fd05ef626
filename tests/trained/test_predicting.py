"""`nnlite.load`: raw rows of every make go in, names and amounts come out, equal to the trainer's."""

import copy
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from trained.tables import CLASSIFY, ROWS, experiment, rows, write

import nnlite
from nnlite import Input, NNClassifier, NNRegressor, Sequential, load_model
from nnlite.data import Table
from nnlite.errors import ConfigError, DataError, ModelFileError, UnknownCategoryWarning
from nnlite.experiment import Experiment, Run, train
from nnlite.layers import Dense, Embedding, GlobalAveragePooling1D
from nnlite.saving import read, write as write_model
from nnlite.trained import TrainedModel


def trainers_outputs(run):
    """What the model gives for the file that it was trained on, by the encoders of the trainer."""
    x = run.preprocessing.inputs.encode(Table.read(str(run.folder.parent / "table.csv")))
    return run.model.predict(x, verbose=0)


def softmax(logits):
    from nnlite.ops import Softmax

    return Softmax().linearize(logits)[0]


def test_predictions_are_the_trainers_bit_for_bit(classes_run, binary_run, amount_run, amounts_run, folder, table):
    for run in (classes_run, binary_run, amount_run, amounts_run):
        trained, outputs = nnlite.load(run.folder), trainers_outputs(run)
        decoded = run.predict(str(folder / "table.csv"))
        for data in (str(folder / "table.csv"), folder / "table.csv", table, rows(table), pd.DataFrame(table)):
            predictions = trained.predict(data)
            if run in (amount_run, amounts_run):
                assert np.array_equal(predictions, np.squeeze(run.preprocessing.target.units(outputs)))
                continue
            probabilities = trained.predict_proba(data)
            if run is classes_run:
                assert np.array_equal(probabilities, softmax(outputs))
            assert probabilities.shape == (ROWS, 2) and probabilities.classes.tolist() == ["no", "yes"]
            assert predictions.tolist() == decoded["answer"]
            assert np.array_equal(probabilities[:, 1], decoded["probability_yes"])
            assert np.array_equal(predictions == "yes", probabilities[:, 1] > probabilities[:, 0])


def test_rows_of_every_make_are_read_alike(classes_run, table):
    trained = nnlite.load(classes_run.folder)
    inputs = {name: table[name] for name in trained.schema.names}
    whole, first = trained.predict_proba(table), {name: cells[0] for name, cells in table.items()}
    frame = pd.DataFrame(table)
    cells = [list(row) for row in zip(*inputs.values(), strict=True)]
    shuffled = frame[sorted(frame.columns, reverse=True)]
    for data in (frame, shuffled, pl.DataFrame(table), inputs, cells, np.array(cells, object)):
        assert np.array_equal(trained.predict_proba(data), whole)
    assert trained.predict(first).shape == (1,)
    for row in (first, frame.iloc[0]):
        np.testing.assert_allclose(trained.predict_proba(row), whole[:1], atol=1e-6)
    gaps = frame.assign(city=frame.city.replace("", None))
    assert np.array_equal(trained.predict_proba(gaps), whole)  # a gap is the category that gaps were in training
    assert trained.predict({name: [cell] for name, cell in first.items()}).shape == (1,)


def test_shapes_names_and_schema(classes_run, amount_run, amounts_run):
    classes, amount, amounts = (nnlite.load(run.folder) for run in (classes_run, amount_run, amounts_run))
    assert classes.classes.tolist() == ["no", "yes"] and amount.classes is None
    assert (classes.target_names, amounts.target_names) == (["answer"], ["price", "rent"])
    row = {"age": 40.0, "city": "Rome", "income": 1000.0}
    assert amount.predict(row).shape == (1,) and amounts.predict([row, row]).shape == (2, 2)
    kinds = {column.name: (column.kind, column.categories) for column in classes.schema.columns}
    assert kinds == {
        "age": ("number", None),
        "city": ("category", ("", "Bern", "Oslo", "Rome")),
        "income": ("number", None),
    }
    assert repr(classes) == "TrainedModel(age, city, income -> answer)"
    assert "(no value), Bern, Oslo, Rome" in repr(classes.schema) and "<td>city</td>" in classes._repr_html_()
    assert [own["name"] for own in classes.schema.to_dict()["columns"]] == ["age", "city", "income"]
    with pytest.raises(ConfigError, match="amounts"):
        amount.predict_proba(row)


def test_a_model_file_and_a_moved_run_are_enough(classes_run, folder, table, tmp_path):
    expected = nnlite.load(classes_run.folder).predict_proba(table)
    moved = tmp_path / "elsewhere"
    shutil.copytree(classes_run.folder, moved)
    (moved / "config.yaml").unlink()
    (moved / "preprocessing.json").unlink()
    assert np.array_equal(nnlite.load(moved).predict_proba(table), expected)
    assert np.array_equal(nnlite.load(moved / "model.safetensors").predict_proba(table), expected)
    header, _ = read(moved / "model.safetensors")
    assert str(folder) not in str(header)  # nothing but the name of the file that it was trained on
    with pytest.raises(DataError, match=r"no model\.safetensors"):
        nnlite.load(tmp_path)
    with pytest.raises(DataError, match="nowhere"):
        nnlite.load(tmp_path / "nowhere")


def test_the_delimiter_of_training_reads_later_files(folder, table, tmp_path):
    write(tmp_path / "table.csv", table, ";")
    run = train(experiment(tmp_path / "table.csv", "answer", CLASSIFY, 2, delimiter=";"), tmp_path / "run", quiet=True)
    trained = nnlite.load(run.folder)
    assert np.array_equal(trained.predict(tmp_path / "table.csv"), trained.predict(table))
    assert trained.evaluate(tmp_path / "table.csv") == trained.evaluate(table)


def test_copies_predict_alike(classes_run, table):
    trained = nnlite.load(classes_run.folder)
    expected, row = trained.predict_proba(table), rows(table)[0]
    one = trained.predict_proba(row)
    for other in (pickle.loads(pickle.dumps(trained)), copy.deepcopy(trained)):
        assert np.array_equal(other.predict_proba(table), expected) and np.array_equal(other.predict_proba(row), one)
        assert repr(other.schema) == repr(trained.schema) and other.typical == trained.typical
    again = pickle.loads(pickle.dumps(expected))
    assert again.classes.tolist() == ["no", "yes"] and again[:, :1].classes is None


def test_predict_prints_nothing(classes_run, table, capsys):
    nnlite.load(classes_run.folder).predict(table)
    assert capsys.readouterr() == ("", "")


def test_probabilities_without_the_arguments_of_compile(binary_run, table, tmp_path):
    binary_run.model.save(tmp_path / "bare.safetensors", include_optimizer=False)
    bare = nnlite.load(tmp_path / "bare.safetensors")
    assert not bare.model.compiled
    assert np.array_equal(bare.predict_proba(table), nnlite.load(binary_run.folder).predict_proba(table))
    assert set(bare.evaluate(table)) >= {"accuracy", "roc_auc"} and "loss" not in bare.evaluate(table)


def test_old_files_load_and_old_runs_predict(classes_run, table, tmp_path, folder):
    old = tmp_path / "old"
    shutil.copytree(classes_run.folder, old)
    (old / "manifest.json").unlink()  # as in folders that were written before there were any
    header, arrays = read(old / "model.safetensors")
    for key in ("target", "source", "typical", "link"):
        header.pop(key)
    write_model(old / "model.safetensors", header, arrays)
    expected = classes_run.predict(str(folder / "table.csv"))
    found = Run(old).predict(str(folder / "table.csv"))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    trained = nnlite.load(old)
    assert trained.target is None and trained.predict(table).shape == (ROWS, 2)  # outputs, of which it knows no names
    assert trained.explain(rows(table)[0]).contributions.keys() == {"age", "city", "income"}
    with pytest.raises(ConfigError, match=r"model\.target"):
        trained.evaluate(table)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("target", {"Classes": {"name": "answer", "labels": ["a", "b", "c"], "kind": "sparse"}}, "target: .*3 classes"),
        ("target", {"Clases": {}}, "target: unknown"),
        ("target", {"Classes": {"name": "answer"}}, "labels"),
        ("source", ["Csv"], "source"),
        ("typical", 3, "typical"),
        ("link", "Softmacs", "Softmacs"),
        ("intervals", {"count": 2, "ranks": [2, 1], "residuals": [[1.0, 2.0]] * 2}, "ranks"),
        ("intervals", {"count": 1, "ranks": [1], "residuals": [[1.0]]}, "intervals.*2 outputs"),
        ("encoder", {"Columns": {"columns": [{"Numeric": {"name": "age"}}]}}, "encoder"),
    ],
)
def test_fields_of_the_file_are_checked(classes_run, tmp_path, key, value, message):
    header, arrays = read(classes_run.folder / "model.safetensors")
    write_model(tmp_path / "m.safetensors", header | {key: value}, arrays)
    with pytest.raises(ModelFileError, match=message) as caught:
        nnlite.load(tmp_path / "m.safetensors")
    assert str(tmp_path / "m.safetensors") in str(caught.value)


def test_a_target_of_another_number_of_outputs_cannot_be_set():
    model = Sequential([Input((2,)), Dense(3)], seed=0)
    with pytest.raises(DataError, match="2 classes"):
        model.target = {"Classes": {"name": "y", "labels": ["a", "b"], "kind": "sparse"}}
    assert model.target is None


def test_arrays_and_models_without_a_target(tmp_path):
    model = Sequential([Input((3,)), Dense(2)], seed=0)
    model.save(tmp_path / "m.safetensors")
    trained = nnlite.load(tmp_path / "m.safetensors")
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert np.array_equal(trained.predict(x), model.predict(x, verbose=0))
    assert np.array_equal(trained.predict(x.tolist()), trained.predict(pd.DataFrame(x)))
    assert trained.predict(x[0]).shape == (1, 2) and repr(trained.schema) == "arrays of shape (rows, 3)"
    explanation = trained.explain(x[:1], "output_1")
    assert set(explanation.contributions) == {"x0", "x1", "x2"}
    with pytest.raises(DataError, match=r"\(3,\)"):
        trained.predict(x[:, :2])
    words = Sequential([Input((None,)), Embedding(9, 4), GlobalAveragePooling1D(), Dense(1)], seed=0)
    codes = np.array([[1, 2, 3, 4]])
    assert np.array_equal(TrainedModel(words).predict(codes), words.predict(codes, verbose=0))


def test_estimators_models_know_their_labels(table, tmp_path):
    frame = pd.DataFrame(table)[["age", "city", "income"]]
    classifier = NNClassifier(epochs=3, random_state=0).fit(frame, table["answer"])
    regressor = NNRegressor(epochs=3, random_state=0).fit(frame, frame.age * 2)
    for estimator in (classifier, regressor):
        estimator.model_.save(tmp_path / "m.safetensors")
        trained = nnlite.load(tmp_path / "m.safetensors")
        assert np.array_equal(trained.predict(frame), estimator.predict(frame))
        assert set(trained.explain(frame[:1]).contributions) == {"age", "city", "income"}
    trained = TrainedModel(classifier.model_)
    assert np.array_equal(trained.predict_proba(frame), classifier.predict_proba(frame))
    numbers = NNClassifier(epochs=2, random_state=0).fit(frame[["age"]].to_numpy(), np.arange(ROWS) % 3 * 5)
    assert TrainedModel(numbers.model_).classes.tolist() == [0, 5, 10]


def test_unknown_categories_are_counted_and_named(classes_run, table):
    trained = nnlite.load(classes_run.folder)
    strange = {**table, "city": ["Rom", "Wien", "Rom", *"abcdef", *table["city"][9:]]}
    with pytest.warns(UnknownCategoryWarning) as caught:
        trained.predict(strange)
    (warning,) = caught
    assert str(warning.message) == (
        "column 'city': 9 rows hold a category that the training data did not: "
        "'Rom' (2), 'Wien', 'a', 'b', 'c' and 3 more"
    )
    assert Path(warning.filename).name == "test_predicting.py"
    with pytest.raises(DataError, match="'Rom'"):
        trained.predict(strange, on_unknown="error")
    with pytest.warns(UnknownCategoryWarning, match="1 row holds"):
        trained.predict({"age": 1.0, "city": "Rom", "income": 2.0})
    with pytest.warns(UnknownCategoryWarning, match="9 rows"):
        trained.evaluate(strange)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.predict(table)
        trained.predict(strange, on_unknown="ignore")
        trained.explain({"age": 1.0, "city": "Rom", "income": 2.0})
    with pytest.raises(ConfigError, match="'warn', 'error' or 'ignore'"):
        trained.predict(table, on_unknown="raise")


def test_all_faults_of_the_columns_are_one_error(classes_run, table, tmp_path):
    trained = nnlite.load(classes_run.folder)
    with pytest.raises(DataError, match=r"no columns 'age', 'income'; the table has Age, city"):
        trained.predict({"Age": [1.0], "city": ["Rome"]})
    with pytest.raises(DataError, match=r"no column 'age'; did you mean 'Age'.*; column 'income', row 0: 'much'"):
        trained.predict({"Age": [1.0], "city": ["Rome"], "income": ["much"]})
    with pytest.raises(DataError, match="no column 'income'"):
        trained.predict({"age": 1.0, "city": "Rome"})
    with pytest.raises(DataError, match="each of the 3 columns"):
        trained.predict([[1.0, "Rome"]])
    write(tmp_path / "bad.csv", {"age": ["x"], "city": ["Rome"]})
    with pytest.raises(DataError) as caught:
        trained.predict(tmp_path / "bad.csv")
    text = str(caught.value)
    assert (
        text.startswith(f"{tmp_path / 'bad.csv'}") and "no column 'income'" in text and "line 2, column 'age'" in text
    )


SCRIPT = Path(__file__).with_name("numpy_alone_later.py")


def test_numpy_alone_predicts_evaluates_and_explains(classes_run, amount_run, folder, table, tmp_path):
    expected = {}
    for name, run in (("classes", classes_run), ("amount", amount_run)):
        trained = nnlite.load(run.folder)
        expected[f"{name}_outputs"] = trainers_outputs(run)
        expected[f"{name}_predictions"] = trained.predict(folder / "table.csv")
        expected[f"{name}_figures"] = np.array(list(trained.evaluate(table).values()))
        expected[f"{name}_parts"] = np.array(list(trained.explain(rows(table)[0]).contributions.values()))
    np.savez(tmp_path / "expected.npz", **expected)
    command = [sys.executable, "-W", "error", str(SCRIPT), str(folder), str(tmp_path / "expected.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2], env={"PYTHONPATH": "."})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "all equal\n"
    assert load_model(classes_run.folder / "model.safetensors").target is not None


def test_figures_are_those_of_the_run_also_compiled_ones(folder, table):
    """In the target's own unit, and one by one where a metric has a value for each output."""
    metrics = ["mean_absolute_percentage_error", {"R2Score": {"class_aggregation": None}}]
    given = experiment(folder / "table.csv", ["price", "rent"], {"loss": "mse", "metrics": metrics}, 2)
    run = train(given, folder / "compiled", quiet=True)
    test = [rows(table)[row] for row in run.experiment.prepare()[1].rows["test"]]
    trained = nnlite.load(folder / "compiled")
    figures = trained.evaluate(test)
    assert {"r2_score_0", "r2_score_1", "mean_absolute_percentage_error"} <= figures.keys()
    assert figures == pytest.approx(run.metrics["test"], rel=1e-5)
    assert trained.model.trainer.to_units is None


def test_classes_of_whole_numbers_are_those_of_a_frame_of_numbers(folder, table, tmp_path):
    """A column of 1 and 0 in a frame is the column of "1" and "0" that the file held, whoever spells it."""

    numbered = {**table, "answer": [int(answer == "yes") for answer in table["answer"]]}
    write(tmp_path / "numbered.csv", numbered)
    run = train(experiment(tmp_path / "numbered.csv", "answer", CLASSIFY, 2), tmp_path / "run", quiet=True)
    trained = nnlite.load(run.folder)
    expected = trained.evaluate(tmp_path / "numbered.csv")
    assert trained.evaluate(pd.DataFrame(numbered)) == expected
    assert trained.evaluate(numbered) == expected


def test_several_columns_of_labels_are_read_from_a_frame(folder, table, tmp_path):
    labelled = {
        **table,
        "dear": [int(price > 220) for price in table["price"]],
        "young": [int(a < 40) for a in table["age"]],
    }
    write(tmp_path / "several.csv", labelled)
    loss = {"loss": {"BinaryCrossentropy": {"from_logits": True}}}
    several = experiment(tmp_path / "several.csv", ["dear", "young"], loss, 2, drop=["id", "answer", "price", "rent"])
    trained = nnlite.load(train(several, tmp_path / "run", quiet=True).folder)
    frame = pd.DataFrame(labelled)
    assert trained.evaluate(frame) == trained.evaluate(tmp_path / "several.csv")
    bare = trained.evaluate(frame.drop(columns=["dear", "young"]), frame[["dear", "young"]].to_numpy())
    assert bare == trained.evaluate(frame)


def test_labels_in_one_cell_are_read_from_a_frame_with_gaps(table, tmp_path):
    tags = [
        ";".join(["old"] * (age > 40) + ["rich"] * (income > 1000))
        for age, income in zip(table["age"], table["income"], strict=True)
    ]
    tagged = {**table, "answer": tags}
    write(tmp_path / "tags.csv", tagged)
    loss = {"loss": {"BinaryCrossentropy": {"from_logits": True}}}
    config = experiment(tmp_path / "tags.csv", "answer", loss, 2).get_config()
    config["data"]["target_separator"] = ";"
    trained = nnlite.load(train(Experiment.get(config), tmp_path / "run", quiet=True).folder)
    frame = pd.DataFrame(tagged).replace("", None)
    frame.to_parquet(tmp_path / "tags.parquet")
    expected = trained.evaluate(tmp_path / "tags.csv")
    assert trained.evaluate(frame) == trained.evaluate(tmp_path / "tags.parquet") == expected


def test_evaluation_reads_a_file_that_is_written_in_another_way(classes_run, folder, table, tmp_path):
    trained = nnlite.load(classes_run.folder)
    expected = trained.evaluate(folder / "table.csv")
    write(tmp_path / "tabs.tsv", {name: [f'"{cell}"' for cell in cells] for name, cells in table.items()}, "\t")
    (tmp_path / "wide.csv").write_text((folder / "table.csv").read_text(encoding="utf-8"), encoding="utf-16")
    write(tmp_path / "few.csv", {name: cells for name, cells in table.items() if name not in ("id", "rent")})
    for name in ("tabs.tsv", "wide.csv", "few.csv"):
        assert trained.evaluate(tmp_path / name) == expected, name


def test_an_unknown_class_is_found_in_its_line(classes_run, table, tmp_path):
    trained = nnlite.load(classes_run.folder)
    strange = {**table, "answer": ["yes", "no", "perhaps", *table["answer"][3:]]}
    write(tmp_path / "strange.csv", strange)
    with pytest.raises(DataError, match=r"strange\.csv, line 4, column 'answer': unknown class 'perhaps'; the model"):
        trained.evaluate(tmp_path / "strange.csv")
    with pytest.raises(DataError, match=r"^column 'answer', row 2: unknown class 'perhaps'; the model knows"):
        trained.evaluate(strange)
