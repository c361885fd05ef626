"""A model has a trainer and derivatives: its doors to them, and the contract by which they ask it."""

import ast
import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential
from nnlite.derivatives import Derivatives
from nnlite.layers import Dense, Layer
from nnlite.losses import Loss, MeanSquaredError
from nnlite.models.base import BaseModel
from nnlite.optimizers import Optimizer
from nnlite.training import OutputsTrainer, Trainable, Trainer

ROOT = Path(nnlite.__file__).parent
TRAINING = ("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
DERIVING = ("jacobian", "vjp", "jvp", "per_example_gradients", "gradient", "hvp", "ggn_vp", "explain")
DERIVING += ("integrated_gradients",)
DOORS = [(BaseModel, Trainer, name) for name in TRAINING] + [(BaseModel, Derivatives, name) for name in DERIVING]
DOORS.append((Model, OutputsTrainer, "compile"))
MEMBERS_OF_LAYERS, OWN_MEMBERS = 72, 80  # of a layer, and what a Sequential has besides
X = np.random.default_rng(3).normal(size=(12, 3))


def chain():
    return Sequential([Input((3,)), Dense(4, "tanh"), Dense(2)], seed=1)


def graph():
    x = Input((3,))
    return Model(x, Dense(2)(Dense(4, "tanh")(x)), seed=1)


def two_outputs():
    x = Input((3,))
    return Model(x, [Dense(2)(x), Dense(1)(x)], seed=1)


@pytest.mark.parametrize(("model", "part", "name"), DOORS, ids=lambda value: getattr(value, "__name__", value))
def test_a_door_has_the_signature_and_the_text_of_what_it_opens(model, part, name):
    door, method = getattr(model, name), getattr(part, name)
    assert inspect.signature(door) == inspect.signature(method)
    written_out = inspect.unwrap(door) is door
    assert inspect.getdoc(door) and (written_out or inspect.getdoc(door) == inspect.getdoc(method))


@pytest.mark.parametrize("make", [chain, graph, two_outputs])
def test_every_model_keeps_the_contract(make):
    model = make()
    assert isinstance(model, Trainable)
    assert not isinstance(Dense(2), Trainable)
    for name in ("_as_input", "_check_ready", "_until_loss", "count_params"):  # may be called as the contract says
        expected = inspect.signature(getattr(Trainable, name)).parameters
        assert list(inspect.signature(getattr(type(model), name)).parameters) == list(expected), name


def test_training_and_derivatives_ask_of_a_model_what_the_contract_says():
    known, asked = {*Trainable.__annotations__, *vars(Trainable)}, set()
    for path in [*(ROOT / "training").rglob("*.py"), *(ROOT / "derivatives").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("model", "self.model", "trainer.model"):
                asked.add(node.attr)
    assert asked - known == set()
    assert set(Trainable.__annotations__) - asked == set()


def test_a_model_is_a_layer_and_nothing_else():
    names = [cls.__name__ for cls in Sequential.__mro__]
    of_layers = ["Layer", "LayerAttributes", "Op", "Configurable", "object"]
    assert names == ["Sequential", "BaseModel", "SecondOrderDoors", *of_layers]  # doors to what the derivatives know
    assert Model.__mro__[1:] == Sequential.__mro__[1:]


def test_the_trainer_is_chosen_once_by_the_outputs():
    assert type(chain().trainer) is type(graph().trainer) is Trainer
    assert type(two_outputs().trainer) is OutputsTrainer


def test_what_a_model_says_of_its_training_is_what_its_trainer_says():
    model = chain()
    model.compile("adam", "mse", ["mae"])
    history = model.fit(X, X[:, :2], epochs=2, verbose=0)
    trainer = model.trainer
    assert (model.optimizer, model.history) == (trainer.optimizer, history)
    assert model.loss == "mse" and isinstance(trainer.loss, MeanSquaredError)  # as it was given, and what it means
    loss, together = model.metrics
    assert loss is trainer.loss_mean and together.metrics == trainer.metrics and together.metrics[0].name == "mae"
    model.stop_training = True
    assert trainer.stop_training
    model.optimizer, model.history = "o", "h"
    assert (trainer.optimizer, trainer.history) == ("o", "h")


@pytest.mark.parametrize("loss", ["mae", Loss.get("mae")])
def test_an_optimizer_and_a_loss_that_are_assigned_are_those_that_train(loss):
    assigned, compiled = chain(), chain()
    assigned.compile("adam", "mse")
    assigned.fit(X, X[:, :2], verbose=0)
    compiled.set_weights(assigned.get_weights())
    assigned.optimizer, assigned.loss = Optimizer.get("sgd"), loss
    assert assigned.loss is loss
    compiled.compile("sgd", "mae")
    histories = [model.fit(X, X[:, :2], verbose=0).history for model in (assigned, compiled)]
    assert histories[0] == histories[1]
    for mine, theirs in zip(assigned.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_trainer_and_derivatives_say_whose_they_are():
    model = chain()
    assert repr(model.trainer) == "Trainer(of the model, optimizer=None, loss=None)"
    model.compile("adam", "mse")
    assert repr(model.trainer) == "Trainer(of the model, optimizer=Adam(), loss=MeanSquaredError())"
    assert repr(model.derivatives) == "Derivatives(of the model)"


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("make", [chain, graph])
def test_a_copy_trains_and_derives_itself(make, duplicate):
    model = make()
    model.compile("adam", "mse")
    model.fit(X, X[:, :2], epochs=1, verbose=0)
    jacobian = model.jacobian(X).per_example()
    twin = duplicate(model)
    assert twin.trainer.model is twin and twin.derivatives.model is twin
    twin.fit(X, X[:, :2], epochs=3, verbose=0)
    np.testing.assert_array_equal(model.jacobian(X).per_example(), jacobian)
    assert np.any(twin.jacobian(X).per_example() != jacobian)
    assert model.optimizer.iterations == 1 and twin.optimizer.iterations == 4


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_without_shape_trains_itself(duplicate):
    model = Sequential([Dense(2)], seed=1)
    model.compile("adam", "mse")
    twin = duplicate(model)
    twin.fit(X, X[:, :2], epochs=1, verbose=0)
    assert twin.built and not model.built and model.optimizer.iterations == 0


def test_names_within_nnlite_are_no_members():
    public = [name for name in dir(Sequential) if not name.startswith("_")]
    inner = "resolve_metrics update_metrics stage_labels state_pairs check_linearize largest_product compile_config"
    inner += " as_targets call_context context traced drawn as_inputs check_input_shape parameter_names"
    assert set(inner.split()) & set(public) == set()
    of_layers = {name for name in dir(Layer) if not name.startswith("_")}
    assert len(set(public) - of_layers) <= OWN_MEMBERS and len(of_layers) <= MEMBERS_OF_LAYERS


def test_a_layer_that_is_added_is_trained_and_measured():
    model = chain()
    model.compile("sgd", "mse", ["mae"])
    model.fit(X, X[:, :2], epochs=1, verbose=0)
    model.add(Dense(1))
    before = model.get_weights()
    logs = model.evaluate(X, X[:, :1], verbose=0, return_dict=True)
    error = model.predict(X, verbose=0) - X[:, :1]
    assert logs == pytest.approx({"loss": np.mean(error**2), "mae": np.mean(np.abs(error))}, rel=1e-5)
    model.fit(X, X[:, :1], epochs=1, verbose=0)
    assert all(np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("nested", [False, True])
def test_a_chain_constructed_frozen_trains_nothing_alone_and_its_layers_inside_another(nested):
    chain = Sequential([Input((3,)), Dense(2)], seed=0, trainable=False)
    model = Sequential([Input((3,)), chain, Dense(1)], seed=0) if nested else chain
    assert not chain.trainable_weights and not chain.trainable_variables
    assert len(model.trainable_variables) == (4 if nested else 0)
    model.compile("sgd", "mse")
    before = model.get_weights()
    rows = np.arange(12.0).reshape(4, 3)
    model.fit(rows, rows[:, : model.output_shape[-1]], verbose=0)
    changed = [not np.array_equal(new, old) for new, old in zip(model.get_weights(), before, strict=True)]
    assert any(changed) == nested
