"""The kernels: NumPy's against their formulas, compiled ones against NumPy's, and the choice between them."""

import copy
import importlib.util
import math
import os
import pkgutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from nnlite import Sequential, kernels
from nnlite.arrays.windows import place_windows
from nnlite.callbacks import LambdaCallback
from nnlite.errors import ConfigError
from nnlite.kernels import reference
from nnlite.layers import LSTM, Dense, Input, Masking
from nnlite.optimizers import Adam

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
DTYPES = ["float32", "float64"]
SIZE = 100_003


pytestmark = pytest.mark.usefixtures("choice_restored")


def vectors(dtype, *signs, size=SIZE):
    """One vector for each sign: `n` for numbers, `p` for positive ones, `-` for None."""
    generator = np.random.default_rng(len(signs))
    drawn = {sign: generator.standard_normal((len(signs), size)).astype(dtype) for sign in "np"}
    kinds = {"n": lambda i: drawn["n"][i], "p": lambda i: np.abs(drawn["p"][i]), "-": lambda i: None}
    return [kinds[sign](place) for place, sign in enumerate(signs)]


def update(signs, *numbers):
    """Arguments of an optimizer's update: vectors, numbers, factors (None, but for the last sign `f`), scratch."""
    own, several = signs.removesuffix("f"), signs.endswith("f")

    def arguments(dtype):
        factors = np.linspace(0, 2, SIZE, dtype=dtype) if several else None
        return [*vectors(dtype, *own), *numbers, factors, np.empty(SIZE, dtype)]

    return arguments


def loss(shape, units=None, weighted=False, layout=np.ascontiguousarray):
    """Arguments of a loss of logits: classes below `units`, or targets in [0, 1)."""

    def arguments(dtype):
        generator = np.random.default_rng(0)
        logits = layout(20 * generator.standard_normal(shape).astype(dtype))
        targets = generator.integers(units, size=shape[:-1]) if units else generator.random(shape).astype(dtype)
        weights = generator.random(shape[:-1]).astype(dtype) if weighted else None
        return [logits, targets, 1 / 7, weights]

    return arguments


def lstm(mask=False, bias=True, batch=3, steps=7):
    """Arguments of `lstm_run`."""

    def arguments(dtype):
        generator = np.random.default_rng(0)
        shapes = (batch, steps, 4), (batch, 5), (batch, 5), (4, 20), (5, 20), (20,)
        rows, *others, own_bias = (generator.standard_normal(shape).astype(dtype) for shape in shapes)
        counts = generator.integers(2, size=(steps, batch, 1)).astype(dtype) if mask else None
        return [rows.swapaxes(0, 1), *others, own_bias if bias else None, counts]

    return arguments


def lstm_back(outputs=False, seeds=(), **options):
    """Arguments of `lstm_pull`."""

    def arguments(dtype):
        generator = np.random.default_rng(1)
        given = lstm(**options)(dtype)
        joined, cells, gates, squashed = reference.lstm_run(*given)
        arriving = generator.standard_normal((len(gates), *seeds, *cells[0].shape)).astype(dtype) if outputs else None
        states = generator.standard_normal((2, *seeds, *cells[0].shape)).astype(dtype)
        return [joined, cells, gates, squashed, given[4], given[6], arriving, *states]

    return arguments


LSTM_BACK = [
    *(lstm_back(outputs=outputs, mask=mask) for outputs in (False, True) for mask in (False, True)),
    *(
        lstm_back(bias=False),
        lstm_back(batch=1, steps=1),
        lstm_back(steps=40, batch=300),
        lstm_back(steps=3, batch=6000),
    ),
]


def swapped(sample):
    """A sample whose targets come first."""
    return lambda dtype: [(given := sample(dtype))[1], given[0], *given[2:]]


def row_sums(count, run, length=9):
    """Arguments of `put_row_sums`; some rows of the table are named often, some never."""

    def arguments(dtype):
        generator = np.random.default_rng(0)
        out, values = generator.standard_normal((length, 4)), generator.standard_normal((count, 4))
        indices = generator.integers(length - 2, size=count * run)
        return [out.astype(dtype), values.astype(dtype), indices, run]

    return arguments


def table(length, count, width=5, room=64):
    """Arguments of `adam_rows`: a table of which some rows have gradients."""

    def arguments(dtype):
        drawn = [array.reshape(length, width) for array in vectors(dtype, *"nnp", size=length * width)]
        rows = np.sort(np.random.default_rng(3).permutation(length)[:count])
        slopes = np.random.default_rng(4).standard_normal((count, width)).astype(dtype)
        return [*drawn, rows, slopes, 1.3, 1.01, 1e-3, 1e-7, np.empty(room, dtype)]

    return arguments


def sums(*given):
    """Arguments of `sums_by_row`."""

    def arguments(dtype):
        out, values, indices, run = row_sums(*given)(dtype)
        return [values[None], indices, len(out), run]

    return arguments


EXACT = ("adam", "adam_rows", "decay", "rmsprop", "sgd")  # neither exp nor long sums, which NumPy rounds otherwise
SAMPLES = {
    "adam": [update("nnnp-", 0.1, 1e-3, 1e-3, 1e-7), update("nnnppf", 0.2, 1e-2, 3e-4, 1e-3)],
    "adam_rows": [table(40, 17), table(40, 40, room=300), table(7, 1), table(1, 1)],
    "decay": [update("n", 4e-6), update("nf", 4e-6)],
    "lstm_gradients": LSTM_BACK,
    "lstm_pull": [*LSTM_BACK, lstm_back(seeds=(2,), outputs=True, mask=True)],
    "lstm_run": [lstm(), lstm(mask=True), lstm(bias=False), lstm(batch=1, steps=1), lstm(steps=2, batch=6000)],
    "put_row_sums": [row_sums(5, 1), row_sums(20, 3), row_sums(200, 2), row_sums(3, 4, 70_000)],
    "rmsprop": [update("nnp" + more, 0.1, 1e-3, 0.9, 1e-7) for more in ("--", "n-", "-n", "nn", "nnf")],
    "sums_by_row": [sums(5, 1), sums(20, 3), sums(200, 2), sums(3, 4, 70_000)],
    "sgd": [
        *(update("nn-" + more, 0.01, 0.0, True) for more in ("", "f")),
        *(update("nnn" + more, 0.01, 0.9, nesterov) for more in ("", "f") for nesterov in (False, True)),
    ],
    "sigmoid_crossentropy": [
        loss((5, 1)),
        loss((3, 4, 2), weighted=True),
        loss((4, 2, 3), layout=np.asfortranarray),
        loss((600, 1)),
    ],
    "squared_error": [
        swapped(loss((5, 1))),
        swapped(loss((3, 4, 2), weighted=True)),
        swapped(loss((4, 2, 3), layout=np.asfortranarray)),
        swapped(loss((600, 1))),
    ],
    "softmax_crossentropy": [
        loss((5, 3), 3),
        loss((3, 4, 6), 6, weighted=True),
        loss((4, 2, 3), 3, layout=np.asfortranarray),
        loss((3, 40), 40),
    ],
}
TRIED_ELSEWHERE = {
    *("dense_backward", "dense_forward"),  # in test_joined.py
    *("attend", "attention_pull"),  # in test_attention_kernels.py
    *("normalize", "normalize_pull", "normalize_columns", "normalize_columns_pull"),  # in test_normalization_kernels.py
    *("bias_relu", "gated", "gated_sum", "largest_of_windows", "spread_largest"),  # in test_image_kernels.py, as these
    *("convolve", "kernel_gradient", "mix_pixels", "spread", "spread_pixels"),
}
LAST_PLACES = {"lstm_gradients": 16, "lstm_pull": 16, "lstm_run": 16}  # 4 for the others; these go through many steps


def ran(function, arguments):
    """All arrays and numbers that a call returns or writes to, scratch left out."""
    copies = [item.copy(order="K") if isinstance(item, np.ndarray) else item for item in arguments]
    returned = function(*copies)
    parts = returned if isinstance(returned, tuple) else ()
    return [*parts, *(item for item in copies[:-1] if isinstance(item, np.ndarray))]


@needs_numba
def test_every_compiled_kernel_has_a_reference_and_samples():
    from nnlite.kernels import compiled

    assert set(compiled.__all__) == set(SAMPLES) | TRIED_ELSEWHERE
    assert set(compiled.__all__) <= set(reference.__all__)
    assert set(EXACT) < set(SAMPLES)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "number"), [(name, i) for name, own in SAMPLES.items() for i in range(len(own))])
def test_compiled_agrees_with_reference(name, number, dtype):
    from nnlite.kernels import compiled

    arguments = SAMPLES[name][number](dtype)
    expected, found = (ran(getattr(source, name), arguments) for source in (reference, compiled))
    exact = name in EXACT
    for want, have in zip(expected, found, strict=True):
        assert np.shape(have) == np.shape(want)
        assert np.asarray(have).dtype == np.asarray(want).dtype
        largest = np.abs(want).max()
        places = 0 if exact else LAST_PLACES.get(name, 4)
        np.testing.assert_allclose(have, want, rtol=0, atol=places * np.finfo(dtype).eps * largest)


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


@pytest.mark.parametrize("number", range(len(LSTM_BACK)))
@pytest.mark.parametrize("size", [0, 61, 122, 10**6])
def test_lstm_gradients_are_products_of_the_deltas(size, number, monkeypatch):
    monkeypatch.setattr(
        "nnlite.kernels.reference.recurrent.PART", size
    )  # 1, 2, 3 and all steps of most samples together
    arguments = LSTM_BACK[number]("float64")
    total, *states = ran(reference.lstm_gradients, arguments)
    deltas, *others = ran(reference.lstm_pull, arguments)
    expected = np.einsum("sbi,sbj->ij", arguments[0][:-1], deltas)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    for found, own in zip(states[:2], others[:2], strict=True):
        np.testing.assert_array_equal(found, own)


@needs_numba
def test_compiled_tanh_is_right_to_three_last_places():
    from nnlite.kernels.compiled.recurrent import tanh

    x = np.concatenate([np.linspace(-10, 10, 400_001), np.geomspace(1e-38, 10, 100_001)]).astype("float32")
    found, expected = x.copy(), np.tanh(x.astype("float64"))
    tanh(found)
    assert (np.abs(found - expected) / np.spacing(np.abs(expected).astype("float32"))).max() < 3
    assert np.abs(found).max() == 1
    special = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e30, -9.5, 1e-45], "float32")
    found = special.copy()
    tanh(found)
    np.testing.assert_array_equal(found, np.tanh(special.astype("float64")).astype("float32"))
    np.testing.assert_array_equal(np.signbit(found[1:]), np.signbit(special[1:]))


@needs_numba
def test_compiled_tanh_of_float64_is_right_to_four_last_places():
    from nnlite.kernels.compiled.parts.double_tanh import double_tanh

    x = np.concatenate([np.linspace(-20, 20, 40_001), np.geomspace(1e-300, 20, 10_001)])
    found, expected = x.copy(), np.tanh(x)
    double_tanh(found)
    assert (np.abs(found - expected) / np.spacing(np.abs(expected))).max() <= 4  # NumPy's own is right to one
    special = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e300, -19.5, 5e-324])
    found = special.copy()
    double_tanh(found)
    np.testing.assert_array_equal(found, np.tanh(special))
    np.testing.assert_array_equal(np.signbit(found[1:]), np.signbit(special[1:]))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("rows", "units"), [(40, 1), (40, 3), (3, 32), (33, 32), (40, 33)])
def test_cross_entropy_of_few_classes_goes_along_columns(rows, units, weighted, monkeypatch):
    generator = np.random.default_rng(rows)
    logits, classes = 3 * generator.standard_normal((rows, units)), generator.integers(0, units, rows)
    weights = generator.uniform(0, 2, rows) if weighted else None
    value, gradient = reference.softmax_crossentropy(logits, classes, 0.1, weights)
    monkeypatch.setattr("nnlite.kernels.reference.losses.FEW_UNITS", 0)
    expected, slopes = reference.softmax_crossentropy(logits, classes, 0.1, weights)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-15)
    assert gradient.flags.c_contiguous and gradient.flags.writeable


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


def small_net(dtype, optimizer):
    """A net of 130 parameters, examples and targets."""
    model = Sequential([Input((5,)), Dense(16, activation="tanh", dtype=dtype), Dense(2, dtype=dtype)], seed=0)
    model.compile(optimizer, "mse")
    generator = np.random.default_rng(0)
    return model, *(generator.standard_normal((64, width)).astype(dtype) for width in (5, 2))


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_net_trains_the_same_with_both(dtype):
    found = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model, x, y = small_net(dtype, {"AdamW": {"amsgrad": True}})
        for _ in range(20):
            model.train_step(x, y)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)


@needs_numba
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}, {"use_bias": False}])
@pytest.mark.parametrize("masked", [False, True])
def test_an_lstm_trains_the_same_with_both(masked, options, monkeypatch):
    generator = np.random.default_rng(0)
    x, y = (generator.standard_normal(shape).astype("float32") for shape in ((6, 9, 3), (6, 9, 2)))
    x[generator.random((6, 9)) < 0.3] = 0 if masked else 1
    losses = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        if choice == "numba":
            for name in ("lstm_run", "lstm_pull", "lstm_gradients"):
                monkeypatch.setattr(f"nnlite.kernels.reference.recurrent.{name}", None)  # nothing may be left to NumPy
        layers = [Input((9, 3)), *([Masking()] if masked else []), LSTM(5, return_sequences=True), LSTM(4, **options)]
        model = Sequential([*layers, Dense(2)], seed=0)
        model.compile(Adam(0.01), "mse")
        losses.append([model.train_step(x, y if "return_sequences" in options else y[:, 0]) for _ in range(30)])
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@needs_numba
def test_use_takes_effect_at_once():
    from nnlite.kernels import compiled

    for choice, source in [("numba", compiled), ("numpy", reference), ("numba", compiled), ("auto", reference)]:
        kernels.use(choice)
        assert kernels.adam is source.adam
        assert kernels.softmax_crossentropy is source.softmax_crossentropy
        assert kernels.erf is reference.erf


@needs_numba
def test_auto_is_numba_within_a_long_training_alone(monkeypatch):
    from nnlite.kernels import compiled

    kernels.use("auto")
    monkeypatch.setattr(compiled, "on_disk", lambda: {"dense", "optimizers"})
    steps = kernels.WORTH_LOADING // (kernels.STEP + 130) + 1
    with kernels.suited_kernels(steps - 1, 130):
        assert kernels.adam is reference.adam
    with kernels.suited_kernels(steps, 130):
        with kernels.suited_kernels(steps, 130):
            assert kernels.adam is compiled.adam
        assert kernels.dense_forward is compiled.dense_forward
        assert kernels.attend is reference.attend and kernels.dense_steps() is None  # nothing is compiled for so few
    assert kernels.adam is reference.adam
    seen = []
    monkeypatch.setattr(kernels, "WORTH_LOADING", 20 * (kernels.STEP + 130))  # 20 steps of a net with 130 parameters
    watch = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(kernels.adam))
    for watches, most in ((True, 4), (False, 9)):  # what may end a training lets half of its steps count
        monkeypatch.setattr(LambdaCallback, "watches", watches)
        for epochs in (most, most + 1):
            model, x, y = small_net("float32", Adam())
            model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[watch])
        assert seen == [reference.adam] * most + [compiled.adam] * (most + 1)
        seen.clear()
    assert kernels.adam is reference.adam


@needs_numba
@pytest.mark.parametrize(("kept", "loads"), [("optimizers.decay-10.py311.nbi", False), ("dense.dense-1.nbi", True)])
def test_a_training_of_middling_length_does_not_load_numba_for_nothing(tmp_path, monkeypatch, kept, loads):
    """Where no file of compiled kernels lies beside the source, half a second of loading would be of no use."""
    (tmp_path / "compiled" / "__pycache__").mkdir(parents=True)
    (tmp_path / "compiled" / "__pycache__" / kept).touch()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.delitem(sys.modules, "nnlite.kernels.compiled", raising=False)
    asked = []

    def load():
        asked.append(True)
        raise ConfigError("not needed here")

    monkeypatch.setattr(kernels, "_compiled", load)
    kernels.use("auto")
    with kernels.suited_kernels(kernels.WORTH_LOADING // kernels.STEP + 1, 0):
        assert bool(asked) is loads


@needs_numba
def test_auto_compiles_within_a_very_long_training_alone(monkeypatch):
    from nnlite.kernels import compiled

    kernels.use("auto")
    monkeypatch.setattr(compiled, "on_disk", set)
    steps = kernels.WORTH_COMPILING // kernels.STEP
    for number, source in ((steps - 1, reference), (steps, compiled)):
        with kernels.suited_kernels(number, 0):
            assert kernels.adam is source.adam and kernels.attend is source.attend


COMPILED_ONCE = {
    "dense": "kernels.dense_forward(kernels.DenseRoom([kernels.DenseLayer(2, 1, True)], 3, *ones(2, 3)), ones(3, 2))",
    "convolution": "kernels.convolve(ones(1, 5, 5, 2), ones(2, 2, 2, 1), place_windows((5, 5), (2, 2), (1, 1)))",
}


@needs_numba
@pytest.mark.parametrize("file", COMPILED_ONCE)
def test_kernels_are_found_on_the_disk(file):
    code = """
import numpy as np
from nnlite import kernels
from nnlite.arrays.windows import place_windows
ones = lambda *shape: np.ones(shape, "float32")
kernels.use("numba")
{}
print({!r} in kernels.compiled.on_disk())
"""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for command, known in (("", "False"), (COMPILED_ONCE[file], "True"), ("", "True")):
            done = subprocess.run(
                [sys.executable, "-c", code.format(command, file)], capture_output=True, text=True, env=environment
            )
            assert done.stdout.strip() == known, done.stderr


@needs_numba
@pytest.mark.parametrize(("word", "source"), [("numpy", reference), ("numba", "compiled")])
def test_a_choice_holds_within_a_long_training_and_after_it(word, source):
    from nnlite.kernels import compiled

    expected = compiled if source == "compiled" else source
    kernels.use(word)
    with kernels.suited_kernels(10**9, 130):
        assert kernels.adam is expected.adam
    kernels.use("auto")
    with kernels.suited_kernels(10**9, 130):
        kernels.use(word)
        assert kernels.adam is expected.adam
    assert kernels.adam is expected.adam


def test_without_numba_auto_stays_and_numba_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "nnlite.kernels.compiled", None)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    kernels.use("auto")
    with kernels.suited_kernels(10**9, 10**6):
        assert kernels.adam is reference.adam
    with pytest.raises(ConfigError, match=r'compiled kernels need Numba, pip install "nnlite\[fast\]"'):
        kernels.use("numba")
    assert kernels.adam is reference.adam


def test_another_word_is_refused():
    with pytest.raises(ConfigError, match="kernels must be one of auto, numpy, numba, got 'torch'"):
        kernels.use("torch")


def test_the_environment_chooses_and_numba_is_loaded_late():
    def loaded(choice, command):
        code = f"import sys, nnlite; {command}; print('numba' in sys.modules)"
        environment = {**os.environ, "NNLITE_KERNELS": choice}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    assert loaded("auto", "nnlite.kernels.suited_kernels(10, 10).__enter__()") == "False"
    assert "must be one of auto, numpy, numba, got 'fastest'" in loaded("fastest", "nnlite.kernels")
    if importlib.util.find_spec("numba"):
        assert loaded("numba", "pass") == "False"
        assert loaded("numba", "nnlite.kernels") == "True"


def test_the_list_of_kernels_is_that_of_their_files():
    """It is written out because type checkers read no other."""
    files = [
        importlib.import_module(f"nnlite.kernels.reference.{module.name}")
        for module in pkgutil.iter_modules(reference.__path__)
    ]
    assert sorted(reference.__all__) == sorted(name for file in files for name in file.__all__)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("size", [0, 1, 10_000])
def test_long_aligned_zeros_begin_with_a_line_of_the_cache(size, dtype):
    vectors = [kernels.aligned_zeros(size, dtype) for _ in range(5)]
    for vector in vectors:
        assert (vector.dtype, vector.shape) == (np.dtype(dtype), (size,))
        assert size < 10_000 or vector.ctypes.data % 64 == 0
        assert vector.flags.writeable
        assert not vector.any()


def test_weights_gradients_and_slots_are_aligned():
    model = Sequential([Input((100,)), Dense(50)], seed=0)
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((4, 100)), np.ones((4, 50)))
    (pack,), optimizer = model.trainer.ready_steps().store.packs, model.optimizer
    for vector in (pack.values, pack.gradients, *optimizer.slots[0].values()):
        assert vector.ctypes.data % 64 == 0


FOREIGN = [">f4", ">f8", "longdouble", "float16"]
WINDOWS = place_windows((4, 4), (2, 2), (2, 2))
OVERLAPPING = place_windows((4, 4), (3, 3), (1, 1), "same")
PIXELS = np.arange(8).reshape(2, 2, 2)
LEFT_TO_NUMPY = {
    "bias_relu": lambda new: (new(3, 5), new(5)),
    "gated": lambda new: (new(3, 5), np.eye(3, 5, dtype=bool)),
    "convolve": lambda new: (new(2, 4, 4, 3), new(3, 3, 1, 3), OVERLAPPING, 3),
    "spread": lambda new: (new(2, 2, 2, 6), new(2, 2, 4, 6), WINDOWS),
    "kernel_gradient": lambda new: (new(2, 4, 4, 3), new(1, 2, 4, 4, 3), OVERLAPPING, 3),
    "largest_of_windows": lambda new: (new(2, 4, 4, 3), WINDOWS, 1),
    "mix_pixels": lambda new: (new(2, 8, 3), PIXELS, new(2, 2, 2)),
    "spread_pixels": lambda new: (new(2, 2, 3), PIXELS, new(2, 2, 2), 8),
    "normalize": lambda new: (new(3, 5), new(5), new(5), 1e-3),
    "normalize_pull": lambda new: (new(3, 5), new(3, 5), new(3, 1), new(5)),
    "normalize_columns": lambda new: (new(2, 3, 4), new(4), new(4), 1e-3, 2),
    "normalize_columns_pull": lambda new: (new(2, 3, 4), new(2, 3, 4), new(2, 4), new(4), 2),
    "sums_by_row": lambda new: (new(1, 4, 2), np.array([0, 2, 2, 1]), 3, 1),
    "squared_error": lambda new: (new(3, 5), new(3, 5), 0.5, new(3)),
    "sigmoid_crossentropy": lambda new: (new(3, 5), new(3, 5), 0.5, new(3)),
    "softmax_crossentropy": lambda new: (new(3, 5), np.array([0, 4, 2]), 0.5, new(3)),
}


def same_as_numpy(name, arguments):
    """What compiled kernels return is what NumPy does, and so is what they write."""
    results = []
    for module in (reference, kernels):
        arrays = [copy.copy(argument) for argument in arguments]
        result = getattr(module, name)(*arrays)
        results.append([*(result if isinstance(result, tuple) else (result,)), *arrays])
    for own, other in zip(*results, strict=True):
        np.testing.assert_array_equal(own, other)


@needs_numba
@pytest.mark.parametrize("dtype", FOREIGN)
@pytest.mark.parametrize("name", LEFT_TO_NUMPY)
def test_numbers_that_numba_does_not_know_are_left_to_numpy(name, dtype):
    generator = np.random.default_rng(0)
    kernels.use("numba")
    same_as_numpy(name, LEFT_TO_NUMPY[name](lambda *shape: generator.standard_normal(shape).astype(dtype)))


@needs_numba
def test_classes_and_weights_in_another_order_of_bytes_are_left_to_numpy():
    logits = np.random.default_rng(0).standard_normal((3, 5)).astype("float32")
    kernels.use("numba")
    same_as_numpy("softmax_crossentropy", (logits, np.array([0, 4, 2], ">i8"), 0.5))
    same_as_numpy("squared_error", (logits, -logits, 0.5, np.array([1, 2, 3], ">f4")))
