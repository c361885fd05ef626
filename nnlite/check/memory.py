"""Good conduct: how a layer or loss treats arrays that it does not own, and what it keeps."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.check.numeric import EXACT, difference
from nnlite.check.report import Findings
from nnlite.check.subject import Subject
from nnlite.jacobians.bundles.partial import map_outputs
from nnlite.layers.base.call import inner_layers
from nnlite.parameters import Parameter
from nnlite.registry.field_types import jsonable
from nnlite.registry.modules import given_arguments

__all__ = []


def check_arrays(findings: Findings, subject: Subject, random: np.random.Generator) -> None:
    """Check that inputs, parameters and incoming Jacobians are not modified, and may have any memory layout."""
    with findings.trying("arrays left alone"):
        check_left_alone(findings, subject, random)
    with findings.trying("any memory layout"):
        check_layouts(findings, subject, random)


def check_left_alone(findings: Findings, subject: Subject, random: np.random.Generator) -> None:
    """Check that arrays of the caller are not written to."""
    arrays = [array.copy() for array in subject.arrays]
    jacobians = subject.linearize(*arrays)[1]
    cotangent = subject.cotangent(random)
    copy = map_outputs(np.copy, cotangent)
    tangents: list[Any] = [
        random.normal(size=array.shape) if wanted else None
        for array, wanted in zip(arrays, subject.wanted, strict=True)
    ]
    pushed: list[Any] = [None if tangent is None else tangent.copy() for tangent in tangents]
    jacobians.vjp(cotangent)
    jacobians.jvp(*pushed)
    if all(subject.shapes):  # scalars have no examples
        jacobians.per_example(cotangent)
    for name, now, before in zip(subject.names, arrays, subject.arrays, strict=True):
        findings.held("arrays left alone", np.array_equal(now, before), f"{name} was changed in place")
    same = all(map(np.array_equal, listed(cotangent), listed(copy)))
    findings.held("arrays left alone", same, "the incoming Jacobian was changed in place by vjp or per_example")
    same = all(now is None or np.array_equal(now, before) for now, before in zip(pushed, tangents, strict=True))
    findings.held("arrays left alone", same, "a tangent was changed in place by jvp")


def check_layouts(findings: Findings, subject: Subject, random: np.random.Generator) -> None:
    """Check that read-only, strided arrays give the same results as contiguous ones."""
    output, jacobians = subject.linearize(*map(strided, subject.arrays))
    if subject.numeric:
        error = difference(subject.flat(output), subject.flat(subject.output))
        findings.measured("any memory layout", error, EXACT, "another output for arrays that are not contiguous")
    cotangent = subject.cotangent(random)
    products = jacobians.vjp(map_outputs(strided, cotangent))
    for name, result, wanted in zip(subject.names, products, subject.jacobians.vjp(cotangent), strict=True):
        if result is not None and wanted is not None:
            sentence = f"another product by {name} for arrays that are not contiguous"
            findings.measured("any memory layout", difference(result, wanted), EXACT, sentence)
    if subject.numeric and any(subject.wanted):
        _check_tangent_layouts(findings, subject, random)


def _check_tangent_layouts(findings, subject, random) -> None:
    products = subject.jacobians.vjp(subject.cotangent(random))
    tangents: list[Any] = [None if product is None else random.normal(size=product.shape) for product in products]
    spread = [None if tangent is None else strided(tangent) for tangent in tangents]
    error = difference(subject.push(spread, ()), subject.push(tangents, ()))
    findings.measured("any memory layout", error, EXACT, "jvp of non-contiguous tangents differs")


def check_pure(findings: Findings, layer: Any, subject: Subject) -> None:
    """Check that `linearize` gives the same result twice, and leaves the layer unchanged."""
    before = dict(attributes(layer))
    output = subject.run(subject.arrays)[0]
    same = all(map(_equal, listed(output), subject.outputs))
    findings.held("same twice", same, "linearize gave two outputs for the same arrays and the same random source")
    subject.run([array[::-1] if index < subject.data else array for index, array in enumerate(subject.arrays)])
    after = dict(attributes(layer))
    changed = [name for name, (mark, _) in after.items() if name not in before or before[name][0] != mark]
    sentence = f"linearize changed {', '.join(changed)}; what it keeps belongs into Jacobians"
    findings.held("stores nothing", not changed, sentence)


def check_arguments(findings: Findings, owner: Any) -> None:
    """Check that the config of a layer or loss has all of its arguments, with their values."""
    arguments, others = owner._arguments(), type(owner).from_config(given_arguments(owner))._arguments()
    lost = [name for name in arguments if _text(arguments[name]) != _text(others[name])]
    findings.held("config", not lost, f"what is made of its config has another {', '.join(lost)}")


def _text(value) -> str:
    return json.dumps(jsonable(value), default=lambda other: type(other).__name__)


def attributes(layer: Any, prefix: str = "self") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """`(name, (mark, value))` of all attributes of a layer, including those of nested layers.

    The value is held as long as its mark, which may be its identity.
    """
    for name, value in vars(layer).items():
        yield f"{prefix}.{name}", (_mark(value), value)
    for inner in inner_layers(layer):
        yield from attributes(inner, f"{prefix}.{inner._given_name or type(inner).__name__}")


def _mark(value):
    """A mark that changes when a value does, cheap to compare."""
    if isinstance(value, Parameter):
        value = value.value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, (list, tuple)):
        return tuple(map(_mark, value))
    if isinstance(value, dict):
        return tuple((key, _mark(item)) for key, item in value.items())
    return value if isinstance(value, (str, int, float, bool, type(None))) else id(value)


def strided(array: np.ndarray) -> np.ndarray:
    """The same numbers, read-only, strided, with the order of axes in memory reversed."""
    spread = np.empty([2 * length for length in array.shape[::-1]], array.dtype).transpose()
    view = spread[(..., *[slice(None, None, 2)] * array.ndim)]
    view[...] = array
    view.flags.writeable = False
    return view


def _equal(first, second) -> bool:
    numbers = first.dtype.kind in "fc"
    return np.array_equal(first, second, equal_nan=numbers)


def listed(value: Any) -> tuple:
    """The values of several outputs, or the one of a single output, as a tuple."""
    return value if isinstance(value, tuple) else (value,)
