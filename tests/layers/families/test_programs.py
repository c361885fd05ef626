"""Every program keeps the whole protocol that a step of training relies on."""

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite import Input, Model, Sequential
from nnlite.jacobians import Bundle
from nnlite.layers import BatchNormalization, Chain, Concatenate, Dense, Dropout, Masking, Program
from nnlite.layers.composite.graph import Graph
from nnlite.layers.composite.program import ProgramStage
from nnlite.random import RandomSource
from nnlite.training.train_step import Steps

ROWS = 5
generator = np.random.default_rng(3)


def normal(*shape):
    return generator.normal(size=shape)


def chain():
    return Sequential(
        [Input((4,)), *(own(dtype="float64") for own in (dense(5), norm, dropout, dense(6, "relu"), dense(2)))], seed=1
    )


def dense(units, activation="tanh"):
    return lambda **options: Dense(units, activation, **options)


def norm(**options):
    return BatchNormalization(**options)


def dropout(**options):
    return Dropout(0.3, **options)


def branches():
    inputs = Input((4,))
    twice = Dense(4, "tanh", dtype="float64")
    left = twice(twice(inputs))
    right = BatchNormalization(dtype="float64")(Dense(3, dtype="float64")(inputs))
    ends = [Dense(2, dtype="float64")(Concatenate(dtype="float64")([left, right])), Dropout(0.3, dtype="float64")(left)]
    return Model(inputs, ends, seed=1, dtype="float64")


def straight():
    inputs = Input((4,))
    return Model(inputs, Dense(2, dtype="float64")(dense(5)(dtype="float64")(inputs)), seed=1, dtype="float64")


def few():
    return Sequential([Input((4,)), *(dense(units)(dtype="float64") for units in (5, 6, 2))], seed=1)


MODELS = {"chain": (chain, Chain), "branches": (branches, Graph), "straight": (straight, Graph), "few": (few, Chain)}


def test_every_program_has_a_model():
    written = {kind for kind in Program.__subclasses__() if kind.__module__.startswith("nnlite.layers.")}
    assert written == {kind for _, kind in MODELS.values()}  # that of subclasses of Model: tests/models


@pytest.fixture(params=MODELS)
def model(request):
    make, kind = MODELS[request.param]
    model = make()
    model.compile("sgd", "mse")
    assert type(model.chain) is kind
    return model


def batch(model):
    ends = model.output_shape if isinstance(model.output_shape[0], tuple) else [model.output_shape]
    parts = tuple(normal(ROWS, *shape[1:]) for shape in ends)
    return normal(ROWS, 4), parts if len(parts) > 1 else parts[0]


def parts_of(value):
    return value if isinstance(value, tuple) else (value,)


class TestProtocol:
    def test_items_are_cut_into_one_tuple_per_use(self, model):
        program, numbers = model.chain, list(range(len(model.parameters)))
        groups = program.group(numbers)
        assert all(isinstance(group, tuple) for group in groups)
        assert {number for group in groups for number in group} == set(numbers)
        assert [len(names) - names.count("inputs") for _, names in program.labels] == [len(group) for group in groups]
        named = [[model.parameters[number].name for number in group] for group in groups]
        assert [[name for name in names if name != "inputs"] for _, names in program.labels] == named

    def test_linearize_is_run(self, model):
        x, cotangent = batch(model)
        program, random = model.chain, RandomSource(7)
        outputs, jacobians = program.linearize(x, *model.values, training=True, random=random)
        again, others = program.run(x, program.group(model.values), True, random)
        assert all(np.array_equal(*pair) for pair in zip(parts_of(outputs), parts_of(again), strict=True))
        assert isinstance(jacobians, Bundle)
        assert len(jacobians) == jacobians.data + len(model.parameters)
        pairs = zip(jacobians.vjp(cotangent), others.vjp(cotangent), strict=True)
        assert all(left is right is None or np.array_equal(left, right) for left, right in pairs)

    @pytest.mark.parametrize("every", [1, 2, 3])
    def test_backward_writes_the_gradients_of_the_plan(self, model, every):
        x, cotangent = batch(model)
        program = model.chain
        _, jacobians = program.run(x, program.group(model.values), True, RandomSource(7))
        expected = jacobians.vjp(cotangent)[jacobians.data :]
        wanted = [own.trainable and index % every == every - 1 for index, own in enumerate(model.parameters)]
        into = [
            np.full(own.shape, np.nan) if want else None for own, want in zip(model.parameters, wanted, strict=True)
        ]
        program.backward(jacobians, cotangent, program.plan(wanted, into))
        for target, product in zip(into, expected, strict=True):
            assert target is None or relative_error(target, product) <= EXACT

    def test_state_is_stored(self, model):
        x, _ = batch(model)
        state = [own for own in model.parameters if not own.trainable]
        before = [own.value.copy() for own in state]
        _, jacobians = model.chain.run(x, model.chain.group(model.values), True, RandomSource(7))
        assert all(np.array_equal(own.value, old) for own, old in zip(state, before, strict=True))
        model.chain.update_state(jacobians.state)
        assert not any(np.array_equal(own.value, old) for own, old in zip(state, before, strict=True))

    def test_the_line_leads_through_all_parameters(self, model):
        line = model.chain.line
        if isinstance(model.output_shape[0], tuple):
            assert line is None
            return
        assert all(isinstance(stage, ProgramStage) for stage in line)
        assert [stage.layer for stage in line] == [layer for layer in model.layers if not isinstance(layer, Input)]
        ends = [stage.stop for stage in line]
        assert [stage.start for stage in line] == [0, *ends[:-1]]
        assert ends[-1] == len(model.parameters)

    def test_layers_are_exchanged_in_a_copy(self, model):
        seen = []

        class Counted:
            def __init__(self, layer):
                self.layer, self._context, self._keeps_mask = layer, layer._context, layer._keeps_mask
                self.takes_several = layer.takes_several

            def _state_pairs(self, state):
                return self.layer._state_pairs(state)

            def linearize(self, *inputs, **context):
                seen.append(self.layer)
                return self.layer.linearize(*inputs, **context)

            @property
            def parameters(self):
                return self.layer.parameters

        layers = []
        program = model.chain.with_layers(lambda number, layer: layers.append((number, layer)) or Counted(layer))
        x, _ = batch(model)
        grouped = model.chain.group(model.values)
        found, expected = (own.run(x, grouped, True, RandomSource(7))[0] for own in (program, model.chain))
        assert all(np.array_equal(*pair) for pair in zip(parts_of(found), parts_of(expected), strict=True))
        assert [number for number, _ in layers] == list(range(len(model.chain.labels)))
        assert seen == [layer for _, layer in layers]


def test_dense_layers_are_joined_into_one_stage_of_a_chain():
    model = few()
    model.compile("sgd", "mse")
    steps = Steps(model.trainer)
    program = steps.joined.program
    assert isinstance(program, Chain)
    (stage,) = program.stages
    assert (stage.index, stage.start, stage.stop) == (0, 0, 6)
    assert program.labels == [("JoinedDense", ["inputs", *["kernel", "bias"] * 3])]
    x, cotangent = normal(ROWS, 4), normal(ROWS, 2)
    outputs, jacobians = program.run(x, steps.joined.values, True, RandomSource(7))
    expected, layered = steps.layered.program.run(x, steps.layered.values, True, RandomSource(7))
    assert relative_error(outputs, expected) <= EXACT
    program.backward(jacobians, cotangent, steps.joined.gradients)
    for parameter, product in zip(model.parameters, layered.vjp(cotangent)[1:], strict=True):
        assert relative_error(parameter.gradient, product) <= EXACT
    program.update_state(jacobians.state)


def test_a_mask_goes_on_through_a_program():
    model = Sequential([Input((3, 2)), Masking(dtype="float64"), Dense(2, dtype="float64")], seed=1)
    x = normal(ROWS, 3, 2)
    x[0, 1] = 0
    _, jacobians = model.chain.linearize(x, *model.values)
    assert np.array_equal(jacobians.mask, (x != 0).any(axis=-1))
