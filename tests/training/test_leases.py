"""Steps know without asking each parameter whether another model has taken it over."""

import numpy as np

from nnlite import Input, Sequential
from nnlite.layers import BatchNormalization, Dense
from nnlite.parameters import Lease, Parameter, ParameterStore
from nnlite.training.train_step import Steps


def compiled(*layers):
    model = Sequential([Input((3,)), *layers], seed=0)
    model.compile("sgd", "mse")
    return model


def test_a_lease_ends_when_a_parameter_moves():
    first, second = (Parameter(name, np.ones(2)) for name in "ab")
    both, one = Lease([first, second]), Lease([second])
    assert not both.ended
    ParameterStore([first])
    assert both.ended
    assert not one.ended


def test_ended_leases_are_forgotten():
    moving, staying = (Parameter(name, np.ones(2)) for name in "ab")
    for _ in range(5):
        ParameterStore([moving])
        Lease([moving, staying])
    assert len(moving._leases) == len(staying._leases) == 1


def test_a_frozen_layer_that_another_model_trains_leaves_both_current_until_it_moves():
    shared = Dense(3, name="shared")
    model = compiled(shared, Dense(1))
    trained = Steps(model.trainer)
    shared.trainable = False
    other = Steps(compiled(Dense(3), shared).trainer)
    assert trained.current
    assert other.current
    shared.trainable = True
    Steps(compiled(shared, Dense(2)).trainer)
    assert not trained.current
    assert not other.current


def test_state_that_nobody_packs_is_no_reason_to_begin_anew():
    shared = BatchNormalization(trainable=False)
    first, second = Steps(compiled(shared, Dense(1)).trainer), Steps(compiled(shared, Dense(1)).trainer)
    assert first.current
    assert second.current
