"""`check_layer`: one layer under the contract that all layers have."""

import numpy as np

from nnlite.check.jacobians import check_into, check_jacobians, check_per_example
from nnlite.check.memory import check_arguments, check_arrays, check_pure, listed
from nnlite.check.numeric import EXACT, difference
from nnlite.check.report import Findings, Report
from nnlite.check.samples import (
    contexts,
    filled,
    free_batch,
    in_dtype,
    moved,
    sample,
    several,
    stops_gradient,
    twin_of,
)
from nnlite.check.subject import Subject
from nnlite.errors import ShapeError
from nnlite.layers import Layer

__all__ = ["check_layer"]


def check_layer(layer: Layer, input_shape=None, inputs=None, name: str | None = None) -> Report:
    """Check a layer: shapes, Jacobians, both modes, dtype, memory, state, config.

    It is done on copies in float64 (the dtype in float32), with its weights if the layer is built. Jacobians of up
    to 12 entries are checked entry by entry, larger ones along random directions. A layer that takes a mask is tried
    without one and, on inputs of three axes, with one. A layer that takes a part of its function for a constant on
    purpose says so by `stops_gradient = True`; its Jacobians are not compared with numerical ones.

    Args:
        layer: an instance, of your own class too; it stays as it is.
        input_shape: `(batch, ...)`, None where a length is free; a tuple of shapes for several inputs. That of a built
            layer when None.
        inputs: a batch to check at, instead of random numbers; a tuple of them for several inputs.
        name: how the report calls it; its own name, or its class, when None.

    >>> from nnlite.layers import Dense
    >>> report = check_layer(Dense(2, activation="tanh"), (None, 3))
    >>> report.ok, len(report.rows)
    (True, 20)
    """
    report, random = Report(), np.random.default_rng(5)
    name = name or layer.name or type(layer).__name__
    findings = Findings(report, name)
    with findings.trying("linearize"):
        if inputs is None:
            shape = filled(input_shape if input_shape is not None else layer.input_shape)
        else:
            shape = tuple(map(np.shape, inputs)) if isinstance(inputs, tuple) else np.shape(inputs)
        twin = twin_of(layer, "float64", shape, random)
        inputs = sample(twin, shape, random) if inputs is None else in_dtype(twin, inputs, "float64")
        batches = [inputs] if shape == filled(shape, 1) else [inputs, _first_row(inputs)]
        for batch in batches:
            for circumstances, context in contexts(twin, batch, random):
                alone = batch is not inputs
                if alone and context.get("mask") is not None:
                    continue
                findings = Findings(report, name, circumstances + (", batch of 1" if alone else ""))
                _check_mode(findings, twin, batch, context, random, alone)
        findings = Findings(report, name)
        with findings.trying("config"):
            check_arguments(findings, layer)
            _check_config(findings, twin, inputs)
        with findings.trying("float32"):
            _check_single_precision(findings, twin, inputs, random)
    return report


def subject_of(layer, inputs, context) -> Subject:
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
    own = [parameter.name for parameter in layer.parameters]
    names = ["inputs"] if count == 1 else [f"inputs {number}" for number in range(count)]
    names += [name if own.count(name) == 1 else f"{name} {place}" for place, name in enumerate(own)]
    numbers = layer.input_kind == "numbers"
    wanted = [numbers and array.dtype.kind == "f" for array in data] + [own.trainable for own in layer.parameters]
    return Subject(linearize, [*data, *moved(layer.values)], names, wanted, count)


def _check_mode(findings, layer, inputs, context, random, alone) -> None:
    with findings.trying("linearize"):
        subject = subject_of(layer, inputs, context)
        findings.held("linearize", True, "")
        with findings.trying("shapes"):
            _check_shapes(findings, layer, subject, inputs)
        with findings.trying("same twice"):
            check_pure(findings, layer, subject)
        if subject.numeric:
            skipped = "it takes a part of its function for a constant" if stops_gradient(layer) else ""
            check_jacobians(findings, subject, random, alone or context.get("mask") is not None, skipped)
            with findings.trying("per example"):
                check_per_example(findings, subject, random)
            with findings.trying("written into"):
                check_into(findings, subject, random)
            with findings.trying("activation"):
                _check_activation(findings, layer, subject, inputs, context)
        if not alone:
            check_arrays(findings, subject, random)
        with findings.trying("state"):
            _check_state(findings, layer, subject, context)


def _check_shapes(findings, layer, subject, inputs) -> None:
    shape = tuple(map(np.shape, inputs)) if isinstance(inputs, tuple) else np.shape(inputs)
    found = subject.shapes if isinstance(subject.output, tuple) else subject.shapes[0]
    declared = layer.compute_output_shape(free_batch(shape))
    for own, other in zip(declared, found, strict=True) if several(declared) else [(declared, found)]:
        fits = len(own) == len(other) and all(length in (None, real) for length, real in zip(own, other, strict=True))
        findings.held("shapes", fits, f"compute_output_shape declares {tuple(own)}, the output has {tuple(other)}")
    for output in subject.outputs:
        same = output.dtype.kind != "f" or output.dtype == np.float64
        findings.held("shapes", same, f"the output is {output.dtype} in a layer of float64")


def _check_activation(findings, layer, subject, inputs, context) -> None:
    """What training leaves out for the sake of the loss is the last thing that the layer does."""
    bare, activation = layer.without_activation()
    if activation is None:
        return
    outputs = activation(subject_of(bare, inputs, context).output)
    sentence = "ends_in_activation is true, but the activation of what comes before it is another output"
    findings.measured("activation", difference(outputs, subject.output), EXACT, sentence)


def _check_state(findings, layer, subject, context) -> None:
    """New values of the moving averages: as many as there are, and where they lead when the same batch returns."""
    state = subject.jacobians.state
    kept = [(place, own) for place, own in enumerate(layer.parameters) if not own.trainable]
    if not context.get("training") or not state or any(not isinstance(value, np.ndarray) for value in state):
        return
    shapes, expected = [np.shape(value) for value in state], [own.shape for _, own in kept]
    findings.held("state", shapes == expected, f"Jacobians.state has the shapes {shapes}, parameters have {expected}")
    if "momentum" in vars(layer) and shapes == expected and subject.data == 1:
        _check_momentum(findings, layer, subject, context, [subject.data + place for place, _ in kept])


def _check_momentum(findings, layer, subject, context, places) -> None:
    """`moving = moving * momentum + batch * (1 - momentum)`, and what the averages settle at is what training uses."""
    settled = list(subject.arrays)
    for place in places:
        name = subject.names[place]
        momentum = vars(layer).get(f"{name.split('_')[0]}_momentum", layer.momentum)
        shifted, at = list(subject.arrays), places.index(place)
        shifted[place] = shifted[place] + 1
        old, new = (np.asarray(subject.run(arrays)[1].state[at]) for arrays in (subject.arrays, shifted))
        error = difference(new - old, np.full_like(old, momentum))
        sentence = f"a new {name} holds {(new - old).flat[0]:.6g} of the old one, momentum is {momentum}"
        findings.measured("state", error, 1e-10, sentence)
        if momentum == 1 or error > 1e-10:
            return
        settled[place] = (old - momentum * subject.arrays[place]) / (1 - momentum)
    trained = subject.flat(subject.run(settled)[0])
    with np.errstate(all="ignore"):
        inferred = layer.linearize(*settled, **{**context, "training": False})[0]
    error = difference(inferred.ravel(), trained)
    sentence = "when the same batch returns, the averages settle elsewhere than at the moments that training uses"
    findings.measured("state", error, 1e-9, sentence)


def _check_config(findings, layer, inputs) -> None:
    """`Layer.get(layer.to_spec())` is the same layer."""
    twin = Layer.get(layer.to_spec())
    same = type(twin) is type(layer)
    findings.held("config", same, f"the name {type(layer).__name__!r} belongs to another class")
    findings.held("config", twin.get_config() == layer.get_config(), "its config makes a layer of another config")
    twin.ensure_built(layer.input_shape)
    twin.set_weights(layer.get_weights())
    context = next(contexts(layer, inputs, np.random.default_rng(5)))[1]
    outputs = [subject_of(own, inputs, context).outputs for own in (layer, twin)]
    same = all(map(np.array_equal, *outputs))
    findings.held("config", same, "a layer made of its config, with its weights, has another output")


def _check_single_precision(findings, layer, inputs, random) -> None:
    """float32 stays float32 in all that comes back."""
    twin = twin_of(layer, "float32", None, random)
    inputs = in_dtype(twin, inputs, "float32")
    for circumstances, context in contexts(twin, inputs, random):
        subject = subject_of(twin, inputs, context)
        cotangent = subject.cotangent(random, (), np.float32)
        tangents = [np.ones_like(a) if own else None for a, own in zip(subject.arrays, subject.wanted, strict=True)]
        products = subject.jacobians.vjp(cotangent)
        found = {
            "the output": subject.outputs,
            "jvp": listed(subject.jacobians.jvp(*tangents)),
            "per_example": subject.jacobians.per_example(cotangent),
            "the new state": _arrays_in(subject.jacobians.state),
            **{f"vjp by {name}": [product] for name, product in zip(subject.names, products, strict=True)},
        }
        if not isinstance(inputs, tuple) and len(subject.outputs) == 1:
            twin.forward(inputs, training=context.get("training", False))
            found["backward(1)"] = listed(twin.backward(1))
        for what, arrays in found.items():
            kinds = {np.asarray(array).dtype for array in arrays if array is not None}
            wrong = [str(kind) for kind in kinds if kind.kind in "fc" and kind != np.float32]
            findings.held("float32", not wrong, f"{what} is {', '.join(wrong)} for float32 inputs, {circumstances}")


def _first_row(inputs):
    return tuple(array[:1] for array in inputs) if isinstance(inputs, tuple) else inputs[:1]


def _arrays_in(state) -> list:
    """The arrays of a state, which in containers is nested."""
    if isinstance(state, dict):
        return _arrays_in(list(state.values()))
    if isinstance(state, (tuple, list)):
        return [array for own in state for array in _arrays_in(own)]
    return [state] if isinstance(state, (np.ndarray, np.generic)) else []
