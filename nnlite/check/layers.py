"""`check_layer` and `check_op`: a layer or an op checked against its contract."""

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.check.jacobians import check_into, check_jacobians, check_per_example
from nnlite.check.memory import check_arguments, check_arrays, check_pure
from nnlite.check.numeric import EXACT, Effort, difference
from nnlite.check.report import Findings, Report
from nnlite.check.samples import contexts, filled, free_batch, in_dtype, sample, several, stops_gradient, twin_of
from nnlite.check.subject import Subject
from nnlite.check.use import (
    check_calls,
    check_config,
    check_dense,
    check_file,
    check_products,
    check_single_precision,
    subject_of,
)
from nnlite.layers import Layer
from nnlite.ops import Op

__all__ = ["check_layer", "check_op"]


def check_layer(
    layer: Layer,
    input_shape: tuple | None = None,
    inputs: ArrayLike | tuple | None = None,
    name: str | None = None,
    *,
    mask=None,
    entrywise: bool = False,
) -> Report:
    """Check a layer: shapes, Jacobians, both modes, dtype, memory, state, config, file.

    The checks use copies in float64 (float32 for the dtype), with the weights of a built layer. Derivatives with
    respect to arrays of up to 12 entries are checked entry by entry, those of larger arrays along random directions. A
    layer that takes a mask is checked without one and, on inputs of three axes, with one. A layer that deliberately
    treats part of its function as constant during training declares `stops_gradient = True`; its training Jacobians
    are then not compared with numerical ones.

    Args:
        layer: an instance of any class, including your own; it is not changed.
        input_shape: `(batch, ...)`, with None for a free length; a tuple of shapes for several inputs. If None, the
            shape that the layer was built for.
        inputs: a batch to check at, instead of random numbers; a tuple of them for several inputs.
        name: its name in the report; by default the name of the layer or of its class.
        mask: a mask for `inputs`, or a tuple of them for several inputs, instead of a random one.
        entrywise: check derivatives with respect to all arrays entry by entry: as many evaluations of the layer as
            there are numbers.

    >>> from nnlite.layers import Dense
    >>> report = check_layer(Dense(2, activation="tanh"), (None, 3))
    >>> report.ok, len(report.rows)
    (True, 23)
    """
    report, random = Report(), np.random.default_rng(5)
    name = name or layer._given_name or type(layer).__name__
    findings = Findings(report, name)
    with findings.trying("linearize"):
        if inputs is None:
            shape = filled(input_shape if input_shape is not None else layer.input_shape)
        else:
            shape = tuple(map(np.shape, inputs)) if isinstance(inputs, tuple) else np.shape(inputs)
        twin = twin_of(layer, "float64", shape, random)
        inputs = sample(twin, shape, random) if inputs is None else in_dtype(twin, inputs, "float64")
        batches = [(inputs, mask)]
        if shape != filled(shape, 1):
            batches.append((_first_row(inputs), _first_row(mask)))
        for batch, own_mask in batches:
            for circumstances, context in contexts(twin, batch, random, own_mask):
                alone = batch is not inputs
                if alone and mask is None and context.get("mask") is not None:
                    continue
                findings = Findings(report, name, circumstances + (", batch of 1" if alone else ""))
                quick = alone or context.get("mask") is not None
                effort = Effort.ENTRYWISE if entrywise else Effort.QUICK if quick else Effort.USUAL
                _check_mode(findings, twin, batch, context, random, effort, alone)
        _check_use(Findings(report, name), layer, twin, inputs, mask, random)
    return report


def check_op(op: Op, *inputs: ArrayLike, name: str | None = None) -> Report:
    """Check an op: its Jacobians entry by entry, their products and dense forms, and that inputs are not modified.

    Args:
        op: an instance of any class, including your own; its cached Jacobians are replaced.
        inputs: the point at which it is checked, in float64; inputs of other types have no derivative.
        name: its name in the report; by default its class.

    >>> from nnlite.ops import Multiply
    >>> check_op(Multiply(), [[1.0, 2.0]], [3.0, 4.0]).ok
    True
    """
    report, random = Report(), np.random.default_rng(5)
    findings = Findings(report, name or type(op).__name__)
    with findings.trying("linearize"):
        arrays = [np.asarray(array) for array in inputs]
        wanted = [array.dtype.kind == "f" for array in arrays]
        names = [f"input {number}" for number in range(len(arrays))]
        subject = Subject(op.linearize, arrays, names, wanted)
        findings.held("linearize", True, "")
        check_jacobians(findings, subject, random, Effort.ENTRYWISE)
        check_dense(findings, subject)
        check_arrays(findings, subject, random)
        for check, of in (("per example", check_per_example), ("written into", check_into)):
            with findings.trying(check):
                of(findings, subject, random)
        with findings.trying("called"):
            findings.held("called", np.array_equal(op(*arrays), subject.output), "the call gives another output")
            op.forward(*arrays)
            check_products(findings, op, subject, random)
    return report


def _check_use(findings, layer, twin, inputs, mask, random) -> None:
    with findings.trying("config"):
        check_arguments(findings, layer)
        check_config(findings, twin, inputs)
    with findings.trying("float32"):
        check_single_precision(findings, twin, inputs, mask, random)
    if not isinstance(inputs, tuple):
        with findings.trying("file"):
            check_file(findings, twin, inputs, random)


def _check_mode(findings, layer, inputs, context, random, effort, alone) -> None:
    with findings.trying("linearize"):
        subject = subject_of(layer, inputs, context)
        findings.held("linearize", True, "")
        with findings.trying("shapes"):
            _check_shapes(findings, layer, subject, inputs)
        with findings.trying("same twice"):
            check_pure(findings, layer, subject)
        if subject.numeric:
            constant = context.get("training") and stops_gradient(layer)
            skipped = "it takes a part of its function for a constant" if constant else ""
            check_jacobians(findings, subject, random, effort, skipped)
            with findings.trying("todense"):
                check_dense(findings, subject)
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
        with findings.trying("called"):
            check_calls(findings, layer, inputs, context, random)


def _check_shapes(findings, layer, subject, inputs) -> None:
    shape = tuple(map(np.shape, inputs)) if isinstance(inputs, tuple) else np.shape(inputs)
    shapes = subject.shapes if isinstance(subject.output, tuple) else subject.shapes[0]
    declared = layer.compute_output_shape(free_batch(shape))
    for declared_shape, other in zip(declared, shapes, strict=True) if several(declared) else [(declared, shapes)]:
        fits = len(declared_shape) == len(other) and all(
            length in (None, real) for length, real in zip(declared_shape, other, strict=True)
        )
        findings.held(
            "shapes", fits, f"compute_output_shape declares {tuple(declared_shape)}, the output has {tuple(other)}"
        )
    for output in subject.outputs:
        same = output.dtype.kind != "f" or output.dtype == np.float64
        findings.held("shapes", same, f"the output is {output.dtype} in a layer of float64")


def _check_activation(findings, layer, subject, inputs, context) -> None:
    """Check that the activation left out for the loss is the last step of the layer."""
    bare, activation = layer.without_activation()
    if activation is None:
        return
    outputs = activation(subject_of(bare, inputs, context).output)
    sentence = "ends_in_activation is true, but the activation of what comes before it is another output"
    findings.measured("activation", difference(outputs, subject.output), EXACT, sentence)


def _check_state(findings, layer, subject, context) -> None:
    """New values of the moving averages: as many as there are, and where they lead when the same batch returns."""
    state = subject.jacobians.state
    states = [(index, parameter) for index, parameter in enumerate(layer.parameters) if parameter.is_state]
    if not context.get("training") or not state or any(not isinstance(value, np.ndarray) for value in state):
        return
    shapes, expected = [np.shape(value) for value in state], [parameter.shape for _, parameter in states]
    findings.held("state", shapes == expected, f"Jacobians.state has the shapes {shapes}, parameters have {expected}")
    if "momentum" in vars(layer) and shapes == expected and subject.data == 1:
        _check_momentum(findings, layer, subject, context, [subject.data + index for index, _ in states])


def _check_momentum(findings, layer, subject, context, places) -> None:
    """`moving = moving * momentum + batch * (1 - momentum)`, and what the averages settle at is what training uses."""
    settled = list(subject.arrays)
    for index in places:
        name = subject.names[index]
        momentum = vars(layer).get(f"{name.split('_')[0]}_momentum", layer.momentum)
        shifted, at = list(subject.arrays), places.index(index)
        shifted[index] = shifted[index] + 1
        old, new = (np.asarray(subject.run(arrays)[1].state[at]) for arrays in (subject.arrays, shifted))
        error = difference(new - old, np.full_like(old, momentum))
        sentence = f"a new {name} holds {(new - old).flat[0]:.6g} of the old one, momentum is {momentum}"
        findings.measured("state", error, 1e-10, sentence)
        if momentum == 1 or error > 1e-10:
            return
        settled[index] = (old - momentum * subject.arrays[index]) / (1 - momentum)
    trained = subject.flat(subject.run(settled)[0])
    with np.errstate(all="ignore"):
        inferred = layer.linearize(*settled, **{**context, "training": False})[0]
    error = difference(inferred.ravel(), trained)
    sentence = "when the same batch returns, the averages settle elsewhere than at the moments that training uses"
    findings.measured("state", error, 1e-9, sentence)


def _first_row(inputs):
    """The first row of a batch, or of each array of a tuple; None stays None."""
    if isinstance(inputs, tuple):
        return tuple(map(_first_row, inputs))
    return None if inputs is None else inputs[:1]
