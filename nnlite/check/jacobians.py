"""Jacobians checked against numerical derivatives, and their products against one another."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from nnlite.check.numeric import (
    EXACT,
    NEAR,
    SMALLEST,
    Effort,
    Slopes,
    complex_step,
    complex_steps,
    difference,
    largest,
    slopes,
    stencil,
)
from nnlite.check.report import Findings
from nnlite.check.subject import Subject
from nnlite.jacobians import Jacobians
from nnlite.jacobians.bundles.partial import map_outputs

__all__ = []


def check_jacobians(
    findings: Findings, subject: Subject, random: np.random.Generator, effort: Effort = Effort.USUAL, skipped: str = ""
) -> None:
    """All checks of the Jacobians of `subject`.

    Args:
        skipped: why they are not compared with numerical ones.
    """
    with findings.trying("jvp = vjp'"):
        check_transposes(findings, subject, random)
    with findings.trying("leading axes"):
        check_linear(findings, subject, random)
    if skipped:
        findings.skipped("complex step, stencil", skipped)
        return
    for index, name in enumerate(subject.names):
        if subject.wanted[index] and subject.arrays[index].size:
            with findings.trying(name), np.errstate(all="ignore"):
                check_slopes(findings, subject, index, random, effort)


def check_slopes(findings: Findings, subject: Subject, index: int, random: np.random.Generator, effort: Effort) -> None:
    """The Jacobian with respect to one array, checked against complex step and finite differences."""
    point, function = subject.arrays[index], subject.function_of(index)
    entrywise = effort.entrywise(point.size)
    if entrywise:
        tangents = np.eye(point.size).reshape(-1, *point.shape)
    else:
        tangents = random.normal(size=(effort.value, *point.shape))
    products = subject.jvp(index, tangents)
    exact = complex_steps(function, point, tangents)
    weights = np.random.default_rng(7).normal(size=(2, len(tangents)))
    arguments = subject.names[index], function, point, tangents, weights, products, exact
    if exact is None or not _confirmed(findings, *arguments):
        numeric = slopes(function, point, tangents, products, exact)
        Comparison(subject, index, products, numeric, entrywise).tell(findings, function)


def _confirmed(findings, name, function, point, tangents, weights, products, exact) -> bool:
    """Whether complex steps met the Jacobian and stencils along mixed directions say the same; if so, the rows."""
    near = [stencil(function, point, tangent, 1e-4) for tangent in np.tensordot(weights, tangents, 1)]
    errors = difference(products, exact), difference(weights @ products, np.array(near))
    if not (errors[0] <= EXACT and errors[1] <= NEAR):
        return False
    findings.measured(f"{name}, complex step", errors[0], EXACT, "")
    findings.measured(f"{name}, stencil", errors[1], NEAR, "")
    return True


class Comparison:
    """Products of a Jacobian with tangents of one array, next to the numerical derivatives.

    Args:
        subject, index: the function, and by which of its arrays.
        found: `(k, m)`, by the Jacobian.
        numeric: the `Slopes`.
        entrywise: whether tangent i moves entry i alone.
    """

    def __init__(self, subject: Subject, index: int, products: np.ndarray, numeric: Slopes, entrywise: bool) -> None:
        self.subject = subject
        self.index = index
        self.name = subject.names[index]
        self.found = products
        self.numeric = numeric
        self.entrywise = entrywise
        smooth = ~numeric.bends
        self.scale = largest(numeric.near[smooth])
        exact = numeric.exact
        analytic = exact is not None and _worst(exact - numeric.near, smooth) <= NEAR * self.scale
        near = _worst(products - numeric.near, smooth) / self.scale
        self.errors = {"stencil": (near, NEAR, numeric.near)}
        if exact is not None and analytic:
            self.errors["complex step"] = (_worst(products - exact, smooth) / self.scale, EXACT, exact)

    def tell(self, findings: Findings, function: Callable[[np.ndarray], np.ndarray]) -> None:
        """Record the results as rows."""
        for method, (error, tolerance, expected) in sorted(self.errors.items()):
            check = f"{self.name}, {method}"
            sentence = "" if error <= tolerance else self._sentence(function, method, expected)
            findings.measured(check, error, tolerance, sentence)
        if "complex step" not in self.errors and self.errors["stencil"][0] <= NEAR and self.found.any():
            sentence = "complex numbers do not pass through as they should; hvp of a model needs that"
            findings.skipped(f"{self.name}, complex step", sentence)
        if self.numeric.bends.any():
            self._tell_kink(findings)

    def _tell_kink(self, findings) -> None:
        """A kink is not an error while the slope lies between those of the two sides."""
        left, right, bends = self.numeric.left, self.numeric.right, self.numeric.bends
        slack = 1e-3 * largest(left[bends], right[bends])
        below, above = np.minimum(left, right) - slack, np.maximum(left, right) + slack
        outside = bends & ~((below <= self.found) & (self.found <= above))
        entries = outside if self.entrywise and outside.any() else bends
        row, entry = np.argwhere(entries)[0]
        where = self.subject.entry(self.index, row) if self.entrywise else f"a random direction of {self.name}"
        sentence = (
            f"{self.subject.place(entry)} has a kink at {where}: the slopes on its two sides are "
            f"{left[row, entry]:.6g} and {right[row, entry]:.6g}, the Jacobian has {self.found[row, entry]:.6g}"
        )
        check = f"{self.name}, stencil"
        if entries is outside:
            findings.measured(check, np.inf, NEAR, sentence)
        else:
            findings.kink(check, self.errors["stencil"][0], NEAR, sentence)

    def _sentence(self, function, method, expected) -> str:
        """Describe where the found and expected values differ most."""
        if self.entrywise:
            gaps = np.where(self.numeric.bends, 0, _finite(self.found - expected))
            row, entry = map(int, np.unravel_index(np.argmax(gaps), gaps.shape))
            value, wanted = self.found[row, entry], expected[row, entry]
        else:
            row, entry, value, wanted = self._search(function, method)
        by = self.subject.entry(self.index, row)
        return f"d {self.subject.place(entry)} / d {by} is {value:.10g}, should be {wanted:.10g}"

    def _search(self, function, method):
        """One entry of the array by which the derivative is wrong, found by halving."""
        point = self.subject.arrays[self.index]
        signs = np.random.default_rng(0).choice([-1.0, 1.0], point.size)

        def compared(start: int, stop: int) -> tuple[Any, Any]:
            tangent = np.zeros(point.size)
            tangent[start:stop] = signs[start:stop] if stop - start > 1 else 1
            tangent = tangent.reshape(point.shape)
            value = self.subject.jvp(self.index, tangent[None])[0]
            if method == "complex step":
                return value, complex_step(function, point, tangent)
            return value, stencil(function, point, tangent, 1e-4)

        start, stop = 0, point.size
        while stop - start > 1:
            middle = (start + stop) // 2
            gaps = [_finite(np.subtract(*compared(*half))).max() for half in ((start, middle), (middle, stop))]
            start, stop = (start, middle) if gaps[0] >= gaps[1] else (middle, stop)
        value, wanted = compared(start, stop)
        entry = int(np.argmax(_finite(value - wanted)))
        return start, entry, value[entry], wanted[entry]


def check_transposes(findings: Findings, subject: Subject, random: Generator) -> None:
    """Check <u, J v> = <J' u, v> for each array, with and without seeds, and each choice of `wanted`."""
    cotangent = subject.cotangent(random)
    full = subject.jacobians.vjp(cotangent)
    seeded = subject.jacobians.vjp(subject.cotangent(random, (2,)))
    if len(full) != len(subject.names):
        raise ValueError(f"vjp returned {len(full)} products for {len(subject.names)} inputs")
    flat = subject.flat(cotangent)
    for index, name in enumerate(subject.names):
        if not subject.wanted[index]:
            continue
        shape = subject.arrays[index].shape
        tangent = random.normal(size=shape)
        pushed = subject.jvp(index, tangent[None])[0]
        back = np.zeros(shape) if full[index] is None else full[index]
        if back.shape != shape or (seeded[index] is not None and seeded[index].shape != (2, *shape)):
            seeds = None if seeded[index] is None else seeded[index].shape
            findings.held(
                "jvp = vjp'", False, f"vjp by {name}, {shape}, has the shape {back.shape}, with two seeds {seeds}"
            )
            continue
        left, right = float(flat @ pushed), float((back * tangent).sum())
        size = float(np.linalg.norm(flat)) * max(float(np.linalg.norm(pushed)), SMALLEST)
        text = f"by {name}: <u, J v> = {left:.10g}, <J' u, v> = {right:.10g}; one product is not the other's transpose"
        findings.measured("jvp = vjp'", abs(left - right) / (size or 1.0), EXACT, text)
        _check_wanted(findings, subject, cotangent, full, index)


def _check_wanted(findings, subject, cotangent, full, index) -> None:
    """The product by one array alone is the same, and the others are spared."""
    only = tuple(position == index for position in range(len(full)))
    alone = subject.jacobians.vjp(cotangent, only)
    name = subject.names[index]
    spared = all(result is None for position, result in enumerate(alone) if position != index)
    findings.held("wanted products", spared, f"vjp with only {name} wanted returned additional products")
    if alone[index] is None or full[index] is None:
        same = alone[index] is full[index]
    else:
        same = difference(alone[index], full[index]) <= EXACT
    findings.held("wanted products", same, f"vjp gives {name} another product when it alone is wanted")


def check_linear(findings: Findings, subject: Subject, random: Generator) -> None:
    """Check that products of several vectors at once equal those of each, and that jvp is additive over the arrays."""
    cotangents, single = subject.cotangent(random, (2, 2)), "of several vectors at once is not that of each"
    products = subject.jacobians.vjp(cotangents)
    alone = subject.jacobians.vjp(map_outputs(lambda part: part[1, 0], cotangents))
    tangents = [
        random.normal(size=(2, 2, *array.shape)) if wanted else None
        for array, wanted in zip(subject.arrays, subject.wanted, strict=True)
    ]
    apart = np.zeros((2, 2, subject.size))
    for index, tangent in enumerate(tangents):
        if tangent is None:
            continue
        name, pushed = subject.names[index], subject.jvp(index, tangent)
        if products[index] is not None and alone[index] is not None:
            error = difference(products[index][1, 0], alone[index])
            findings.measured("leading axes", error, EXACT, f"vjp by {name} {single}")
        error = difference(pushed[1, 0], subject.jvp(index, tangent[1, 0]))
        findings.measured("leading axes", error, EXACT, f"jvp by {name} {single}")
        apart += pushed
    error = difference(subject.push(tangents, (2, 2)), apart)
    findings.measured("jvp = vjp'", error, EXACT, "jvp of all tangents together is not the sum of what each one does")


def check_into(findings: Findings, subject: Subject, random: Generator) -> None:
    """Check that `into` receives what `vjp` returns."""
    jacobians, cotangent = subject.jacobians, subject.cotangent(random)
    wanted = tuple(index >= subject.data and wants for index, wants in enumerate(subject.wanted))
    both = isinstance(jacobians, Jacobians) and same_batch(subject)
    for product in (jacobians.vjp, jacobians.per_example) if both else (jacobians.vjp,):
        expected, method = product(cotangent, wanted), product.__name__
        into = tuple(None if part is None else np.full(part.shape, np.nan) for part in expected)
        product(cotangent, wanted, into)
        for name, written, gradient in zip(subject.names, into, expected, strict=True):
            if gradient is not None and written is not None:
                sentence = f"{method}_into by {name} does not write what {method} returns"
                findings.measured("written into", difference(written, gradient), EXACT, sentence)


def same_batch(subject: Subject) -> bool:
    """Whether outputs have one row per row of the data."""
    return all(shape and shape[:1] == subject.arrays[0].shape[:1] for shape in subject.shapes)


def check_per_example(findings: Findings, subject: Subject, random: Generator) -> None:
    """Check `per_example` against products with single rows of the incoming Jacobian."""
    if not same_batch(subject):
        return
    cotangent = subject.cotangent(random)
    parts, by_row = subject.jacobians.per_example(cotangent), subject.jacobians.vjp(subject.rows_of(cotangent))
    if not subject.jacobians.mixes_rows:
        _check_rows_apart(findings, subject, by_row)
    data = any(part is not None for part in parts[: subject.data])
    findings.held("per example", not data, "per_example gives parts by the data too, which are not gradients")
    for index in range(subject.data, len(subject.names)):
        if not subject.wanted[index] or (parts[index] is None and by_row[index] is None):
            continue
        if parts[index] is None or by_row[index] is None:
            findings.held("per example", False, f"by {subject.names[index]}: per_example or vjp gives nothing")
            continue
        gaps = _finite(parts[index] - by_row[index]) if parts[index].shape == by_row[index].shape else np.array(np.inf)
        row, entry = divmod(int(np.argmax(gaps)), max(subject.arrays[index].size, 1))
        findings.measured(
            "per example",
            difference(parts[index], by_row[index]),
            EXACT,
            f"row {row} of per_example by {subject.entry(index, entry)} is not "
            f"that row's own product; shape {parts[index].shape}, expected {by_row[index].shape}",
        )


def _check_rows_apart(findings, subject, by_row) -> None:
    """No row of the output depends on another row of the data, where the Jacobians say so."""
    for name, product in zip(subject.names[: subject.data], by_row, strict=False):
        if product is not None and product.shape[0] == product.shape[1]:
            elsewhere = product[~np.eye(len(product), dtype=bool)]
            sentence = f"a row of the output depends on another row of {name}, and mixes_rows of its map is false"
            findings.held("per example", not elsewhere.any(), sentence)


def _finite(gaps):
    """Sizes of differences, infinite where they are not numbers."""
    return np.where(np.isfinite(gaps), abs(gaps), np.inf)


def _worst(gaps, counted) -> float:
    return float(_finite(gaps)[counted].max()) if counted.any() else 0.0
