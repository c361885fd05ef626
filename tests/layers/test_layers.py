"""Every layer under one contract: `nnlite.check` asks all of it, for each row of the table, entry by entry."""

import pytest
from registered import registered

from layers.cases import CASES
from layers.cases.case import Case
from nnlite.check import check_layer
from nnlite.layers import Layer

pytestmark = pytest.mark.usefixtures("double_precision")

ALWAYS = {"linearize", "shapes", "same twice", "stores nothing", "any memory layout", "arrays left alone", "called"}
PRODUCTS = {"jvp = vjp'", "leading axes", "wanted products", "todense"}


def test_every_layer_has_a_row():
    assert {case.layer for case in CASES} == set(registered(Layer))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer(case: Case):
    layer, inputs = case.prepared()
    report = check_layer(layer, inputs=inputs, mask=case.mask, entrywise=True)
    rows = {row.check: row for row in report.rows}
    assert {check for check, row in rows.items() if row.verdict != "ok"} == set(case.skipped), report
    assert rows["any memory layout"].error in (None, 0) or rows["any memory layout"].error <= 1e-13
    jacobians = layer.linearize(inputs, *layer.values)[1]
    maps = [jacobians[index] for index in range(len(jacobians))]
    data = [layer.input_kind == "numbers"] * len(case.shapes)
    wanted = [*data, *[not parameter.is_state for parameter in layer.parameters]]
    assert len(maps) == len(wanted)
    assert rows.keys() >= ALWAYS | {"config", "float32"} | (PRODUCTS if any(wanted) else set())
    assert ("file" in rows) == (not case.several)
    assert sum(check.endswith(", stencil") for check in rows.keys() - set(case.skipped)) == sum(wanted)
    analytic = [own and part is not None for own, part in zip(wanted, maps, strict=True)]
    assert sum(check.endswith(", complex step") for check in rows) == sum(analytic)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_is_declared(case: Case):
    layer, inputs = case.prepared()
    free = tuple((None, *shape[1:]) for shape in case.shapes)
    output, (value, jacobians) = layer(inputs), layer.linearize(inputs, *layer.values)
    for declared in (layer.output_shape, layer.compute_output_shape(free if case.several else free[0])):
        assert declared == (None, *output.shape[1:])
    whole = layer._output_dtype in ("int32", "int64") and jacobians[0] is None
    assert value.dtype == (layer._output_dtype if whole else "float64")
