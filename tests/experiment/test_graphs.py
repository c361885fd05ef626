"""Graphs of layers in configs: read, trained, saved, loaded, and refused with the place of the mistake."""

from pathlib import Path

import numpy as np
import pytest

from nnlite import Input, Model
from nnlite.check import check_config
from nnlite.cli import main
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment, Run, train
from nnlite.layers import Columns, Concatenate, Dense
from nnlite.models import load_model

GRAPH = """
seed: 1
data: {source: {Csv: {path: t.csv, target: y, categorical: [kind]}}, split: {validation: 0.2}}
model:
  inputs:
    sizes: {columns: [width, 1]}
    kinds: {columns: [kind]}
    others: {}
  layers:
    wide: {from: sizes, layers: [{Dense: {units: 4, activation: tanh}}, {Dropout: {rate: 0.1}}]}
    kinds_wide: {Dense: {units: 3}, from: kinds}
    both: {Concatenate: {}, from: [wide, kinds_wide, others]}
    end: {Dense: {units: 1}}
compile: {loss: mse}
fit: {epochs: 2}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    rows = [
        f"{a:.3f},{b:.3f},{'rgb'[i % 3]},{c:.3f},{a + b:.3f}" for i, (a, b, c) in enumerate(random.normal(size=(60, 3)))
    ]
    (tmp_path / "t.csv").write_text("\n".join(["width,height,kind,depth,y", *rows]))

    def write(text, name="c.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return write


def test_columns_are_split_among_the_inputs_by_name_and_place(write):
    model, data = Experiment.from_file(write(GRAPH)).prepare()
    assert isinstance(model, Model) and data.parts["training"][0].shape[1] == 6
    places = {layer.name: layer.places for layer in model.layers if isinstance(layer, Columns)}
    assert places == {"sizes": [0, 1], "kinds": [2, 3, 4], "others": [5]}
    assert [layer.name for layer in model.layers if isinstance(layer, Dense)] == ["dense", "kinds_wide", "end"]
    assert model.output_names == ["end"] and model.output_shape == (None, 1)


def test_a_graph_computes_what_the_same_model_in_python_does(write):
    model, data = Experiment.from_file(write(GRAPH)).prepare()
    whole = Input((6,))
    sizes, kinds, others = (Columns(places)(whole) for places in ([0, 1], [2, 3, 4], [5]))
    both = Concatenate()([Dense(4, "tanh")(sizes), Dense(3)(kinds), others])
    twin = Model(whole, Dense(1)(both), seed=0)
    twin.set_weights(model.get_weights())
    x = data.parts["training"][0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), twin.predict(x, verbose=0))


def test_train_evaluate_predict_summary_and_check(write, capsys):
    assert main(["train", write(GRAPH), "--quiet"]) == 0
    run = Run("runs/c-1")
    assert run.evaluate() == run.metrics
    assert train(Experiment.from_file(run.folder / "config.yaml"), out="again", quiet=True).metrics == run.metrics
    model = load_model(run.folder / "model.safetensors")
    assert [layer.name for layer in model.layers] == [layer.name for layer in run.model.layers]
    assert main(["predict", "runs/c-1", "t.csv", "-o", "p.csv"]) == 0
    assert len(Path("p.csv").read_text().splitlines()) == 61
    capsys.readouterr()
    assert main(["summary", "c.yaml"]) == 0
    assert "kinds_wide (Dense)" in capsys.readouterr().out
    assert main(["explain", "runs/c-1"]) == 0
    assert check_config("c.yaml").ok


def test_a_second_run_starts_from_first_weights(write):
    experiment = Experiment.from_file(write(GRAPH))
    first, _ = experiment.prepare()
    first.set_weights([weight + 1 for weight in first.get_weights()])
    second, _ = experiment.prepare()
    assert not any(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("inputs", "layers"),
    [
        ("x", "{a: {Dense: {units: 2}}, b: {Dense: {units: 1}}}"),
        ("[x]", "{a: {Dense: {units: 2}, from: x}, b: {Dense: {units: 1}, from: a}}"),
        ("{x: {}}", "{a: {layers: [{Dense: {units: 2}}]}, b: {Dense: {units: 1}}}"),
        ("{x: {columns: [0-5]}}", "{a: BatchNormalization, b: {Dense: {units: 1}}}"),
        ("{x: null}", "{a: ReLU, b: {Dense: {units: 1}}}"),
    ],
)
def test_short_forms(write, inputs, layers):
    text = f"{GRAPH[: GRAPH.index('model:')]}model: {{inputs: {inputs}, layers: {layers}}}\ncompile: {{loss: mse}}\n"
    model, _ = Experiment.from_file(write(text)).prepare()
    assert model.output_names == ["b"]


def test_texts_may_enter_a_graph(write):
    text = """
    data: {source: {Agreement: {rows: 40}}}
    model:
      inputs: text
      layers:
        words: {TextVectorization: {output_mode: multi_hot}}
        answer: {Dense: {units: 1, activation: sigmoid}}
    compile: {loss: binary_crossentropy}
    """
    model, _ = Experiment.from_file(write(text)).prepare()
    assert model.output_shape == (None, 1)
    text = text.replace("words: {TextVectorization: {output_mode: multi_hot}}", "words: {Dense: {units: 2}}")
    with pytest.raises(ConfigError, match=r"line 6, column 9: model\.layers\.words: the data are strings, .* begin"):
        Experiment.from_file(write(text)).prepare()


BAD = {
    "unknown source": (
        "from: kinds}",
        "from: kind}",
        "11, column 37: model.layers.kinds_wide.from: 'kind' is unknown; did",
    ),
    "below": (
        "from: kinds}",
        "from: both}",
        "11, column 37: model.layers.kinds_wide.from: 'both' is defined below; a layer",
    ),
    "itself": ("from: kinds}", "from: kinds_wide}", "11, column 37: model.layers.kinds_wide.from: 'kinds_wide' is def"),
    "in a list": (
        "[wide, kinds_wide",
        "[wide, kinds_wode",
        "12, column 42: model.layers.both.from[1]: 'kinds_wode' is",
    ),
    "none": ("[wide, kinds_wide, others]", "[]", "12, column 29: model.layers.both.from: expected a name or more"),
    "argument": (
        "{units: 3}",
        "{unit: 3}",
        "11, column 26: model.layers.kinds_wide.Dense.unit: unknown argument 'unit'",
    ),
    "in a chain": (
        "units: 4",
        "units: x",
        "10, column 43: model.layers.wide.layers[0].Dense.units: expected an integer",
    ),
    "two layers": (
        "{Concatenate: {}",
        "{Concatenate: {}, Add: {}",
        "12, column 5: model.layers.both: expected a layer",
    ),
    "no layer": ("{Concatenate: {}, ", "{", "12, column 5: model.layers.both: expected a layer: a name or"),
    "empty chain": (
        "[{Dense: {units: 4, activation: tanh}}, {Dropout: {rate: 0.1}}]",
        "[]",
        "10, column 25: model.layers",
    ),
    "name of an input": ("kinds_wide: {D", "others: {D", "11, column 5: model.layers.others: 'others' is an input"),
    "two for the rest": ("{columns: [kind]}", "{}", "5, column 3: model.inputs: the inputs kinds and others name no"),
    "unused layer": (
        "[wide, kinds_wide, others]",
        "[wide, others]",
        "7, column 5: model.inputs.kinds: the output 'end' does",
    ),
    "output": (
        "compile:",
        "  outputs: edn\ncompile:",
        "14, column 3: model.outputs: unknown layer 'edn'; did you mean 'end'?",
    ),
    "unknown key": (
        "  inputs:",
        "  input:",
        "5, column 3: model.input: unknown argument 'input'; did you mean 'inputs'?",
    ),
    "no column": (
        "[width, 1]",
        "[with, 1]",
        "6, column 23: model.inputs.sizes.columns[0]: unknown column 'with'; did you",
    ),
    "no place": (
        "[width, 1]",
        "[width, 9]",
        "6, column 5: model.inputs.sizes: layer 'sizes' (Columns) needs columns from",
    ),
    "shape": ("{Concatenate: {}", "{Add: {}", "12, column 5: model.layers.both: "),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_are_named(write, case):
    good, bad, message = BAD[case]
    with pytest.raises(ConfigError) as caught:
        Experiment.from_file(write(GRAPH.replace(good, bad, 1))).prepare()
    first = str(caught.value).splitlines()
    assert any(f"c.yaml, line {message}" in line for line in first), first
