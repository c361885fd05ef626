"""Hostile model files, made by hand: each is one typed error that names the file, and costs next to nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bounds import quickest, within
from model_file_mutations import file_of

import nnlite
from nnlite import Input, Model, Sequential, layers, load_model, saving
from nnlite.errors import ModelFileError
from nnlite.features import FeatureSpace

DENSE = {"Sequential": {"layers": [{"Input": {"shape": [3]}}, {"Dense": {"units": 2}}], "seed": 0}}
HEADER = {"content": "model", "model": DENSE, "input_shape": [None, 3], "compile": None}
ARRAYS = {"weights/0.kernel": np.zeros((3, 2), "f4"), "weights/1.bias": np.zeros(2, "f4")}
COMPILED = {"optimizer": "adam", "loss": "mse"}
MEMORY, SECONDS = 64 * 2**20, 1.0  # beyond the size of the file; of the processor, without the tracing of memory
SLOWED = 5  # times that the tracing of memory slows down

pytestmark = pytest.mark.usefixtures("quiet")


def chain(*specs, **options):
    return {**HEADER, "model": {"Sequential": {"layers": list(specs), **options}}}


def nested(depth):
    spec = {"Dense": {"units": 2}}
    for _ in range(depth):
        spec = {"Sequential": {"layers": [spec]}}
    return spec


def header_with(**changes):
    return {**HEADER, **changes}


def text_with(piece):
    return json.dumps({"format": 1, **HEADER})[:-1] + f", {piece}}}"


# Label -> header, or its text, and what is changed of the arrays; an array that becomes None is left out.
HOSTILE = {
    "units": (chain({"Input": {"shape": [3]}}, {"Dense": {"units": 10**8}}), {}),
    "units of any size": (chain({"Input": {"shape": [3]}}, {"Dense": {"units": 10**300}}), {}),
    "inputs": (chain({"Input": {"shape": [10**9]}}, {"Dense": {"units": 2}}), {}),
    "inputs of any size": (header_with(input_shape=[None, 10**30]), {}),
    "many layers": (chain({"Input": {"shape": [3]}}, *[{"ReLU": {"name": f"r{n}"}} for n in range(2000)]), {}),
    "many layers without names": (chain({"Input": {"shape": [3]}}, *[{"ReLU": {}} for _ in range(500)]), {}),
    "models in models": (header_with(model=nested(300)), {}),
    "an embedding": (chain({"Input": {"shape": [3]}}, {"Embedding": {"input_dim": 10**9, "output_dim": 100}}), {}),
    "a recurrent layer": (chain({"Input": {"shape": [3, 3]}}, {"LSTM": {"units": 10**5}}), {}),
    "padding": (chain({"Input": {"shape": [3, 3, 1]}}, {"ZeroPadding2D": {"padding": 10**8}}), {}),
    "repetitions": (chain({"Input": {"shape": [3]}}, {"RepeatVector": {"n": 10**9}}), {}),
    "a large image": (chain({"Input": {"shape": [3, 3, 1]}}, {"UpSampling2D": {"size": 10**8}}), {}),
    "a pack of slots": (header_with(compile=COMPILED, iterations=1), {"optimizer/9999999/momentum": np.zeros(3)}),
    "counts below 0": (header_with(compile=COMPILED, iterations=-1), {}),
    "counts that are not integers": (header_with(compile=COMPILED, iterations=1.5), {}),
    "counts beyond 64 bits": (header_with(compile=COMPILED, iterations=2**70), {}),
    "no counts": (header_with(compile=COMPILED), {}),
    "no array": (HEADER, {"weights/1.bias": None}),
    "one array more": (HEADER, {"weights/2.bias": np.zeros(2, "f4")}),
    "an array of another kind": (HEADER, {"weights/1.bias": np.zeros(2, "i4")}),
    "an array of another precision": (HEADER, {"weights/1.bias": np.zeros(2, "f8")}),
    "complex weights": (HEADER, {"weights/1.bias": np.zeros(2, "c8")}),
    "truth values as weights": (HEADER, {"weights/1.bias": np.zeros(2, "?")}),
    "an array of another name": (HEADER, {"kernel": np.zeros(2, "f4")}),
    "a large empty array": (HEADER, {"weights/1.bias": np.zeros((10**9, 0), "f4")}),
    "no format": ("{}", {}),
    "format 0": (header_with(format=0), {}),
    "format true": (header_with(format=True), {}),
    "no header": ("", {}),
    "a list": ("[]", {}),
    "a string": ('"model"', {}),
    "a key twice": (text_with('"model": {"Sequential": {"layers": []}}'), {}),
    "infinity": (text_with('"source": {"a": Infinity}'), {}),
    "a number too large": (text_with('"source": {"a": 1e999}'), {}),
    "5,000 digits": (text_with(f'"source": {{"a": {"9" * 5000}}}'), {}),
    "depth": (text_with(f'"source": {{"a": {"[" * 900}{"]" * 900}}}'), {}),
    "great depth": ("[" * 10**5, {}),
    "an entry that no format has": (header_with(note="hello"), {}),
    "a model that is a list": (header_with(model=[DENSE]), {}),
    "a model that is a name": (header_with(model="Sequential"), {}),
    "a layer that is a number": (chain({"Input": {"shape": [3]}}, 3), {}),
    "a layer that is null": (chain({"Input": {"shape": [3]}}, None), {}),
    "layers that are a mapping": (header_with(model={"Sequential": {"layers": {"Dense": {"units": 2}}}}), {}),
    "an unknown layer": (chain({"Input": {"shape": [3]}}, {"Dens": {}}), {}),
    "an unknown argument": (chain({"Input": {"shape": [3]}}, {"Dense": {"units": 2, "unit": 2}}), {}),
    "a penalty of -10^30": (
        chain({"Input": {"shape": [3]}}, {"Dense": {"units": 2, "kernel_regularizer": {"L2": {"l2": -(10**30)}}}}),
        {},
    ),
    "a function of nobody": (chain({"Input": {"shape": [3]}}, {"Lambda": {"function": "os.system"}}), {}),
    "an activation that is a path": (chain({"Input": {"shape": [3]}}, {"Activation": {"activation": "../x"}}), {}),
    "an axis": (chain({"Input": {"shape": [3]}}, {"Softmax": {"axis": 7}}), {}),
    "a permutation": (chain({"Input": {"shape": [3]}}, {"Permute": {"dims": [2, 1]}}), {}),
    "a loss of nobody": (header_with(compile={"optimizer": "adam", "loss": "los"}, iterations=0), {}),
    "compile as a list": (header_with(compile=["adam"], iterations=0), {}),
    "another argument of compile": (header_with(compile={"optimiser": "adam"}, iterations=0), {}),
    "thresholds": (
        header_with(compile={**COMPILED, "metrics": [{"AUC": {"num_thresholds": 10**9}}]}, iterations=0),
        {},
    ),
    "classes": (header_with(compile={**COMPILED, "metrics": [{"MeanIoU": {"num_classes": 10**9}}]}, iterations=0), {}),
    "an encoder of nobody": (header_with(encoder={"Nobody": {}}), {}),
    "an encoder that is a list": (header_with(encoder=[1]), {}),
    "an encoder for other columns": (header_with(encoder={"Columns": {"columns": 3}}), {}),
    "fewer labels than outputs": (
        header_with(target={"Classes": {"name": "t", "labels": ["a"], "kind": "sparse"}}),
        {},
    ),
    "labels that are a number": (header_with(target={"Classes": {"name": "t", "labels": 3, "kind": "sparse"}}), {}),
    "intervals": (header_with(intervals={"count": 1, "ranks": [1], "residuals": [[0.0]]}), {}),
    "intervals without end": (header_with(intervals={"count": 10**30, "ranks": [1], "residuals": []}), {}),
    "a link of nobody": (header_with(link="link"), {}),
    "a source that is a list": (header_with(source=[]), {}),
    "a graph without nodes": (
        header_with(model={"Model": {"inputs": [], "layers": [], "nodes": [], "outputs": []}}),
        {},
    ),
    "weights alone": ({"content": "weights"}, {}),
    "content of another kind": ({"content": ["model"]}, {}),
}


def error_at_no_cost(path, content):
    """The error of a file, which has cost little to find; None if it is a model."""
    path.write_bytes(content)
    try:
        within(lambda: load_model(path), SLOWED * SECONDS, len(content) + MEMORY)
    except ModelFileError as error:
        return error
    return None


@pytest.mark.parametrize("name", HOSTILE)
def test_one_typed_error_at_no_cost(name, tmp_path):
    header, changes = HOSTILE[name]
    arrays = {key: array for key, array in {**ARRAYS, **changes}.items() if array is not None}
    content = file_of(header, arrays)
    error = error_at_no_cost(tmp_path / "a.safetensors", content)
    assert error is not None and str(error).startswith(str(tmp_path / "a.safetensors"))


def test_the_file_before_it_is_spoilt_is_a_model(tmp_path):
    assert error_at_no_cost(tmp_path / "a.safetensors", file_of(HEADER, ARRAYS)) is None


@pytest.mark.parametrize("name", ["kernel", "../a/b", ""])
def test_a_feature_space_is_read_as_strictly(tmp_path, name):
    space = FeatureSpace({"a": "float_normalized"})
    space.adapt({"a": np.arange(5.0)})
    space.save(path := tmp_path / "space.safetensors")
    header, arrays = saving.read(path)
    for changed in ({**header, "config": 3}, {**header, "config": {"features": {"a": {"Nobody": {}}}}}):
        path.write_bytes(file_of(changed, arrays))
        with pytest.raises(ModelFileError, match=r"space\.safetensors"):
            FeatureSpace.load(path)
    path.write_bytes(file_of(header, {**arrays, name or "x": np.zeros(3)}))
    with pytest.raises(ModelFileError, match="left over"):
        FeatureSpace.load(path)


def test_no_integer_of_a_header_costs_memory_or_time(tmp_path):
    """Every field of every kind of row, in a process whose memory is limited."""
    pytest.importorskip("resource", reason="no limits of memory on this system")
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell the size of a process")
    command = [sys.executable, str(Path(__file__).with_name("limited_loads.py")), str(tmp_path / "a.safetensors")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    *faults, last = done.stdout.splitlines() or [""]
    assert done.returncode == 0, done.stderr
    assert not faults, "\n".join(faults)
    assert int(last.removesuffix(" tried")) > 1000


def test_padding_within_a_layer_is_sized_before_it_is_tried(tmp_path):
    """Dilated windows, whose outputs and parameters are few, on their own, in cells and in wrappers."""
    same = {"padding": "same", "dilation_rate": 10**9}
    convolution, lstm = {"Conv1D": {"filters": 1, "kernel_size": 2, **same}}, {"filters": 1, "kernel_size": 2, **same}
    pooled = {"Sequential": {"layers": [{"UpSampling1D": {"size": 10**9}}, "GlobalMaxPooling1D"]}}
    for spec, shape in [
        (convolution, [4, 1]),
        ({"Conv1DTranspose": {"filters": 1, "kernel_size": 2, **same}}, [4, 1]),
        ({"DepthwiseConv1D": {"kernel_size": 2, **same}}, [4, 1]),
        ({"MaxPooling1D": {"pool_size": 10**9, "padding": "same"}}, [4, 1]),
        ({"ConvLSTM1D": lstm}, [3, 4, 1]),
        ({"TimeDistributed": {"layer": convolution}}, [3, 4, 1]),
        ({"TimeDistributed": {"layer": {"AveragePooling1D": {"pool_size": 10**9, "padding": "same"}}}}, [3, 4, 1]),
        ({"TimeDistributed": {"layer": pooled}}, [3, 4, 1]),
    ]:
        header = {**chain({"Input": {"shape": shape}}, spec), "input_shape": [None, *shape]}
        error_at_no_cost(tmp_path / "a.safetensors", file_of(header, {}))


def test_a_deep_or_long_model_that_was_saved_is_loaded(tmp_path):
    inner = Sequential([layers.Dense(2)], seed=0)
    for _ in range(20):
        inner = Sequential([inner], seed=0)
    model = Sequential([Input((3,)), inner], seed=0)
    model.save(tmp_path / "deep.safetensors")
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(load_model(tmp_path / "deep.safetensors").predict(x, verbose=0),
                                  model.predict(x, verbose=0))  # fmt: skip
    long = Sequential([Input((3,)), *[layers.ReLU() for _ in range(2000)]], seed=0)
    long.save(tmp_path / "long.safetensors")
    assert len(load_model(tmp_path / "long.safetensors").layers) == 2000
    assert quickest(lambda: load_model(tmp_path / "long.safetensors")) < 2


def test_what_could_not_be_read_is_not_written(tmp_path):
    inner = Sequential([layers.Dense(2)], seed=0)
    for _ in range(90):
        inner = Sequential([inner], seed=0)
    model = Sequential([Input((3,)), inner], seed=0)
    with pytest.raises(ModelFileError, match="cannot be written: lists and objects are more than 256 deep"):
        model.save(tmp_path / "deep.safetensors")
    assert not list(tmp_path.iterdir())


def recurrent():
    return Sequential([Input((3, 4)), layers.LSTM(50), layers.Dense(2)], seed=0)


def graph():
    inputs = Input((4,))
    return Model(inputs, layers.Dense(3)(layers.Dense(9)(inputs)), seed=0)


@pytest.mark.parametrize("make", [recurrent, graph])
def test_loading_draws_nothing(make, tmp_path, monkeypatch):
    model = make()
    model.save(tmp_path / "a.safetensors")
    drawn = []
    for cls in nnlite.initializers.Initializer.members().values():
        monkeypatch.setattr(cls, "draw", lambda self, shape, generator: drawn.append(shape) or np.zeros(shape))
    loaded = load_model(tmp_path / "a.safetensors")
    assert not drawn
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    make()
    assert drawn
