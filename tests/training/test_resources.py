"""What decides whether a training takes compiled kernels: how many steps it has, and what one of them goes over."""

import contextlib

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, kernels
from nnlite.callbacks import EarlyStopping, LambdaCallback
from nnlite.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    RMSNormalization,
    SinePositionEncoding,
)
from nnlite.training.resources import step_work


class OwnLSTM(LSTM):
    """A layer of a user's, which has the kernels of its base."""


def numbers_of(model, batch_size=8):
    """What `step_work` counts beside the parameters, for each example."""
    return (step_work(model, batch_size) - model.count_params()) / batch_size


@pytest.mark.parametrize(
    ("layers", "numbers"),
    [
        ([Input((6,)), Dense(4, activation="relu"), Dense(2)], 0),
        ([Input((8, 6, 3)), Conv2D(5, 3), MaxPooling2D(), Flatten(), Dense(2)], 2 * (8 * 6 * 5 + 6 * 4 * 5)),
        ([Input((10, 3)), LSTM(4), Dense(2)], 8 * 10 * 4),
        ([Input((10, 3)), OwnLSTM(4), Dense(2)], 8 * 10 * 4),
        ([Input((10, 3)), Dense(7), GRU(4)], 0),
        ([Input((10, 4)), SinePositionEncoding(), RMSNormalization()], 0),  # beside layers that have kernels
        ([Input((None, 3)), LayerNormalization(), LSTM(4)], 2 * 3 + 8 * 4),  # of a length that is not known
        ([Input((10,)), Embedding(20, 3), LSTM(4)], 8 * 10 * 4),
        ([Input((10, 3)), Bidirectional(LSTM(4))], 8 * 10 * (4 + 4)),
    ],
)
def test_layers_over_steps_and_pixels_count_by_what_they_put_out(layers, numbers):
    assert numbers_of(Sequential(layers, seed=0)) == numbers


def test_layers_of_several_inputs_count_by_the_first():
    query, value = Input((5, 3)), Input((7, 2))
    assert numbers_of(Model([query, value], MultiHeadAttention(2, 4)(query, value))) == 8 * 5 * 3


def test_rows_are_those_of_a_batch():
    model = Sequential([Input((8, 6, 3)), Conv2D(5, 3)], seed=0)
    extra = [step_work(model, rows) - model.count_params() for rows in (8, 16, None)]
    assert extra[1] == 2 * extra[0] and extra[2] == 4 * extra[0]


@pytest.mark.parametrize(
    ("callbacks", "early"),
    [([], False), (["CSVLogger"], False), ([EarlyStopping("loss")], True), ([LambdaCallback()], True)],
)
def test_fit_tells_its_steps_its_work_and_whether_a_callback_may_end_it(callbacks, early, monkeypatch, tmp_path):
    told = []

    @contextlib.contextmanager
    def record(*arguments):
        told.append(arguments)
        yield

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kernels, "suited_kernels", record)
    model = Sequential([Input((6, 3)), LSTM(2), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    callbacks = [{"CSVLogger": {"filename": "log.csv"}} if one == "CSVLogger" else one for one in callbacks]
    model.fit(np.ones((20, 6, 3)), np.ones((20, 1)), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    assert told[0] == (6, step_work(model, 8), early)
