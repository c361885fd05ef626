"""Constraints: their projections against formulas, and that training keeps to them in every layer that takes them."""

import numpy as np
import pytest
from registered import registered

from nnlite import constraints, layers
from nnlite.constraints import Constraint, FunctionConstraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from nnlite.errors import ConfigError
from nnlite.models import Sequential, load_model
from nnlite.registry import register_function

VALUES = np.random.default_rng(3).normal(size=(3, 4, 5)) * 2


def norms(values, axis):
    return np.sqrt((values**2).sum(axis=axis, keepdims=True))


@register_function
def within_one(values):
    return np.clip(values, -1, 1)


CASES = [
    (FunctionConstraint(within_one), lambda w: np.clip(w, -1, 1)),
    (NonNeg(), lambda w: np.maximum(w, 0)),
    (MaxNorm(), lambda w: w * np.minimum(norms(w, 0), 2) / (norms(w, 0) + 1e-7)),
    (MaxNorm(0.5, axis=(0, 1)), lambda w: w * np.minimum(norms(w, (0, 1)), 0.5) / (norms(w, (0, 1)) + 1e-7)),
    (UnitNorm(axis=-1), lambda w: w / (norms(w, -1) + 1e-7)),
    (
        MinMaxNorm(0.5, 1.0, rate=0.25, axis=1),
        lambda w: w * (0.25 * np.clip(norms(w, 1), 0.5, 1) + 0.75 * norms(w, 1)) / (norms(w, 1) + 1e-7),
    ),
]
each = pytest.mark.parametrize(("constraint", "formula"), CASES, ids=lambda value: repr(value)[:40])


def test_every_constraint_has_a_case():
    assert {type(case[0]).__name__ for case in CASES} == set(registered(Constraint))


@each
def test_the_projection_is_the_formula(constraint, formula):
    np.testing.assert_allclose(constraint(VALUES), formula(VALUES), rtol=1e-13)
    single = constraint(VALUES.astype(np.float32))
    assert single.dtype == np.float32 and np.isfinite(constraint(0 * VALUES)).all()
    again = Constraint.get(constraint.to_spec())
    np.testing.assert_array_equal(again(VALUES), constraint(VALUES))


def test_what_is_refused():
    with pytest.raises(ConfigError, match="min_value"):
        MinMaxNorm(2.0, 1.0)
    with pytest.raises(ConfigError, match=r"MaxNorm.axis.*\(3,\)"):
        MaxNorm(axis=1)(np.ones(3))
    with pytest.raises(ConfigError, match="choose it or members"):
        layers.Dense(3, kernel_constraint="non_neg", members=2)
    with pytest.raises(ConfigError, match="choose it or sparse"):
        layers.Embedding(3, 2, embeddings_constraint="unit_norm", sparse=True)


def test_the_module_is_that_of_keras():
    assert constraints.get(None) is None and type(constraints.get("max_norm")) is MaxNorm
    spec = {"class_name": "MaxNorm", "config": {"max_value": 3.0, "axis": [0, 1]}}
    written = {**spec, "module": "keras.constraints", "registered_name": None}
    assert constraints.serialize(constraints.deserialize(spec)) == written


SEQUENCE, IMAGE = (6, 3), (6, 6, 3)
LAYERS = [
    (lambda **c: layers.Dense(3, **c), (4,), ["kernel", "bias"]),
    (lambda **c: layers.EinsumDense("ab,bc->ac", 3, bias_axes="c", **c), (4,), ["kernel", "bias"]),
    (lambda **c: layers.Conv1D(2, 3, **c), SEQUENCE, ["kernel", "bias"]),
    (lambda **c: layers.Conv2D(2, 3, **c), IMAGE, ["kernel", "bias"]),
    (lambda **c: layers.Conv1DTranspose(2, 3, **c), SEQUENCE, ["kernel", "bias"]),
    (lambda **c: layers.Conv2DTranspose(2, 3, **c), IMAGE, ["kernel", "bias"]),
    (lambda **c: layers.DepthwiseConv1D(3, **c), SEQUENCE, ["depthwise", "bias"]),
    (lambda **c: layers.DepthwiseConv2D(3, **c), IMAGE, ["depthwise", "bias"]),
    (lambda **c: layers.SeparableConv1D(2, 3, **c), SEQUENCE, ["depthwise", "pointwise", "bias"]),
    (lambda **c: layers.SeparableConv2D(2, 3, **c), IMAGE, ["depthwise", "pointwise", "bias"]),
    (lambda **c: layers.PReLU(**c), (4,), ["alpha"]),
    (lambda **c: layers.BatchNormalization(**c), (4,), ["gamma", "beta"]),
    (lambda **c: layers.LayerNormalization(**c), (4,), ["gamma", "beta"]),
    (lambda **c: layers.GroupNormalization(2, **c), (4,), ["gamma", "beta"]),
    (lambda **c: layers.SimpleRNN(3, **c), SEQUENCE, ["kernel", "recurrent", "bias"]),
    (lambda **c: layers.GRU(3, **c), SEQUENCE, ["kernel", "recurrent", "bias"]),
    (lambda **c: layers.LSTM(3, **c), SEQUENCE, ["kernel", "recurrent", "bias"]),
]


@pytest.mark.parametrize(("make", "shape", "names"), LAYERS, ids=lambda value: str(value)[:30])
def test_every_layer_keeps_to_its_constraints(make, shape, names, tmp_path):
    layer = make(**{f"{name}_constraint": "non_neg" for name in names})
    model = Sequential([layer, layers.Flatten(), layers.Dense(1)], seed=1)
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(8, *shape)), generator.normal(size=(8, 1))
    for _ in range(3):
        model.train_on_batch(x, y)
        assert all((parameter.value >= 0).all() for parameter in layer.trainable_weights)
    assert len(layer.trainable_weights) == len(names)
    model.save(tmp_path / "model.nnlite")
    again = load_model(tmp_path / "model.nnlite").layers[0]
    assert again.get_config() == layer.get_config()
    assert {type(again.get_config()[f"{name}_constraint"]) for name in names} == {dict}


def test_an_embedding_keeps_to_its_constraint():
    model = Sequential(
        [layers.Embedding(5, 3, embeddings_constraint=UnitNorm(axis=1)), layers.Flatten(), layers.Dense(1)], seed=0
    )
    model.compile("adam", "mse")
    model.train_on_batch(np.array([[1, 2], [3, 4]]), np.ones((2, 1)))
    np.testing.assert_allclose(np.linalg.norm(model.layers[0].embeddings.value, axis=1), 1, rtol=1e-5)


def test_dense_layers_that_are_trained_joined_keep_to_them():
    hidden = [layers.Dense(8, "relu", kernel_constraint=MaxNorm(0.5)) for _ in range(2)]
    model = Sequential([*hidden, layers.Dense(1)], seed=0)
    model.compile("adam", "mse")
    generator = np.random.default_rng(0)
    model.fit(generator.normal(size=(32, 4)), generator.normal(size=(32, 1)), epochs=3, batch_size=8, verbose=0)
    for layer in hidden:
        assert np.linalg.norm(layer.kernel.value, axis=0).max() <= 0.5 * (1 + 1e-6)
    assert np.linalg.norm(model.layers[-1].kernel.value) > 0.5


def test_add_weight_takes_a_constraint():
    class Scaled(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(input_shape[-1:], "ones", constraint="non_neg", name="scale")

        def call(self, inputs):
            return inputs * self.scale

    model = Sequential([Scaled()])
    model.compile({"sgd": {"learning_rate": 100.0}}, "mse")
    model.train_on_batch(np.ones((2, 3)), -np.ones((2, 3)))
    assert not model.layers[0].scale.value.any()
