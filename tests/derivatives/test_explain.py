"""`explain`: what each stage keeps, how large derivatives are, and one weight's derivative as a product."""

import html
from html.parser import HTMLParser

import numpy as np
import pytest
from layers.cases import CASES

from nnlite import Input, Sequential, ops
from nnlite.cli import main
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import LSTM, Add, Conv2D, Dense, Embedding, Flatten, Layer, Rescaling, Residual
from nnlite.models import Model

CONFIG = """\
seed: 1
data:
  source: {SklearnDataset: {name: iris}}
  split: {validation: 0.2, test: 0.2}
model:
  - Dense: {units: 4, activation: relu}
  - Dense: {units: 3}
compile:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
fit:
  epochs: 3
"""
X = np.random.default_rng(3).normal(size=(5, 4))
Y = [0, 1, 2, 1, 0]


pytestmark = pytest.mark.usefixtures("double_precision")


def network(*layers, shape=(4,)):
    loss = {"SparseCategoricalCrossentropy": {"from_logits": bool(layers)}}
    layers = layers or (Dense(6, activation="tanh"), Dense(3, activation="softmax"))
    model = Sequential([Input(shape), *layers], seed=0)
    model.compile(loss=loss)
    return model


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-14)


def single_inputs():
    for case in CASES:
        if not case.several and case.mask is None and case.layer != "Input":
            layer, x = case.prepared()
            model = Sequential([layer], seed=0)
            model.build((None, *x.shape[1:]))
            outputs = model.linearize(model._as_input(x), *model.values)[0]
            if not isinstance(outputs, tuple) and outputs.dtype.kind == "f":
                yield model, x[:1]


def test_every_layer_can_be_explained():
    explained, products = 0, 0
    for model, x in single_inputs():
        found = model.explain(x)
        explained += 1
        assert model.layers[0].name in repr(found)
        if model.linearize(model._as_input(x), *model.values)[1][0] is not None:
            close(found.stages[0].by_input, np.linalg.norm(model.jacobian(x).todense()))
        if model.trainable_weights:
            whole = np.linalg.norm(model.jacobian(x, "parameters").todense())
            close(np.linalg.norm([norm for norm in found.gradients.values() if norm is not None]), whole)
            if found.trail.count == 1:
                close(np.prod(found.trail.term.factors), found.trail.gradient)
                products += 1
    assert explained > 300
    assert products > 100


def test_norms_of_the_loss_are_those_of_its_gradients():
    model = network()
    found = model.explain(X, Y, row=3)
    own = network()  # a twin: the gradients come from elsewhere
    gradients = own.per_example_gradients(X, Y, flat=False)
    assert found.subject == "the loss"
    close(found.value, own.test_on_batch(X[3:4], Y[3:4]))
    close(list(found.gradients.values()), [np.linalg.norm(gradients[name][3]) for name in found.gradients])
    assert list(found.gradients) == ["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"]
    first, last, loss = found.stages
    close(first.by_output, last.by_input)
    close(last.by_output, loss.by_input)
    assert loss.by_output == 1
    # The softmax is left to the loss, whose derivative by the logits is p - y.
    close(last.by_output, np.linalg.norm(found.outputs - np.eye(3)[1]))
    close(found.outputs, model.predict(X[3:4], verbose=0)[0])
    assert found.target == 1


def test_a_fused_activation_is_a_stage_of_its_own():
    model = network()
    dense = model.explain(X, row=1).stages[0]
    before, activation = dense.inner
    slope = np.diag(1 - np.tanh(X[1] @ model.values[0] + model.values[1]) ** 2)
    rest = model.jacobian(X[1:2], "dense").todense()[0]  # columns: kernel, bias; that of the bias is rest @ slope
    close(before.by_output, np.linalg.norm(rest[:, 24:]))
    close(dense.by_output, np.linalg.norm(rest[:, 24:] @ np.linalg.inv(slope)))
    assert activation.by_output == dense.by_output
    assert activation.by_input == before.by_output
    assert (before.by_input, before.shape, activation.name) == (dense.by_input, (1, 6), "Tanh of dense")
    assert {label: type(part).__name__ for label, part in before.maps.items()} == {
        "inputs": "RowsTimesKernel",
        "kernel": "KernelOfRows",
        "bias": "Broadcast",
    }
    assert {label: type(part).__name__ for label, part in activation.maps.items()} == {"inputs": "Diagonal"}


def test_norms_are_of_all_outputs_or_of_one():
    model = network()
    whole = model.jacobian(X[:1]).todense()[0]
    close(model.explain(X).stages[0].by_input, np.linalg.norm(whole))
    close(model.explain(X, output=2).stages[0].by_input, np.linalg.norm(whole[2]))
    outputs = model.predict(X[:1], verbose=0)[0]
    assert model.explain(X).subject == f"output {outputs.argmax()}"
    close(model.explain(X, output=2).value, outputs[2])


def test_many_outputs_go_back_in_blocks():
    model = network(Dense(130))
    close(model.explain(X).stages[0].by_input, np.linalg.norm(model.jacobian(X[:1]).todense()))


def test_a_derivative_is_a_product():
    model = network()
    model.values[2][5] = [0.5, -0.3, 0.45]
    trail = model.explain(X, Y, row=2, weight="dense.kernel[3, 5]").trail
    kernel, bias, last, last_bias = model.values
    hidden = np.tanh(X[2] @ kernel + bias)
    logits = hidden @ last + last_bias
    by_logits = np.exp(logits) / np.exp(logits).sum() - np.eye(3)[2]
    close(trail.term.factors, [X[2, 3], 1 - hidden[5] ** 2, last[5] @ by_logits])
    close(trail.gradient, np.prod(trail.term.factors))
    close(trail.gradient, model.per_example_gradients(X, Y, flat=False)["dense.kernel"][2, 3, 5])
    assert (trail.weight, trail.value, trail.count) == ("dense.kernel[3, 5]", kernel[3, 5], 1)
    assert (trail.term.name, trail.term.place) == ("dense", (5,))
    place = int(np.abs(last[5] * by_logits).argmax())
    assert place != np.abs(last[5]).argmax()
    assert [(hop.name, hop.place) for hop in trail.term.hops] == [("dense_1", (place,)), ("loss", ())]
    close([hop.derivative for hop in trail.term.hops], [last[5, place], by_logits[place]])


def test_the_weight_with_the_largest_derivative_is_followed():
    model = network()
    gradients = model.per_example_gradients(X, Y, flat=False)
    kernels = {name: gradient[4] for name, gradient in gradients.items() if "kernel" in name}
    name = max(kernels, key=lambda own: np.abs(kernels[own]).max())
    place = np.unravel_index(np.abs(kernels[name]).argmax(), kernels[name].shape)
    trail = model.explain(X, Y, row=4).trail
    assert trail.weight == f"{name}[{place[0]}, {place[1]}]"
    close(trail.gradient, kernels[name][place])
    close(np.prod(trail.term.factors), trail.gradient)


def test_a_weight_that_is_used_in_many_places_has_many_terms():
    model = network(Conv2D(2, 2), Flatten(), Dense(3), shape=(3, 3, 1))
    images = np.random.default_rng(0).normal(size=(2, 3, 3, 1))
    trail = model.explain(images, Y[:2], weight="conv2d.kernel[0, 1, 0, 1]").trail
    by_output = model.explain(images, Y[:2]).stages[0].cotangent[0]
    terms = images[0, :2, 1:, 0] * by_output[..., 1]
    assert trail.count == 4
    close(trail.gradient, terms.sum())
    close(np.prod(trail.term.factors), terms.ravel()[np.abs(terms).argmax()])
    assert "+ 3 smaller terms" in repr(model.explain(images, Y[:2], weight="conv2d.kernel[0, 1, 0, 1]"))


def test_what_a_weight_does_inside_a_recurrent_layer_is_a_derivative():
    """Gates lie between the weight and the output: no number is what it multiplies."""
    model = Sequential([Input((3, 2)), LSTM(2), Dense(1)], seed=0, dtype="float64")
    x = np.ones((1, 3, 2))
    shown = repr(model.explain(x, weight="lstm.kernel[0, 1]"))
    assert "is the derivative with respect to it of lstm[1]" in shown and "what it multiplies" not in shown, shown
    assert "is what it multiplies for dense[0]" in repr(model.explain(x, weight="dense.kernel[1, 0]"))


def test_behind_a_relu_at_rest_the_slope_is_zero():
    model = network(Dense(2, activation="relu"), Dense(3))
    model.values[0][...] = -1
    trail = model.explain(np.ones((1, 4)), weight="dense.kernel[0, 1]").trail
    assert (trail.gradient, trail.count) == (0, 0)
    assert trail.term.factors[:2] == [1.0, 0.0]
    assert trail.term.place == (1,)


class KernelInTwoPlaces(Layer):
    """Uses one kernel in two places."""

    def build(self, input_shape):
        self.kernel = self.add_weight((4, 4), name="kernel")

    def call(self, inputs):
        return ops.tanh(inputs @ self.kernel) @ self.kernel


def test_graphs_show_their_ops_and_sum_the_uses_of_a_weight():
    model = network(KernelInTwoPlaces(), Dense(3))
    found = model.explain(X, Y, weight="kernel_in_two_places.kernel[1, 2]")
    first, _, second = found.stages[0].inner
    assert [stage.kind for stage in found.stages[0].inner] == ["MatMul", "Tanh", "MatMul"]
    gradient = model.per_example_gradients(X, Y, flat=False)["kernel_in_two_places.kernel"][0]
    close(found.gradients["kernel_in_two_places.kernel"], np.linalg.norm(gradient))
    close(found.trail.gradient, gradient[1, 2])
    kernel = model.values[0]
    inner = np.tanh(X[0] @ kernel)
    terms = [X[0, 1] * first.cotangent[0, 2], inner[1] * second.cotangent[0, 2]]
    close(sum(terms), gradient[1, 2])
    close(np.prod(found.trail.term.factors), max(terms, key=abs))
    assert found.trail.count == 2


def test_layers_inside_layers_are_indented():
    model = network(Sequential([Dense(4, activation="tanh")]), Residual([Dense(4)]), Dense(3))
    text = repr(model.explain(X, Y))
    assert "\nsequential (Sequential) " in text
    assert "\n  dense (Dense) " in text
    assert "\n    dense before Tanh " in text
    assert "\n      kernel: KernelOfRows " in text
    assert "\nresidual (Residual) " in text
    assert "\n  add (Add) " in text


def test_a_model_of_several_inputs():
    left, right = Input((4,)), Input((2,))
    model = Model([left, right], Dense(3)(Add()([Dense(5, activation="tanh", name="left")(left), Dense(5)(right)])))
    model.compile(loss={"SparseCategoricalCrossentropy": {"from_logits": True}})
    data = [X, X[:, :2]]
    found = model.explain(data, Y, row=1, weight="left.kernel[0, 2]")
    gradient = model.per_example_gradients(data, Y, flat=False)["left.kernel"][1]
    close(found.gradients["left.kernel"], np.linalg.norm(gradient))
    close(np.prod(found.trail.term.factors), gradient[0, 2])
    with pytest.raises(ConfigError, match="several outputs"):
        Model(left, [Dense(2)(left), Dense(3)(left)]).explain(X)


def test_indices_have_no_derivative():
    model = network(Embedding(9, 2), Flatten(), Dense(3), shape=(4,))
    found = model.explain(np.arange(8).reshape(2, 4), [0, 1])
    assert found.stages[0].by_input is None
    assert found.stages[0].by_output > 0
    assert "embedding (Embedding)" in repr(found)


def test_frozen_parameters_are_left_out():
    model = network(Dense(6, trainable=False), Dense(3))
    found = model.explain(X, Y)
    assert list(found.gradients) == ["dense_1.kernel", "dense_1.bias"]
    assert found.trail.weight.startswith("dense_1.kernel[")
    assert "no weight to follow" in repr(network(Rescaling(2.0)).explain(X))


class Tables(HTMLParser):
    """Reads tables strictly: each tag must be closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.cells.append(0)
        if tag in ("td", "th"):
            self.cells[-1] += 1
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data}\n"


def test_a_notebook_shows_an_escaped_table():
    model = network(Dense(5, name="<b>&", activation="relu"), Dense(3))
    found = model.explain(X, Y)
    markup = found._repr_html_()
    page = Tables(markup)
    assert page.open == []
    assert set(page.cells) == {4}
    assert "<b>&" not in markup
    assert html.escape("<b>& (Dense)") in markup
    assert f"the loss is {found.value:.6g}" in page.text
    assert len(page.cells) == repr(found).split("---\n")[1].count("\n") + 1
    assert "script" not in markup
    assert "http" not in markup


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"row": 5}, DataError, "row 5 does not exist: x has the rows 0 to 4"),
        ({"row": -1}, DataError, "row -1 does not exist"),
        ({"output": 3}, ConfigError, "outputs 0 to 2, got output=3"),
        ({"output": 1, "y": Y}, ConfigError, "not both"),
        ({"weight": "dense.kernels[0, 0]"}, ConfigError, "did you mean 'dense.kernel'"),
        ({"weight": "dense.kernel[0]"}, ConfigError, r"shape \(4, 6\); write dense.kernel\[0, 0\]"),
        ({"weight": "dense.kernel[0, 6]"}, ConfigError, r"shape \(4, 6\)"),
        ({"y": Y[:2]}, ShapeError, "x has 5 rows, y has 2"),
        ({"x": X[:, :3]}, ShapeError, r"built for inputs of shape \(None, 4\), got \(5, 3\)"),
        ({"x": X[:0]}, DataError, "x has none"),
    ],
)
def test_what_cannot_be_explained_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        network().explain(**{"x": X, **arguments})


def test_targets_need_a_loss():
    model = Sequential([Input((4,)), Dense(3)], seed=0)
    assert model.explain(X).target is None
    with pytest.raises(NotReadyError, match="compile"):
        model.explain(X, Y)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIG)
    return "c.yaml"


def test_command_line_explains_a_config_and_a_run(config, capsys):
    assert main(["explain", config, "--row", "2"]) == 0
    fresh = capsys.readouterr().out
    assert "row 2: the loss is" in fresh
    assert "dense before ReLU" in fresh
    assert main(["train", config, "--quiet", "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["explain", "run", "--row", "2"]) == 0
    trained = capsys.readouterr().out
    assert trained.splitlines()[0] != fresh.splitlines()[0]

    from nnlite.experiment import Run

    run = Run("run")
    x, y = run.experiment.prepare(run.preprocessing)[1].parts["training"]
    assert trained == f"{run.model.explain(x, y, row=2)}\n"
    assert main(["explain", "run", "--part", "test", "--output", "1", "--weight", "dense.kernel[0, 0]"]) == 0
    out = capsys.readouterr().out
    assert "output 1 is" in out
    assert "by dense.kernel[0, 0], which is" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["c.yaml", "--row", "90"], 3, "row 90 does not exist: the training part has the rows 0 to 89"),
        (["c.yaml", "--row", "-1"], 3, "row -1 does not exist"),
        (["c.yaml", "--output", "3"], 2, "outputs 0 to 2"),
        (["c.yaml", "--weight", "dense.kernal[0, 0]"], 2, "did you mean 'dense.kernel'"),
        (["c.yaml", "--part", "test", "--set", "data.split.test=0"], 2, "no test part"),
        (["none.yaml"], 2, "none.yaml: No such file"),
        (["."], 3, "not a run folder"),
    ],
)
def test_command_line_says_what_is_wrong(config, capsys, arguments, code, message):
    assert main(["explain", *arguments]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert message in error
    assert error.count("\n") == 1
