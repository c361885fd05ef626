"""Every layer in ONNX's operators: the file, run by two readers, and the Python file agree with the layer."""

import importlib.util

import numpy as np
import pytest
from layers.cases import CASES
from registered import registered

from nnlite.errors import ConfigError
from nnlite.inference.exports.graph import TEXTS, Graph
from nnlite.inference.exports.lowering import lower
from nnlite.inference.exports.onnx_files import onnx_model
from nnlite.inference.exports.python_files import python_files
from nnlite.inference.exports.simplify import simplify
from nnlite.layers import Layer

pytestmark = pytest.mark.filterwarnings("ignore")
TYPES = {"i": "int64", "u": "int64", "O": "string", "U": "string", "f": "float32"}
WITHOUT_FORM = {  # and why
    "ConvLSTM1D": "a walk over images",
    "AutoContrast": "extremes of whole images",
    "ContrastLimitedAdaptiveHistogramEqualization": "histograms",
    "ConvLSTM2D": "a walk over images",
    "Equalization": "histograms",
    "MelSpectrogram": "a Fourier transform",
    "STFTSpectrogram": "a Fourier transform",
    "ConvLSTM3D": "a walk over images",
    "GRUCell": "a step of a layer that has one",
    "HashedCrossing": "a hash",
    "Hashing": "a hash",
    "InputDerivatives": "a function of complex numbers",
    "LSTMCell": "a step of a layer that has one",
    "Lambda": "a user-defined function",
    "RNN": "a cell of a user's own",
    "SimpleRNNCell": "a step of a layer that has one",
    "StackedRNNCells": "steps",
}


def exported(case):
    """The graph of a row of the table, its inputs and masks by name, and what the layer gives."""
    layer, inputs = case.prepared()
    several = case.several
    masks = case.mask if several or case.mask is None else (case.mask,)
    shapes = layer.input_shape if several else (layer.input_shape,)
    graph, feed, values = Graph(), {}, []
    for place, (given, shape) in enumerate(zip(inputs if several else (inputs,), shapes, strict=True)):
        given = np.asarray(given)
        kind = "int64" if layer.input_kind == "indices" else TYPES[given.dtype.kind]
        values.append(graph.input(f"x{place}", kind, (None, *shape[1:])))
        feed[f"x{place}"] = given.astype(object if kind == "string" else kind)
    for place, mask in enumerate(masks or ()):
        if mask is not None:
            feed[f"m{place}"] = np.asarray(mask, "float32")
            given = graph.input(f"m{place}", "float32", (None, *np.shape(mask)[1:]))
            values[place] = values[place].masked(given.cast("bool"))
    wanted = layer(inputs, training=False) if case.mask is None else layer(inputs, mask=case.mask)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    made = lower(layer, values if several else values[0])
    kind = "int64" if layer._output_dtype in ("int32", "int64") else "float32"  # in models: calls encode as integers
    for place, (value, array) in enumerate(zip(made if isinstance(made, list) else [made], wanted, strict=True)):
        graph.output(f"y{place}", value, kind, (None, *array.shape[1:]))
    simplify(graph)
    return graph, feed, wanted


def agree(outputs, wanted):
    """Equal but for rounding, to 1e-6 of the largest output of an example, or of 1: sums that cancel out keep it."""
    assert [output.shape for output in outputs] == [array.shape for array in wanted]
    for output, array in zip(outputs, wanted, strict=True):
        largest = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True, initial=1)
        np.testing.assert_allclose(output / largest, array / largest, rtol=0, atol=1e-6)


def masks_pairs(case):
    """Whether a mask says which steps each query may attend to, rather than which steps count."""
    if case.mask is None:
        return False
    masks = case.mask if case.several else (case.mask,)
    return len(masks) > len(case.shapes) or any(np.ndim(mask) > 2 for mask in masks)


ROWS = [case for case in CASES if case.layer not in WITHOUT_FORM and not masks_pairs(case)]


def maybe_exported(case):
    try:
        return exported(case)
    except ConfigError as error:  # arguments of a layer that has a form with others
        assert str(error).startswith(("layer '", "activation "))
        return None


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_the_files_agree(case):
    made = maybe_exported(case)
    if made is None:
        return
    graph, feed, wanted = made
    names = {"__name__": "exported", "__file__": "exported.py"}
    exec(compile(python_files(graph, "exported.py")["exported.py"], "exported.py", "exec"), names)
    agree(list(names["outputs_of"](*feed.values()).values()), wanted)
    if importlib.util.find_spec("onnxruntime") is None:
        return
    import onnxruntime

    if any(node.domain == TEXTS for node in graph.nodes):
        with pytest.raises(ConfigError, match=r"has no form in ONNX; a Python file, \.py, takes it"):
            onnx_model(graph)
        return
    model = onnx_model(graph)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    agree(session.run(None, feed), wanted)


def test_every_layer_has_a_form_in_one_row_or_a_reason():
    formed = {case.layer for case in ROWS if maybe_exported(case) is not None}
    assert formed == set(registered(Layer)) - set(WITHOUT_FORM)
    assert len(formed) >= 0.8 * len(registered(Layer))


@pytest.mark.parametrize("kind", sorted(WITHOUT_FORM))
def test_a_layer_without_a_form_is_named(kind):
    case = next(case for case in CASES if case.layer == kind)
    with pytest.raises(ConfigError, match=rf"\({kind}\)"):
        exported(case)


class DoubledDense(registered(Layer)["Dense"]):
    """A subclass that computes something else than its base."""

    def linearize(self, inputs, *parameters):
        return super().linearize(2 * inputs, *parameters)


def test_a_subclass_with_a_formula_of_its_own_is_not_taken_for_its_base():
    layer = DoubledDense(2)
    layer(np.ones((1, 3)))
    graph = Graph()
    with pytest.raises(ConfigError, match="DoubledDense"):
        lower(layer, graph.input("x", "float32", (None, 3)))
