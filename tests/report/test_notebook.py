"""What a notebook and the prompt show of models, histories, Jacobians and profiles."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.callbacks import History
from nnlite.callbacks.history import curves
from nnlite.data.profile import profile_table
from nnlite.layers import Dense
from nnlite.ops import Multiply


def model():
    return Sequential([Input((2,)), Dense(3, activation="tanh", name="<first>"), Dense(1)], seed=0)


def parsed(html):
    """The HTML of an output as a tree: what notebooks get is well-formed."""
    return ET.fromstring(html)


def test_a_model_shows_its_layers():
    shown = model()
    assert "Total params: 13" in repr(shown)
    cells = [[cell.text for cell in row] for row in parsed(shown._repr_html_()).iter("tr")]
    assert cells[0] == ["Layer", "Output shape", "Params"]
    assert cells[1] == ["<first> (Dense)", "(None, 3)", "9"]
    entry = Input((2,))
    assert "dense (Dense)" in repr(Model(entry, Dense(1)(entry), seed=0))
    assert "?" in repr(Sequential([Dense(1)], seed=0))
    inside = Sequential([Input((2,)), Sequential([Dense(2)], name="inner"), Dense(1)], seed=0)
    assert "inner (Sequential)" in repr(inside)


def test_history_says_epochs_last_values_and_the_best():
    history = History()
    assert repr(history) == "History of 0 epochs"
    parsed(history._repr_html_())
    for epoch, loss in enumerate([0.5, 0.25, 0.125]):
        history.on_epoch_end(epoch, {"loss": loss, "val_loss": abs(loss - 0.2)})
    assert repr(history) == ("History of 3 epochs, the last: loss 0.125, val_loss 0.075; best val_loss 0.05 in epoch 1")
    tree = parsed(history._repr_html_())
    assert len(list(tree.iter("svg"))) == 1
    assert "<style>" in history._repr_html_()


def test_curves_put_training_and_validation_together():
    charts = curves(range(4), {"loss": [1, 0.1, 0.01, 0.001], "accuracy": [0.1, 0.2, 0.3, 0.4], "val_loss": [2, 1]})
    assert [chart.title for chart in charts] == ["loss", "accuracy"]
    assert charts[0].note == "Logarithmic axis."
    assert charts[1].note == ""
    assert "val_loss: from 2 to 1, lowest 1 at epoch 3" in charts[0].description
    members = curves(range(2), {"loss": [np.array([1.0, 3.0]), np.array([1.0, 1.0])]})
    assert "from 2 to 1" in members[0].description
    assert len(curves([], {"loss": [1.0, 2.0]})) == 1  # values without epochs are left out


def test_a_history_of_training_is_shown():
    shown = model()
    shown.compile(loss="mse")
    history = shown.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, verbose=0)
    assert repr(history).startswith("History of 2 epochs, the last: loss ")


def test_a_jacobian_shows_structure_shapes_and_norms():
    jacobian = model().jacobian(np.ones((5, 2)), wrt="parameters")
    rows = [["".join(cell.itertext()) for cell in row] for row in parsed(jacobian._repr_html_()).iter("tr")]
    assert rows[0] == ["map", "kind", "shape", "kept", "if dense", "norm"]
    assert rows[1][1:3] == ["NetworkJacobian", "(13,) to (5, 1)"]
    norm = np.linalg.norm(jacobian.todense())
    assert float(rows[1][5]) == pytest.approx(norm, rel=1e-3)
    assert [row[0] for row in rows[2:7]] == ["<first>", "inputs", "kernel", "bias", "then"]
    _, bundle = Multiply().linearize(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert "Diagonal" in bundle[0]._repr_html_()


def test_a_large_map_is_shown_without_its_norm():
    wide = Sequential([Input((3000,)), Dense(3000)], seed=0)
    rows = list(parsed(wide.jacobian(np.ones((1, 3000)))._repr_html_()).iter("tr"))
    assert rows[1][5].text is None


def test_a_profile_is_shown_with_a_picture_of_each_column():
    table = {
        "age <years>": [31.0, 47.5, 22.0, 65.0, 41.0],
        "city": ["Rome", "Oslo", "Rome", "Bern", None],
        "y": [1, 0, 1, 0, 1],
    }
    tree = parsed(profile_table(table, "y")._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]
    assert rows[1][0] == "age <years>"
    assert rows[2][2] == "20.0%"
    assert rows[3][-1] == "target"
    assert len(list(tree.iter("svg"))) >= 2
