"""What `check` passes, what it reports, and how: layers, losses, models, configs."""

import sys
from pathlib import Path

import numpy as np
import pytest
from layers.cases import CASES
from registered import registered

from nnlite import Input, Sequential
from nnlite.check import check_config, check_layer, check_loss, check_model
from nnlite.check.numeric import EXACT, NEAR, complex_steps, slopes
from nnlite.check.report import Findings, Report, Row
from nnlite.cli import main
from nnlite.errors import ConfigError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import (
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    ReLU,
)
from nnlite.losses import Loss, MeanAbsoluteError, MeanSquaredError
from nnlite.models import Model
from nnlite.registry import register_function

ONE_OF_EACH = {
    case.layer: case for case in CASES if not case.codes
}.values()  # tests/layers/test_layers.py has all rows, entry by entry


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
def test_a_layer_and_a_shape_are_enough(case):
    report = check_layer(case.build(), case.shape)
    assert report.ok, report
    assert {"linearize", "shapes", "same twice", "stores nothing", "called", "config", "float32"} <= {
        row.check for row in report.rows
    }


@register_function
def cubic(y_true, y_pred):
    return ((y_pred - y_true) ** 3).mean(axis=-1)


NEEDED = {"FunctionLoss": {"function": "cubic"}}
SHAPES = {
    ("GaussianNLL", 2): (4, 2),
    ("Circle", 3): (4, 3),
    ("CTC", 2): (4, 3, 2),
}  # of the losses that do not take the usual ones


@pytest.mark.parametrize("name", registered(Loss))
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 4)], ids=str)
def test_every_loss_passes(name, reduction, shape):
    loss = Loss.get({name: {"reduction": reduction, **NEEDED.get(name, {})}})
    report = check_loss(loss, SHAPES.get((name, len(shape)), shape))
    assert report.ok, report


def rows_of(report):
    return {row.check: row for row in report.rows}


def test_all_checks_of_a_layer():
    checks = list(rows_of(check_layer(BatchNormalization(), (4, 3))))
    jacobians = [f"{name}, {how}" for name in ("inputs", "gamma", "beta") for how in ("complex step", "stencil")]
    habits = {"arrays left alone", "any memory layout", "same twice", "stores nothing", "state", "config", "float32"}
    products = {"jvp = vjp'", "leading axes", "wanted products", "per example", "written into", "todense"}
    assert set(checks) == {"linearize", "shapes", "called", "file", *products, *jacobians, *habits}


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (ReLU(), [[0.0, 1.0, -1.0], [2.0, 0.0, 3.0]]),
        (LeakyReLU(), [[0.0, 1.0]]),
        (ReLU(max_value=1.0), [[1.0, 0.5]]),
        (ReLU(), [[1e-6, 1.0]]),
        (MaxPooling1D(2), [[[1.0], [1.0], [3.0], [2.0]]]),
    ],
    ids=str,
)
def test_a_kink_is_no_error(layer, inputs):
    report = check_layer(layer, inputs=np.array(inputs))
    assert report.ok, report
    row = rows_of(report)["inputs, stencil"]
    assert row.verdict == "kink"
    assert row.error <= NEAR
    assert "has a kink at inputs[0, " in row.detail


def test_where_the_kink_is():
    report = str(check_layer(ReLU(), inputs=np.array([[1.0, 0.0]])))
    assert "output[0, 1] has a kink at inputs[0, 1]: the slopes on its two sides are 0 and 1" in report
    assert ", the Jacobian has 0 (inference)" in report


def test_a_kink_in_a_loss():
    report = check_loss(MeanAbsoluteError(), y_true=np.zeros((2, 2)), y_pred=np.array([[1e-6, 1.0], [2.0, -1.0]]))
    assert report.ok, report
    assert rows_of(report)["y_pred, stencil"].verdict == "kink"
    assert (
        "kink at Hessian[0, 0]: the slopes on its two sides are -inf and " in rows_of(report)["Hessian, stencil"].detail
    )


class SteepReLU(ReLU):
    """At 0 it has a slope that neither side has."""

    def linearize(self, inputs):
        outputs, _ = super().linearize(inputs)
        slopes = np.where(inputs.real == 0, 2.0, inputs.real > 0).astype(inputs.real.dtype)
        return outputs, Jacobians(Diagonal(slopes, inputs.shape, inputs.shape))


def test_a_slope_that_no_side_of_the_kink_has():
    report = check_layer(SteepReLU(), inputs=np.array([[1.0, 0.0]]))
    assert "are 0 and 1, the Jacobian has 2" in rows_of(report)["inputs, stencil"].detail
    assert not report.ok
    assert check_layer(SteepReLU(), inputs=np.array([[1.0, 0.1]])).ok


class Half(Layer):
    """|x| / 2 is not analytic, so that the complex step has nothing to say."""

    wrong: float = 0.0

    def linearize(self, inputs):
        signs = np.sign(inputs.real) * (0.5 + self.wrong)
        return 0.5 * abs(inputs), Jacobians(Diagonal(signs, inputs.shape, inputs.shape))


def test_a_function_that_takes_no_complex_numbers():
    report = check_layer(Half(), (2, 3))
    assert report.ok, report
    row = rows_of(report)["inputs, complex step"]
    assert (row.verdict, row.error) == ("skipped", None)
    assert "complex numbers do not pass" in row.detail
    report = check_layer(Half(wrong=1e-7), (2, 3))
    assert [row.check for row in report.failures] == ["inputs, stencil"]


class RealSlopes(Layer):
    """Its derivative is right, and no complex step goes through it: a Hessian would lack a part."""

    def linearize(self, inputs):
        return inputs**2, Jacobians(Diagonal(2 * inputs.real, inputs.shape, inputs.shape))


@pytest.mark.parametrize("layer", [RealSlopes, Half], ids=lambda layer: layer.__name__)
def test_a_hessian_that_lacks_a_part(layer):
    assert check_layer(layer(), (2, 3)).ok
    model = Sequential([Input((3,)), Dense(4, activation="tanh"), layer(), Dense(2)], seed=0)
    model.compile("sgd", "mse")
    report = check_model(model)
    assert [(row.layer, row.check) for row in report.failures] == [("the loss of the model", "hvp")], report
    assert "the slope of the gradient is" in report.failures[0].detail


def test_slopes_of_known_functions():
    point, tangents = np.array([0.3, -0.2]), np.eye(2)
    expected = np.diag(np.cos(point))
    found = slopes(np.sin, point, tangents, expected, complex_steps(np.sin, point, tangents))
    assert abs(found.exact - expected).max() <= EXACT
    assert abs(found.near - expected).max() <= NEAR
    assert not found.bends.any()
    assert complex_steps(abs, point, tangents) is None
    found = slopes(abs, np.array([0.0, 1.0]), tangents, np.diag([-1.0, 1.0]), None)
    assert found.bends.tolist() == [[True, False], [False, False]]
    assert (found.left[0, 0], found.right[0, 0]) == (-1, 1)
    places = np.random.default_rng(1).uniform(-3e-4, 3e-4, 60)
    found = np.full((1, 1), float((places < 0).sum()))
    crowd = slopes(lambda x: np.maximum(x - places, 0).sum(keepdims=True), np.zeros(1), np.ones((1, 1)), found, None)
    assert crowd.bends.all()
    assert not slopes(np.sin, point, tangents, expected * (1 + 1e-7), None).bends.any()
    steep = slopes(np.log, np.array([3e-3]), np.ones((1, 1)), np.array([[1 / 3e-3]]), None)
    assert abs(steep.near * 3e-3 - 1).max() <= NEAR


class Named(Layer):
    """Fails as it is told to."""

    how: str

    def linearize(self, inputs):
        same = Diagonal(np.ones((), inputs.real.dtype), inputs.shape, inputs.shape)
        if self.how == "raises":
            return inputs.missing, None
        if self.how == "two maps":
            return inputs, Jacobians(same, same)
        if self.how == "no jacobians":
            return inputs
        return inputs, same


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raises", "AttributeError: 'numpy.ndarray' object has no attribute 'missing', at test_check.py, line "),
        ("two maps", "layer Named: linearize must return (output, Jacobians)"),
        ("no jacobians", "layer Named: linearize must return (output, Jacobians)"),
        ("a bare map", "TypeError"),
    ],
)
def test_a_layer_that_cannot_be_tried_is_one_row(how, words):
    report = check_layer(Named(how), (2, 3))
    assert len(report.rows) == 1
    assert words in report.failures[0].detail


class Traced(Layer):
    """A layer that writes `call` alone."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2), name="kernel")
        self.inner = LayerNormalization()

    def call(self, inputs):
        return self.inner(inputs @ self.kernel) * inputs.sum(axis=-1, keepdims=True)


def test_a_layer_without_derivative_of_its_own():
    report = check_layer(Traced(), (3, 4))
    assert report.ok, report
    assert {"kernel, complex step", "gamma, complex step", "beta, stencil"} <= set(rows_of(report))


def test_the_layer_stays_as_it_is():
    layer = Dense(2)
    check_layer(layer, (3, 4))
    assert not layer.built
    layer._ensure_built((None, 4))
    before = layer.get_weights()
    check_layer(layer)
    assert all(map(np.array_equal, before, layer.get_weights()))
    assert layer.dtype == "float32"


class HeldScale(Layer):
    """outputs = inputs * tanh(inputs), where training takes the scale tanh(inputs) for a constant."""

    def linearize(self, inputs, training=False):
        scale = np.tanh(inputs)
        slopes = scale if training else scale + inputs * (1 - scale**2)
        return inputs * scale, Jacobians(Diagonal(slopes, inputs.shape, inputs.shape))


def test_a_layer_may_say_that_it_takes_a_part_for_a_constant(monkeypatch):
    failed = [row for row in check_layer(HeldScale(), (4, 3)).rows if row.verdict == "FAILED"]
    assert failed and all(row.detail.endswith("(training)") for row in failed)
    monkeypatch.setattr(HeldScale, "stops_gradient", True)
    assert check_layer(HeldScale(), (4, 3)).ok


def test_moments_held_constant_on_purpose_are_skipped():
    report = check_layer(BatchNormalization(renorm=True), (4, 3))
    assert report.ok
    assert rows_of(report)["complex step, stencil"].verdict == "skipped"


class CountedDense(Dense):
    """A Dense that counts its evaluations."""

    count = [0]

    def linearize(self, inputs, kernel, bias):
        self.count[0] += 1
        return super().linearize(inputs, kernel, bias)


def test_large_layers_take_no_more_evaluations():
    CountedDense.count[0] = 0
    assert check_layer(CountedDense(300, activation="tanh"), (8, 500)).ok
    assert CountedDense.count[0] < 150


class OneWrongEntry(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        changed = kernel.copy()
        changed[123, 45] *= 1.01
        return outputs, Jacobians(type(jacobians[0])(changed, inputs.shape, outputs.shape), *jacobians.maps[1:])


def test_one_wrong_entry_among_many_is_named():
    report = check_layer(OneWrongEntry(100), (4, 200))
    detail = rows_of(report)["inputs, complex step"].detail
    assert ", 45] / d inputs[" in detail
    assert ", 123] is " in detail


def test_inputs_without_derivative():
    report = check_layer(Embedding(3, 2), (4, 2))
    assert report.ok, report
    assert "embeddings, complex step" in rows_of(report)
    assert "inputs, complex step" not in rows_of(report)


def classifier():
    layers = [Input((6,)), Dense(5, activation="relu"), BatchNormalization(), Dropout(0.3)]
    model = Sequential([*layers, Dense(3, activation="softmax")], seed=0)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_model():
    model, random = classifier(), np.random.default_rng(0)
    x, y = random.normal(size=(20, 6)), random.integers(0, 3, 20)
    model.fit(x, y, epochs=2, verbose=0)
    before = model.get_weights()
    report = check_model(model, x=x, y=y)
    assert report.ok, report
    names = {row.layer for row in report.rows}
    own = {"dense", "batch_normalization", "dropout", "dense_1"}
    assert names == {*own, "the whole model", "SparseCategoricalCrossentropy", "the loss of the model"}
    assert all(map(np.array_equal, before, model.get_weights()))
    assert "linearize" not in vars(model.layers[0])
    assert check_model(classifier()).ok


def test_a_model_of_models_and_one_with_two_inputs():
    inner = Sequential([Dense(3, activation="tanh"), SlightlyWrong(1.0)], seed=1, name="block")
    model = Sequential([Input((2, 3)), Flatten(), inner, Dense(1)], seed=0)
    report = check_model(model)
    assert report.ok, report
    assert "block.slightly_wrong" in {row.layer for row in report.rows}
    assert rows_of(report)["loss"].verdict == "skipped"
    left, right = Input((3,), name="left"), Input((2,), name="right")
    both = Model([left, right], Dense(1)(Concatenate()([Dense(4, activation="gelu")(left), right])), seed=0)
    both.compile(loss="mse")
    report = check_model(both, x=[np.ones((5, 3)), np.zeros((5, 2))], y=np.ones((5, 1)))
    assert report.ok, report


@pytest.mark.parametrize("frozen", [False, True])
def test_a_model_without_anything_to_train(frozen):
    model = Sequential([Input((3,)), Dense(2) if frozen else LeakyReLU()], seed=0)
    model.trainable = not frozen
    model.compile(loss="mse")
    report = check_model(model)
    assert report.ok, report
    assert ("the whole model", "inputs, complex step") in {(row.layer, row.check) for row in report.rows}


class SlightlyWrong(Layer):
    """outputs = 2 * inputs, with a slope of 2 * factor."""

    factor: float = 1.000001

    def linearize(self, inputs):
        slope = np.full((), 2 * self.factor, inputs.real.dtype)
        return 2 * inputs, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


def test_a_bug_shows_in_the_layer_the_model_and_the_loss():
    model = Sequential([Input((3,)), Dense(2), SlightlyWrong(), Dense(1)], seed=0)
    model.compile(loss="mse")
    failures = {(row.layer, row.check): row.detail for row in check_model(model).failures}
    assert {layer for layer, _ in failures} == {"slightly_wrong", "the whole model", "the loss of the model"}
    assert "is 2.000002, should be 2 " in failures["slightly_wrong", "inputs, complex step"]
    assert "/ d dense." in failures["the whole model", "parameters, complex step"]


def test_a_report():
    report = Report()
    findings = Findings(report, "dense", "training")
    findings.measured("kernel", 1e-16, 1e-12, "not shown")
    findings.held("shapes", False, "a <shape>")
    findings.measured("kernel", 1e-14, 1e-12, "not shown")
    assert report.rows == [
        Row("dense", "kernel", 1e-14, 1e-12),
        Row("dense", "shapes", verdict="FAILED", detail="shapes: a <shape> (training)"),
    ]
    assert str(report) == repr(report)
    assert str(report).splitlines() == [
        "Layer  Checked  Error    Allowed  Verdict",
        "-" * 41,
        "dense  kernel   1.0e-14  1.0e-12  ok",
        "dense  shapes   -        -        FAILED",
        "FAILED: dense: shapes: a <shape> (training)",
        "1 of 2 checks failed",
    ]
    assert "<td>shapes: a &lt;shape&gt; (training)</td>" in report._repr_html_()
    assert not report.ok
    findings.measured("nan", np.nan, 1e-12, "no number")
    assert len(report.failures) == 2


def test_loss_arguments():
    report = check_loss(MeanSquaredError(), y_true=[[1.0], [2.0]], y_pred=[[1.5], [2.5]])
    assert report.ok, report
    assert "Hessian, complex step" in rows_of(report)
    assert not check_loss(MeanSquaredError(), y_true=[[1.0, 2.0]], y_pred=[[1.0]]).ok


CONFIG = """\
seed: 1
data:
  source: {SklearnDataset: {name: iris}}
model:
  - Normalization
  - Doubled
  - Dense: {units: 3}
compile:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
"""
MODULE = """\
import numpy as np
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import Layer


class Doubled(Layer):
    slope: float = 2.0
    fails: bool = False

    def linearize(self, inputs):
        if self.fails:
            raise RuntimeError("as asked")
        slope = np.full((), self.slope, inputs.real.dtype)
        return 2 * inputs, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    Path("my_doubled_layer.py").write_text(MODULE)
    yield tmp_path
    sys.modules.pop("my_doubled_layer", None)
    Layer._members.pop("doubled", None)


COMMAND = ["check", "c.yaml", "--import", "my_doubled_layer"]


def test_the_command(folder, capsys):
    path = list(sys.path)
    assert main(COMMAND) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["Layer", "Checked", "Error", "Allowed", "Verdict"]
    assert out.splitlines()[-1].endswith("checks passed")
    assert "doubled" in out
    assert err == ""
    assert sys.path == path
    assert main([*COMMAND, "--set", "model.1={Doubled: {slope: 2.001}}"]) == 1
    assert "FAILED: doubled: inputs, complex step: d output[" in capsys.readouterr().out


def test_the_command_shows_no_traceback(folder, capsys):
    assert main([*COMMAND, "--set", "model.1={Doubled: {fails: true}}"]) == 2  # the model cannot be built at all
    assert "c.yaml, line 4, column 1: model: it cannot be used: RuntimeError: as asked" in capsys.readouterr().err
    Path("my_doubled_layer.py").write_text("import nothing_of_that_name")
    sys.modules.pop("my_doubled_layer")
    assert main(COMMAND) == 2
    assert "--import my_doubled_layer: ModuleNotFoundError: No module named 'nothing" in capsys.readouterr().err
    assert main(["check", "nothing.yaml"]) == 2
    with pytest.raises(ConfigError, match=r"--import my_other_layer: .* named 'my_other_layer'$"):
        check_config("c.yaml", modules=["my_other_layer"])


@pytest.mark.parametrize("name", ["digits", "digits_resnet", "breast_cancer", "diabetes", "xor"])
def test_the_configs_that_come_along(name):
    report = check_config(str(Path(__file__).parents[2] / "configs" / f"{name}.yaml"))
    assert report.ok, report
