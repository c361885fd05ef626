"""The type bfloat16, of ml_dtypes: arrays, variables and layers of it, their files, and what is said without it."""

import subprocess
import sys

import numpy as np
import pytest

from nnlite import Input, Sequential, Variable, backend, initializers, layers, losses, metrics, ops, optimizers, random
from nnlite.config import dtype_policy, set_dtype_policy
from nnlite.foreign import hdf5
from nnlite.models import load_model
from nnlite.ops.tape import Tape
from nnlite.saving import safetensors

ml_dtypes = pytest.importorskip("ml_dtypes")

HALF, MIXED = "bfloat16", "mixed_bfloat16"
ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
NUMBERS = ops.cast(ROWS, HALF)


def nearest(numbers):
    """Numbers of float32 with the last 16 bits rounded off, ties to even."""
    bits = np.asarray(numbers, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def test_arrays_are_rounded_to_eight_bits():
    np.testing.assert_array_equal(NUMBERS.astype(np.float32), nearest(ROWS))
    assert ops.dtype(NUMBERS) == HALF and ops.cast(NUMBERS, "float32").dtype == np.float32


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (ops.exp, np.exp),
        (ops.sum, np.sum),
        (ops.mean, np.mean),
        (ops.std, np.std),
        (ops.floor, np.floor),
        (ops.cumsum, lambda x: np.cumsum(x.ravel())),
        (ops.median, np.median),
        (lambda x: ops.matmul(x, ops.transpose(x)), lambda x: x @ x.T),
        (lambda x: ops.concatenate([x, x]), lambda x: np.concatenate([x, x])),
        (lambda x: ops.where(ROWS > 0, x, 0.5), lambda x: np.where(ROWS > 0, x, 0.5)),
        (ops.trapezoid, lambda x: (x[:, 1:] + x[:, :-1]).sum(-1) / 2),
        (ops.sinc, np.sinc),
        (ops.corrcoef, np.corrcoef),
        (lambda x: ops.erf(ops.erfinv(ops.tanh(x))), np.tanh),
        (lambda x: ops.inv(x[:4]), lambda x: np.linalg.inv(x[:4])),
        (lambda x: ops.slogdet(x[:4])[1], lambda x: np.linalg.slogdet(x[:4])[1]),
        (lambda x: ops.eigh(ops.diag(x[0]))[0], lambda x: np.sort(x[0])),
        (lambda x: ops.dot_product_attention(*[x[None, :1, None]] * 3), lambda x: x[None, :1, None]),
    ],
)
def test_functions_compute_in_float32_and_round(function, plain):
    result = function(NUMBERS)
    assert result.dtype.name == HALF
    np.testing.assert_allclose(np.float32(result), plain(nearest(ROWS)), rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (np.float16(2), "float32"),
        (np.float32(2), "float32"),
        (np.float64(2), "float64"),
        (np.int64(2), HALF),
        (np.uint8(2), HALF),
        (np.True_, HALF),
        (2, HALF),
        (2.5, HALF),
        ([1.0, 2.0, 3.0, 4.0], HALF),
    ],
    ids=str,
)
def test_types_of_results(other, wanted):
    for one in (other, other if isinstance(other, (int, float, list)) else np.full(4, other)):
        assert ops.multiply(NUMBERS, one).dtype.name == ops.add(one, NUMBERS).dtype.name == wanted
    assert isinstance(other, (int, float, list)) or backend.result_type(HALF, other.dtype).replace("64", "32") == (
        wanted.replace("64", "32")
    )
    assert ops.equal(NUMBERS, np.int64(0)).dtype == bool


@pytest.mark.parametrize(
    "made",
    [
        lambda: ops.zeros((2,), dtype=HALF),
        lambda: ops.full((2,), 1.0, dtype=HALF),
        lambda: ops.linspace(0.0, 1.0, 3, dtype=HALF),
        lambda: ops.convert_to_tensor([1.0, 2.0], dtype=HALF),
        lambda: ops.one_hot(np.array([1]), 2, dtype=HALF),
        lambda: ops.empty((2,), dtype=HALF),
        lambda: random.normal((2,), dtype=HALF, seed=0),
        lambda: random.uniform((2,), dtype=HALF, seed=0),
        lambda: initializers.GlorotUniform()((2, 2), dtype=HALF),
        lambda: Variable([1.0, 2.0], dtype=HALF) + 1,
        lambda: layers.Layer().add_weight((2,), dtype=HALF),
        lambda: Input((2,), dtype=HALF),
        lambda: ops.exp(Input((2,), dtype=HALF)),
        lambda: Input((2,), dtype=HALF) + Input((2,), dtype="int32"),
    ],
)
def test_what_makes_arrays_takes_the_name(made):
    assert ops.dtype(made()) == HALF


@pytest.mark.parametrize("policy", [HALF, MIXED])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(3, "tanh"), (6, 4)),
        (layers.BatchNormalization(), (6, 4)),
        (layers.LSTM(3), (2, 3, 4)),
        (layers.Conv2D(2, 3), (1, 5, 5, 2)),
        (layers.Embedding(5, 2), (2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_give_what_float32_gives_of_rounded_numbers(policy, layer, shape):
    inputs = (np.arange(np.prod(shape)).reshape(shape) % 5 / 8).astype(np.float32)
    inputs = inputs if type(layer) is not layers.Embedding else inputs.round()
    half = type(layer).from_config({**layer.get_config(), "dtype": policy})
    outputs = half(inputs)
    kind = HALF if policy == HALF else "float32"
    assert (half.compute_dtype, half.variable_dtype, half.dtype_policy.name) == (HALF, kind, policy)
    assert outputs.dtype.name == half(Input(shape[1:])).dtype == HALF
    assert {w.dtype.name for w in half.weights} == {w.dtype.name for w in half.get_weights()} == {kind}
    full = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    full(inputs)
    full.set_weights([nearest(np.float32(w)) for w in half.get_weights()])
    np.testing.assert_array_equal(np.float32(outputs), nearest(full(inputs)))


def test_a_dtype_that_is_asked_for_by_position():
    for function in (ops.cumsum, ops.cumprod):
        assert function(NUMBERS, 0, "float32").dtype == np.float32
    assert ops.prod(NUMBERS, None, False, "float32").dtype == np.float32


def test_bytes_and_limits():
    bits = nearest(ROWS).view(np.uint32) >> 16
    np.testing.assert_array_equal(ops.view(NUMBERS, "uint16"), bits)
    assert np.float32(ops.saturate_cast(np.float32([3.4e38, -np.inf]), HALF)).tolist() == [
        2.0**128 - 2.0**120,
        -(2.0**128 - 2.0**120),
    ]


def test_weights_begin_as_those_of_float32():
    assert np.float32(layers.Layer().add_weight((9,), dtype=HALF).numpy()).all()


def test_layers_of_float32_take_such_numbers():
    layer = layers.Dense(2)
    assert layer(NUMBERS).dtype == np.float32
    np.testing.assert_array_equal(layer(NUMBERS), layer(nearest(ROWS)))


def test_small_updates_of_weights_add_up():
    model = Sequential([Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones", dtype=HALF)])
    model.compile(optimizers.SGD(1e-4), lambda y_true, y_pred: y_pred - y_true)
    model.fit(np.ones((100, 1)), np.zeros((100, 1)), batch_size=1, verbose=0)
    assert np.float32(model.layers[0].kernel.numpy()).item() == nearest(1 - 1e-2).item()


def test_derivatives_are_those_of_float32():
    variable = Variable(np.array([1.5, -2.25]), dtype=HALF)
    with Tape().recording():
        ops.sum(variable * variable).backward()
    np.testing.assert_array_equal(variable.gradient, [3.0, -4.5])


def test_a_cast_inside_a_layer_keeps_the_derivative():
    class Own(layers.Layer):
        def call(self, inputs):
            return ops.cast(inputs, HALF) * 3.0

    assert Own().forward(ROWS).shape == ROWS.shape
    layer = Own()
    layer.forward(ROWS)
    np.testing.assert_array_equal(layer.backward(np.ones_like(ROWS)), np.full_like(ROWS, 3.0))


@pytest.mark.parametrize("make", [optimizers.SGD, optimizers.Adam, optimizers.RMSprop])
def test_optimizers_update_variables_as_those_of_float32(make):
    half, full = Variable([1.0, 2.0], dtype=HALF), Variable([1.0, 2.0])
    for variable in (half, full):
        optimizer = make(0.25)
        for _ in range(3):
            optimizer.apply([ops.cast(np.array([0.5, -1.0]), HALF)], [variable])
    assert half.dtype.name == HALF
    np.testing.assert_array_equal(np.float32(half.numpy()), nearest(full.numpy()))


def test_losses_and_metrics():
    y_true, y_pred = np.array([[0.0], [1.0]]), ops.cast(np.array([[0.25], [0.5]]), HALF)
    for dtype in (None, HALF, MIXED):
        assert float(losses.MeanSquaredError(dtype=dtype)(y_true, y_pred)) == 0.15625
    assert float(losses.MeanSquaredError()(y_pred, y_pred)) == 0.0
    metric = metrics.MeanSquaredError(dtype=HALF)
    metric.update_state(y_true, y_pred)
    assert metric.result().item() == 0.15625 and {v.dtype.name for v in metric.variables} == {HALF}


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".safetensors", ".weights.h5"])
@pytest.mark.parametrize("policy", [HALF, MIXED])
def test_files_keep_every_output(tmp_path, suffix, policy):
    if suffix != ".safetensors":
        pytest.importorskip("h5py")
    make = lambda seed: Sequential(  # noqa: E731
        [Input((4,)), layers.Dense(3, "relu", dtype=policy), layers.Dense(1, dtype=policy)], seed=seed
    )
    model, path = make(0), tmp_path / f"model{suffix}"
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, 0], verbose=0)
    if suffix == ".weights.h5":
        model.save_weights(path)
        again = make(1)
        again.load_weights(path)
    else:
        model.save(path)
        again = load_model(path)
    np.testing.assert_array_equal(again.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0))
    assert {w.dtype.name for w in again.weights} == {HALF if policy == HALF else "float32"}


def test_hdf5_keeps_such_numbers_as_keras_does(tmp_path):
    h5py = pytest.importorskip("h5py")
    model, path = Sequential([Input((4,)), layers.Dense(4, dtype=HALF)]), tmp_path / "a.weights.h5"
    arrays = {"layers/dense/vars/0": NUMBERS[:4], "layers/dense/vars/1": NUMBERS[4]}
    path.write_bytes(hdf5.encode(arrays, {"layers/dense/vars": "dense"}))
    with h5py.File(path) as file:
        folder = file["layers/dense/vars"]
        assert {(folder[name].dtype.str, folder[name].attrs["dtype"]) for name in ("0", "1")} == {("|V2", HALF)}
    model.load_weights(path)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), NUMBERS[:4])


def test_safetensors_keep_the_type():
    content = safetensors.encode({"a": NUMBERS, "b": ROWS})
    assert b'"dtype":"BF16"' in content
    _, arrays = safetensors.decode(content)
    assert arrays["a"].dtype.name == HALF
    np.testing.assert_array_equal(arrays["a"], NUMBERS)
    library, torch = pytest.importorskip("safetensors.torch"), pytest.importorskip("torch")
    tensors = {"a": torch.from_numpy(nearest(ROWS)).bfloat16(), "b": torch.from_numpy(ROWS)}
    assert library.save(tensors) == bytes(content)


def test_the_usual_policy():
    set_dtype_policy(HALF)
    try:
        assert dtype_policy().name == HALF and layers.Dense(2)(ROWS).dtype.name == HALF
    finally:
        set_dtype_policy("float32")


WITHOUT = """
import sys
sys.modules["ml_dtypes"] = None
import numpy as np
import nnlite
from nnlite import layers, ops
for made in (lambda: layers.Dense(2, dtype="mixed_bfloat16"), lambda: ops.zeros((2,), dtype="bfloat16"),
             lambda: nnlite.config.set_dtype_policy("bfloat16"),
             lambda: layers.Layer().add_weight((2,), dtype="bfloat16")):
    try:
        made()
    except nnlite.errors.MissingLibraryError as error:
        print(error)
print(nnlite.DTypePolicy("bfloat16").compute_dtype)
"""


def test_without_the_library_one_error_names_the_remedy():
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rest = "NumPy has no bfloat16, that of ml_dtypes is used, which is not installed: pip install ml_dtypes"
    owners = ("Dense.dtype", "arrays of bfloat16", "set_dtype_policy", "arrays of bfloat16")
    assert said == [*(f"{owner}: {rest}" for owner in owners), HALF]


def test_only_who_names_the_type_loads_it():
    code = "import sys, nnlite; nnlite.layers.Dense(2)(nnlite.ops.ones((2, 2))); print('ml_dtypes' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
