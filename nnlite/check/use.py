"""A layer in use: called, with `forward` and `backward`, in float32, rebuilt from its config and from a file."""

import itertools
import tempfile
from pathlib import Path

import numpy as np

from nnlite.check.memory import listed
from nnlite.check.numeric import EXACT, difference
from nnlite.check.report import Findings
from nnlite.check.samples import contexts, in_dtype, moved, twin_of
from nnlite.check.subject import Subject
from nnlite.errors import ShapeError
from nnlite.jacobians.bundles.partial import map_outputs
from nnlite.layers import Identity, Input, Layer
from nnlite.layers.base.call import moves_on
from nnlite.models import Sequential, load_model
from nnlite.ops import Op
from nnlite.parameters import assign_all
from nnlite.random import RandomSource

__all__ = []

DENSE_ENTRIES = 2**16  # larger Jacobians are not made dense


def subject_of(layer: Layer, inputs: np.ndarray | tuple[np.ndarray, ...], context: dict) -> Subject:
    """A layer as a function of its inputs and parameters."""

    def linearize(*arrays):
        data = arrays[:count] if isinstance(inputs, tuple) else arrays[0]
        result = layer.linearize(data, *arrays[count:], **context)
        if not (isinstance(result, tuple) and len(result) == 2 and len(result[1]) == len(arrays)):
            maps = ", ".join(names)
            raise ShapeError(f"linearize must return (output, Jacobians), with {len(arrays)} maps: by {maps}")
        return result

    data = inputs if isinstance(inputs, tuple) else (inputs,)
    count = len(data)
    parameters = [parameter.name for parameter in layer.parameters]
    names = ["inputs"] if count == 1 else [f"inputs {number}" for number in range(count)]
    names += [name if parameters.count(name) == 1 else f"{name} {index}" for index, name in enumerate(parameters)]
    numbers = layer.input_kind == "numbers"
    wanted = [numbers and array.dtype.kind == "f" for array in data] + [
        not parameter.is_state for parameter in layer.parameters
    ]
    return Subject(linearize, [*data, *moved(layer.values)], names, wanted, count)


def check_dense(findings: Findings, subject: Subject) -> None:
    """Check that `todense` of each map has the columns that `jvp` gives for unit vectors."""
    if isinstance(subject.output, tuple):
        return
    for index, (name, array) in enumerate(zip(subject.names, subject.arrays, strict=True)):
        if not subject.wanted[index] or subject.size * array.size > DENSE_ENTRIES:
            continue
        part = subject.jacobians[index]
        dense = np.zeros(subject.shapes[0] + array.shape) if part is None else part.todense()
        columns = subject.jvp(index, np.eye(array.size).reshape(-1, *array.shape))
        expected = columns.T.reshape(subject.shapes[0] + array.shape)
        sentence = f"todense by {name} is not made of what jvp gives for unit vectors"
        findings.measured("todense", difference(dense, expected), EXACT, sentence)


def check_calls(findings: Findings, layer: Layer, inputs, context: dict, random: np.random.Generator) -> None:
    """Check that calls, `forward`, `backward` and `jvp` agree with `linearize` and its maps."""
    twin, training = twin_of(layer, layer.dtype, None, random), context.get("training", False)
    options = {name: context[name] for name in ("training", "mask") if context.get(name) is not None}
    twin.random = RandomSource(7)
    called = twin(inputs, **options)
    findings.held("called", twin.jacobians is None, "calling the layer keeps its Jacobians; only forward should")
    if not training:
        assign_all(twin.parameters, layer.values, twin.label)  # stateful layers continue from call to call
    output = twin.forward(inputs, **options)
    jacobians = twin.jacobians
    findings.held("called", jacobians is not None, "forward keeps no Jacobians for backward")
    if not training:
        expected = listed(layer.linearize(inputs, *layer.values, **context)[0])
        for what, result in (("the call", called), ("forward", output)):
            same = all(map(np.array_equal, listed(result), expected))
            findings.held("called", same, f"{what} gives another output than linearize")
    shared = any(np.may_share_memory(*pair) for pair in itertools.product(listed(called), listed(inputs)))
    findings.held("called", not shared, "the call gives memory of its inputs")
    stored = (
        all(np.array_equal(parameter.value, new) for parameter, new in twin._state_pairs(jacobians.state))
        if training or moves_on(twin)
        else True
    )
    findings.held("called", stored, "training does not store Jacobians.state")
    subject = subject_of(layer, inputs, context)
    if subject.numeric and any(subject.wanted):
        check_products(findings, twin, subject, random)


def check_products(findings: Findings, op: Op, subject: Subject, random: np.random.Generator) -> None:
    """Check that `backward` and `jvp` after `forward` are products of the Jacobians that it keeps."""
    jacobians, cotangent = op.jacobians, subject.cotangent(random)
    products = jacobians.vjp(cotangent)
    _held_equal(findings, "backward", listed(op.backward(cotangent)), products)
    tangents = [None if product is None else random.normal(size=product.shape) for product in products]
    pushed = jacobians.jvp(*tangents)
    expected = map_outputs(np.zeros_like, subject.output) if pushed is None else pushed
    _held_equal(findings, "jvp", listed(Op.jvp(op, *tangents)), listed(expected))


def _held_equal(findings, method: str, results, expected) -> None:
    same = len(results) == len(expected) and all(
        result is wanted if result is None or wanted is None else difference(result, wanted) <= EXACT
        for result, wanted in zip(results, expected, strict=True)
    )
    findings.held("called", same, f"{method} is not that of the Jacobians")


def check_config(findings: Findings, layer: Layer, inputs) -> None:
    """Check that `Layer.get(layer.to_spec())` is the same layer."""
    twin = Layer.get(layer.to_spec())
    same = type(twin) is type(layer)
    findings.held("config", same, f"the name {type(layer).__name__!r} belongs to another class")
    findings.held("config", twin.to_spec() == layer.to_spec(), "its config makes a layer of another config")
    twin._ensure_built(layer.input_shape)
    for parameter, checked in zip(twin.parameters, layer.parameters, strict=True):
        parameter.value[...] = checked.value
    context = next(contexts(layer, inputs, np.random.default_rng(5)))[1]
    outputs = [subject_of(candidate, inputs, context).outputs for candidate in (layer, twin)]
    same = all(map(np.array_equal, *outputs))
    findings.held("config", same, "a layer made of its config, with its weights, has another output")


def check_file(findings: Findings, layer: Layer, inputs, random: np.random.Generator) -> None:
    """Check that a model of this layer is loaded from its file with the same config and the same predictions."""
    for dtype in ("float64", "float32"):
        twin, batch = twin_of(layer, dtype, None, random), in_dtype(layer, inputs, dtype)
        start = [] if isinstance(twin, Input) else [Input(layer.input_shape[1:], dtype=dtype)]
        model = Sequential([*start, twin, Identity(dtype=dtype)], seed=1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            model.save(path)
            loaded = load_model(path)
        values = [value.copy() for value in twin.values]
        actual, expected = (np.asarray(candidate.predict(batch, verbose=0)) for candidate in (loaded, model))
        findings.held("file", expected.dtype == dtype, f"predictions of a model of {dtype} are {expected.dtype}")
        findings.held("file", loaded.to_spec() == model.to_spec(), "a loaded model has another config")
        findings.held("file", np.array_equal(actual, expected), "a loaded model has other predictions")
        sentence = "the predictions of a model of this layer differ from its calls"
        assign_all(twin.parameters, values, twin.label)  # stateful layers continue from call to call
        findings.held("file", np.array_equal(expected, twin(batch, training=False)), sentence)


def check_single_precision(findings: Findings, layer: Layer, inputs, mask, random: np.random.Generator) -> None:
    """Check that float32 inputs give float32 results."""
    twin = twin_of(layer, "float32", None, random)
    inputs = in_dtype(twin, inputs, "float32")
    for circumstances, context in contexts(twin, inputs, random, mask):
        subject = subject_of(twin, inputs, context)
        for what, arrays in _results(twin, subject, inputs, context, random):
            kinds = {np.asarray(array).dtype for array in arrays if array is not None}
            wrong = [str(kind) for kind in kinds if kind.kind in "fc" and kind != np.float32]
            findings.held("float32", not wrong, f"{what} is {', '.join(wrong)} for float32 inputs, {circumstances}")


def _results(layer, subject, inputs, context, random):
    """`(what, arrays)` of all that a layer gives."""
    cotangent = subject.cotangent(random, (), np.float32)
    tangents = [np.ones_like(a) if wants else None for a, wants in zip(subject.arrays, subject.wanted, strict=True)]
    yield "a parameter", layer.values
    yield "the output", subject.outputs
    yield "jvp", listed(subject.jacobians.jvp(*tangents))
    yield "per_example", subject.jacobians.per_example(cotangent)
    yield "the new state", _arrays_in(subject.jacobians.state)
    for seeds in ((), (2,)):
        products = subject.jacobians.vjp(subject.cotangent(random, seeds, np.float32))
        for name, product in zip(subject.names, products, strict=True):
            yield f"vjp by {name}", [product]
    if not isinstance(inputs, tuple) and len(subject.outputs) == 1:
        training = context.get("training", False)
        yield "what a call gives", listed(layer(inputs, training=training))
        layer.forward(inputs, training=training)
        for start in (1, 0.5):
            yield f"backward({start})", listed(layer.backward(start))


def _arrays_in(state) -> list:
    """The arrays of a state, which in containers is nested."""
    if isinstance(state, dict):
        return _arrays_in(list(state.values()))
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _arrays_in(part)]
    return [state] if isinstance(state, (np.ndarray, np.generic)) else []
