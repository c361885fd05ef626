"""The kernels: NumPy's against their formulas, compiled ones against NumPy's, and the choice between them."""

import importlib.util
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from nnlite import Sequential, kernels
from nnlite.errors import ConfigError
from nnlite.kernels import reference
from nnlite.layers import Dense, Input
from nnlite.optimizers import SGD, Adam

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
DTYPES = ["float32", "float64"]
SIZE = 100_003


@pytest.fixture(autouse=True)
def choice_restored():
    yield
    kernels.use(os.environ.get("NNLITE_KERNELS", "auto"))


def vectors(dtype, *signs, size=SIZE):
    """One vector for each sign: `n` for numbers, `p` for positive ones, `-` for None."""
    generator = np.random.default_rng(len(signs))
    drawn = {sign: generator.standard_normal((len(signs), size)).astype(dtype) for sign in "np"}
    kinds = {"n": lambda i: drawn["n"][i], "p": lambda i: np.abs(drawn["p"][i]), "-": lambda i: None}
    return [kinds[sign](place) for place, sign in enumerate(signs)]


def update(signs, *numbers):
    """Arguments of an optimizer's update: vectors, numbers, scratch."""
    return lambda dtype: [*vectors(dtype, *signs), *numbers, np.empty(SIZE, dtype)]


def loss(shape, units=None, weighted=False, layout=np.ascontiguousarray):
    """Arguments of a loss of logits: classes below `units`, or targets in [0, 1)."""

    def arguments(dtype):
        generator = np.random.default_rng(0)
        logits = layout(20 * generator.standard_normal(shape).astype(dtype))
        targets = generator.integers(units, size=shape[:-1]) if units else generator.random(shape).astype(dtype)
        weights = generator.random(shape[:-1]).astype(dtype) if weighted else None
        return [logits, targets, 1 / 7, weights]

    return arguments


SAMPLES = {
    "adam": [update("nnnp-", 0.1, 1e-3, 1e-3, 1e-7), update("nnnpp", 0.2, 1e-2, 3e-4, 1e-3)],
    "decay": [update("n", 4e-6)],
    "rmsprop": [update("nnp" + more, 0.1, 1e-3, 0.9, 1e-7) for more in ("--", "n-", "-n", "nn")],
    "sgd": [update("nn-", 0.01, 0.0, True), update("nnn", 0.01, 0.9, False), update("nnn", 0.01, 0.9, True)],
    "sigmoid_crossentropy": [
        loss((5, 1)),
        loss((3, 4, 2), weighted=True),
        loss((4, 2, 3), layout=np.asfortranarray),
        loss((600, 1)),
    ],
    "softmax_crossentropy": [
        loss((5, 3), 3),
        loss((3, 4, 6), 6, weighted=True),
        loss((4, 2, 3), 3, layout=np.asfortranarray),
        loss((3, 40), 40),
    ],
}


def ran(function, arguments):
    """All arrays and numbers that a call returns or writes to, scratch left out."""
    copies = [item.copy(order="K") if isinstance(item, np.ndarray) else item for item in arguments]
    returned = function(*copies)
    parts = returned if isinstance(returned, tuple) else ()
    return [*parts, *(item for item in copies[:-1] if isinstance(item, np.ndarray))]


@needs_numba
def test_every_compiled_kernel_has_a_reference_and_samples():
    from nnlite.kernels import compiled

    assert set(compiled.__all__) == set(SAMPLES) <= set(reference.__all__)
    assert set(compiled.SAME_TO_THE_LAST_BIT) < set(compiled.__all__)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "number"), [(name, i) for name, own in SAMPLES.items() for i in range(len(own))])
def test_compiled_agrees_with_reference(name, number, dtype):
    from nnlite.kernels import compiled

    arguments = SAMPLES[name][number](dtype)
    expected, found = (ran(getattr(source, name), arguments) for source in (reference, compiled))
    exact = name in compiled.SAME_TO_THE_LAST_BIT
    for want, have in zip(expected, found, strict=True):
        assert np.shape(have) == np.shape(want)
        assert np.asarray(have).dtype == np.asarray(want).dtype
        largest = np.abs(want).max()
        np.testing.assert_allclose(have, want, rtol=0, atol=0 if exact else 4 * np.finfo(dtype).eps * largest)


@needs_numba
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd", "decay"])
def test_compiled_updates_pass_on_what_is_not_finite(name, value):
    from nnlite.kernels import compiled

    for sample in SAMPLES[name]:
        for place, item in enumerate(sample("float32")[:-1]):
            if isinstance(item, np.ndarray):
                arguments = sample("float32")
                arguments[place][::7] = value
                with np.errstate(all="ignore"):
                    expected, found = (ran(getattr(source, name), arguments) for source in (reference, compiled))
                for want, have in zip(expected, found, strict=True):
                    np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])
@pytest.mark.parametrize("name", ["sigmoid_crossentropy", "softmax_crossentropy"])
def test_losses_take_a_complex_step(name, choice):
    kernels.use(choice)
    for sample in SAMPLES[name]:
        logits, targets, scale, weights = sample("float64")
        logits = logits / 5
        logits[0] = 0
        function = getattr(kernels, name)
        gradient = function(logits, targets, scale, weights)[1]
        direction = np.random.default_rng(1).standard_normal(logits.shape)
        change = function(logits + 1e-30j * direction, targets, scale, weights)[0].imag / 1e-30
        assert change == pytest.approx((gradient * direction).sum(), rel=1e-12)


def test_losses_by_their_formulas():
    logits, classes, scale, weights = SAMPLES["softmax_crossentropy"][1]("float64")
    rows = zip(logits.reshape(-1, 6), classes.ravel(), weights.ravel(), strict=True)
    expected = scale * sum(w * (math.log(sum(map(math.exp, row))) - row[own]) for row, own, w in rows)
    assert kernels.softmax_crossentropy(logits, classes, scale, weights)[0] == pytest.approx(expected, rel=1e-13)
    logits, targets, scale, weights = SAMPLES["sigmoid_crossentropy"][1]("float64")
    losses = np.logaddexp(0, logits) - targets * logits
    expected = scale * (losses * weights[..., None]).sum()
    assert kernels.sigmoid_crossentropy(logits, targets, scale, weights)[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("dtype", [*DTYPES, "complex128"])
def test_relu(dtype):
    x = np.array([-1.5, -0.0, 0.0, 2.5, np.inf, -np.inf][: 4 if dtype == "complex128" else None], dtype)
    y, above = kernels.relu(x)
    assert y.dtype == dtype and above.dtype == bool
    np.testing.assert_array_equal(y, np.where(x.real > 0, x, 0))
    np.testing.assert_array_equal(above, x.real > 0)
    assert np.isnan(kernels.relu(np.array([np.nan], "float32"))[0])


def test_dropout_keeps_what_reaches_the_threshold():
    inputs = np.arange(1, 7, dtype="float32").reshape(2, 3)
    bits = np.array([[0, 9, 10], [65535, 3, 11]], np.uint16)
    outputs, factors = kernels.dropout(inputs, bits, 10, 1.5)
    assert factors.tolist() == [[0, 0, 1.5], [1.5, 0, 1.5]]
    np.testing.assert_array_equal(outputs, inputs * factors)
    assert outputs.dtype == factors.dtype == np.float32
    assert not kernels.dropout(inputs, bits, 65536, 0.0)[1].any()
    assert kernels.dropout(inputs, bits[:, :1], 10, 2.0)[0].tolist() == [[0, 0, 0], [8, 10, 12]]


def trained(dtype, optimizer, steps=20):
    """Weights of a net after some steps of mean squared error."""
    model = Sequential([Input((5,)), Dense(16, activation="tanh", dtype=dtype), Dense(2, dtype=dtype)], seed=0)
    model.compile(optimizer, "mse")
    generator = np.random.default_rng(0)
    x, y = (generator.standard_normal((8, width)).astype(dtype) for width in (5, 2))
    for _ in range(steps):
        model.train_step(x, y)
    return model.get_weights()


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_net_trains_the_same_with_both(dtype):
    found = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        found.append(trained(dtype, {"AdamW": {"amsgrad": True}}))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@needs_numba
def test_use_takes_effect_at_once():
    from nnlite.kernels import compiled

    for choice, source in [("numba", compiled), ("numpy", reference), ("numba", compiled), ("auto", reference)]:
        kernels.use(choice)
        assert kernels.adam is source.adam
        assert kernels.softmax_crossentropy is source.softmax_crossentropy
        assert kernels.erf is reference.erf


@needs_numba
@pytest.mark.parametrize("optimizer", [Adam(), SGD(0.01)])
def test_auto_goes_over_when_it_is_worth_it_and_results_stay(optimizer, monkeypatch):
    from nnlite.kernels import compiled

    kernels.use("numpy")
    expected = trained("float32", optimizer)
    kernels.use("auto")
    monkeypatch.setattr(kernels, "WORTH_LOADING", 130 * 10)  # the net has 130 parameters
    trained("float32", optimizer, 10)
    assert kernels.adam is reference.adam
    found = trained("float32", optimizer)
    assert kernels.adam is compiled.adam
    assert kernels.softmax_crossentropy is reference.softmax_crossentropy
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_numba_auto_stays_and_numba_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "nnlite.kernels.compiled", None)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    kernels.use("auto")
    kernels.load_when_worth(10**12)
    assert kernels.adam is reference.adam
    monkeypatch.setattr(kernels, "_compiled", None)
    kernels.load_when_worth(10**12)  # is not tried again
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "nnlite.kernels.compiled", None)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    with pytest.raises(ConfigError, match=r"compiled kernels need Numba, pip install nnlite\[fast\]"):
        kernels.use("numba")


def test_another_word_is_refused():
    with pytest.raises(ConfigError, match="kernels must be one of auto, numpy, numba, got 'torch'"):
        kernels.use("torch")


def test_the_environment_chooses_and_numba_is_loaded_late():
    def loaded(choice, command):
        code = f"import sys, nnlite; {command}; print('numba' in sys.modules)"
        environment = {**os.environ, "NNLITE_KERNELS": choice}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    assert loaded("auto", "nnlite.kernels.load_when_worth(1)") == "False"
    assert "must be one of auto, numpy, numba, got 'fastest'" in loaded("fastest", "nnlite.kernels")
    if importlib.util.find_spec("numba"):
        assert loaded("numba", "pass") == "False"
        assert loaded("numba", "nnlite.kernels") == "True"
