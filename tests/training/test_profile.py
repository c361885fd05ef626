"""The profile of a training step: its parts add up, and the model stays as it is."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import NotReadyError
from nnlite.layers import BatchNormalization, Concatenate, Dense, Dropout

generator = np.random.default_rng(4)
X, Y = generator.normal(size=(50, 6)), generator.normal(size=(50, 1))


def chain():
    return Sequential([Input((6,)), Dense(8, "relu"), BatchNormalization(), Dropout(0.2), Dense(1)], seed=0)


def graph():
    given = Input((6,))
    shared = Dense(6, name="shared")
    return Model(given, Dense(1, name="end")(Concatenate()([shared(shared(given)), given])), seed=0)


@pytest.mark.parametrize("make", [chain, graph])
def test_parts_add_up_and_the_model_stays(make):
    model = make()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    before, step = model.get_weights(), model.optimizer.iterations
    profile = model.profile(X, Y, batch_size=20, steps=5)
    names = [row.name for row in profile.rows]
    assert names == [*dict.fromkeys(layer.name for layer in model._layers_inside()), "loss", "update", "the rest"]
    assert profile.batch == 20
    assert profile.layered == pytest.approx(sum(row.forward + row.backward for row in profile.rows))
    rows = {row.name: row for row in profile.rows}
    for name in ("dense", "shared", "end"):
        if name in rows:
            assert rows[name].forward > 0
            assert rows[name].backward > 0
            assert rows[name].floor > 0
    assert profile.floor == pytest.approx(sum(row.floor or 0 for row in profile.rows))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.optimizer.iterations == step
    text = str(profile)
    assert f"one training step of 20 examples: {profile.total:.1f} us" in text
    assert f"layers separately: {profile.layered:.1f} us" in text
    assert all(name in text for name in names)


def test_a_layer_called_loss_is_not_the_loss():
    model = Sequential([Input((6,)), Dense(8, name="loss"), Dense(1, name="update")], seed=0)
    model.compile("sgd", "mse")
    rows = model.profile(X, Y, steps=3).rows
    assert [row.name for row in rows] == ["loss", "update", "loss", "update", "the rest"]
    assert [row.backward > 0 for row in rows[:4]] == [True, True, False, True]


def test_before_compile():
    with pytest.raises(NotReadyError, match="before profile"):
        chain().profile(X, Y)
