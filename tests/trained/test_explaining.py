"""Contributions of columns: they add up, they are right where the answer is known, and people can read them."""

import numpy as np
import pytest
from trained.tables import rows

import nnlite
from nnlite import Input, Sequential
from nnlite.data import Boolean, Columns, Dates, Numeric, OneHot, Ordinal, Quantities, Texts
from nnlite.errors import ConfigError, DataError
from nnlite.layers import ColumnBranch, Dense, Embedding, Flatten
from nnlite.trained import RowExplanation, TrainedModel


def test_contributions_add_up_to_the_difference(classes_run, binary_run, amounts_run, table):
    for run in (classes_run, binary_run, amounts_run):
        trained = nnlite.load(run.folder)
        typical = {**trained.typical}
        outputs = ["price", "rent"] if run is amounts_run else ["no", "yes", None]
        for row in rows(table, 6):
            for output in outputs:
                found = trained.explain(row, output)
                if run is amounts_run:
                    place = outputs.index(output)
                    ends = [float(trained.predict([cells])[0, place]) for cells in (row, typical)]
                else:
                    label = str(trained.predict([row])[0]) if output is None else output
                    assert found.output == label
                    ends = [trained.predict_proba([cells])[0, ["no", "yes"].index(label)] for cells in (row, typical)]
                assert found.contributions.keys() == {"age", "city", "income"}
                sizes = [abs(value) for value in found.contributions.values()]
                assert sizes == sorted(sizes, reverse=True)
                np.testing.assert_allclose([found.value, found.typical_value], ends, rtol=1e-5, atol=1e-6)
                total = found.value - found.typical_value
                np.testing.assert_allclose(sum(found.contributions.values()), total, rtol=1e-9, atol=1e-9)


def linear(weights, columns, **target):
    model = Sequential([Input((len(weights),)), Dense(1)], seed=0)
    model.set_weights([np.array(weights)[:, None], np.array([1.0])])
    model.encoder = Columns(columns)
    model.target = Quantities(["y"], [target.get("mean", 0.0)], [target.get("scale", 1.0)])
    return model


def test_the_contributions_of_a_linear_model_are_its_terms():
    columns = [Numeric("a", 0.0, 2.0, 4.0), OneHot("c", ["u", "v"]), Boolean("b")]
    model = linear([3.0, 5.0, 7.0, -1.0], columns, mean=100.0, scale=10.0)
    model._interpretation.typical = {"a": 2.0, "c": "u", "b": False}
    found = TrainedModel(model).explain({"a": 6.0, "c": "v", "b": True})
    assert (found.output, found.value, found.typical_value) == ("y", 200.0, 170.0)
    np.testing.assert_allclose([found.contributions[name] for name in "acb"], [30.0, 20.0, -20.0], rtol=1e-6)
    assert found.cells == {"a": "6", "c": "v", "b": "True"}


def test_integrated_gradients_are_those_of_the_model(amount_run, table):
    trained = nnlite.load(amount_run.folder)
    x, baseline = (trained.encoder.encode(nnlite.data.read_frame([row])) for row in (rows(table)[3], trained.typical))
    slopes = trained.model.integrated_gradients(x, baseline, steps=200)[0] * trained.target.scale[0]
    found = trained.explain(rows(table)[3]).contributions
    expected = {"age": slopes[0], "city": slopes[1:5].sum(), "income": slopes[5]}
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), rtol=2e-2, atol=1e-3)


def test_codes_get_the_difference_that_they_make():
    columns = [Numeric("a", 0.0, 0.0, 1.0), Ordinal("c", ["u", "v", "w"])]
    branch = ColumnBranch({"c": [Embedding(4, 2), Flatten()], "a": []})
    branch.name_columns(Columns(columns).places())
    model = Sequential([Input((2,)), branch, Dense(4, "tanh"), Dense(1)], seed=1)
    model.encoder, model.target = Columns(columns), Quantities(["y"], [0.0], [1.0])
    model._interpretation.typical = {"a": 0.0, "c": "u"}
    trained = TrainedModel(model)
    found = trained.explain({"a": 1.5, "c": "w"})
    assert found.contributions["a"] != 0
    ends = trained.predict([{"a": 0.0, "c": "u"}, {"a": 0.0, "c": "w"}, {"a": 1.5, "c": "w"}]).astype(float)
    np.testing.assert_allclose(found.contributions["c"], ends[1] - ends[0], atol=1e-6)
    np.testing.assert_allclose(found.contributions["a"], ends[2] - ends[1], atol=1e-6)


def test_sharp_bends_are_integrated_too():
    model = linear([1.0], [Numeric("a", 0.0, 0.0, 1.0)])
    steep = Sequential([Input((1,)), Dense(1, "relu"), Dense(1)], seed=0)
    steep.set_weights([np.array([[1e4]]), np.array([-9_987.0]), np.array([[2.0]]), np.array([0.0])])
    steep.encoder, steep.target = model.encoder, model.target
    steep._interpretation.typical = {"a": 0.0}
    found = TrainedModel(steep).explain({"a": 1.0})
    np.testing.assert_allclose(found.contributions["a"], 26.0, rtol=1e-6)


def test_dates_have_a_typical_value():
    encoder = Columns([Dates("day", 18_000.0, ["weekday"]), Numeric("a", 0.0, 0.0, 1.0)])
    model = Sequential([Input((4,)), Dense(1)], seed=0)
    model.set_weights([np.array([[0.001], [1.0], [1.0], [2.0]]), np.array([0.0])])
    model.encoder, model.target = encoder, Quantities(["y"], [0.0], [1.0])
    model._interpretation.typical = {"day": "2020-03-01T00:00:00", "a": 1.0}
    row = {"day": np.datetime64("2020-03-09"), "a": 1.0}
    found = TrainedModel(model).explain(row)
    assert found.contributions["a"] == 0 and found.contributions["day"] != 0


def test_what_is_explained_and_what_is_not(classes_run, amount_run, table):
    trained, row = nnlite.load(classes_run.folder), rows(table)[0]
    with pytest.raises(ConfigError, match="no label 'maybe'"):
        trained.explain(row, "maybe")
    with pytest.raises(ConfigError, match="no target 'prize'; did you mean 'price'"):
        nnlite.load(amount_run.folder).explain(row, "prize")
    with pytest.raises(DataError, match="one row"):
        trained.explain(rows(table, 2))
    assert trained.explain([row["age"], row["city"], row["income"]]) == trained.explain(row)
    texts = Sequential([Input((1,)), Dense(1)], seed=0)
    texts.encoder = Texts("words")
    with pytest.raises(ConfigError, match="does not take rows of numbers"):
        TrainedModel(texts).explain({"words": "a b"})


def test_explanations_are_readable():
    many = {f"c{number}": 30.0 - number for number in range(30)}
    found = RowExplanation("a<b", 2.0, 1.0, many, {"c0": "<x>"}, {"c0": "3"})
    assert "10 more" in repr(found) and repr(found).splitlines()[0] == "a<b: 2, a typical row 1"
    page = found._repr_html_()
    assert "<x>" not in page and "&lt;x&gt;" in page and page.count("<tr>") == page.count("</tr>") == 22
    assert page.count("<div") == page.count("</div>") and list(found.top(2)) == ["c0", "c1"]
