"""Models in formats that run without nnlite: whole models, raw tables, files that cannot be made."""

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, NNClassifier, NNRegressor, Sequential, ops
from nnlite.cli import main
from nnlite.data import Classes, Columns, Dates, Numeric, OneHot, Ordinal, Quantities, TwoValued, read_frame
from nnlite.data.encoders.columns import ColumnEncoder
from nnlite.errors import ConfigError, MissingLibraryError
from nnlite.experiment import Experiment, train
from nnlite.inference.exports.columns import ENCODINGS, column_kinds, encoded_columns
from nnlite.inference.exports.graph import Graph
from nnlite.inference.exports.onnx_files import onnx_model
from nnlite.inference.exports.python_files import RawColumns, python_files
from nnlite.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    CategoryEmbedding,
    Clip,
    ColumnBranch,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    LayerNormalization,
    Masking,
    MaxPooling2D,
    MultiHeadAttention,
    PeriodicEmbedding,
    PositionEmbedding,
    Residual,
    RobustScaling,
    SimpleRNN,
    TextVectorization,
)
from nnlite.losses import SparseCategoricalCrossentropy

RANDOM = np.random.default_rng(5)


def image_net():
    layers = [Conv2D(4, 3, padding="same"), BatchNormalization(), nnlite.layers.ReLU(), MaxPooling2D(), Flatten()]
    model = Sequential([Input((8, 6, 2)), *layers, Dense(3, "softmax")], seed=0)
    model.layers[1].moving_mean.assign(RANDOM.normal(size=4))
    return model, (RANDOM.normal(size=(5, 8, 6, 2)),)


def dense_net():
    model = Sequential([Input((6,)), BatchNormalization(), Dense(8, "selu"), Dropout(0.5), Dense(2, "softmax")], seed=0)
    model.layers[0].moving_variance.assign(RANDOM.uniform(0.5, 2, size=6))
    return model, (RANDOM.normal(size=(5, 6)),)


def text_net():
    model = Sequential([Input((7,), dtype="int64"), Embedding(9, 4), LSTM(5), Dense(1)], seed=0)
    return model, (RANDOM.integers(0, 9, (5, 7)),)


def two_inputs():
    left, right = Input((4,), name="left"), Input((3,), name="right")
    joined = Concatenate()([Dense(5, "tanh")(left), right])
    return Model([left, right], [Dense(2, name="a")(joined), Dense(1, name="b")(joined)], seed=0), (
        RANDOM.normal(size=(5, 4)),
        RANDOM.normal(size=(5, 3)),
    )


def transformer():
    x = Input((6, 8))
    y = LayerNormalization()(nnlite.layers.Add()([x, MultiHeadAttention(2, 4)(x)]))
    return Model(x, Dense(1)(Flatten()(y)), seed=0), (RANDOM.normal(size=(5, 6, 8)),)


def codes_beside_numbers():
    branch = ColumnBranch({"0": [Embedding(6, 4, mask_zero=True), Flatten()], "1-2": [Dense(4)], "0-2": []})
    model = Sequential([Input((3,)), branch, Dense(2, "softmax")], seed=0)
    return model, (np.stack([RANDOM.integers(0, 6, 5), *RANDOM.normal(size=(2, 5))], axis=1),)


NETS = [image_net, dense_net, text_net, two_inputs, transformer, codes_beside_numbers]


def outputs_of(model, inputs):
    outputs = model.predict(inputs[0] if len(inputs) == 1 else list(inputs), verbose=0)
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def module_of(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.__name__)
def test_a_model_as_a_python_file(net, tmp_path):
    model, inputs = net()
    assert model.export(tmp_path / "m.py") == [str(tmp_path / "m.py")]
    wanted = outputs_of(model, inputs)
    outputs = module_of(tmp_path / "m.py").predict(*inputs)
    for output, array in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_allclose(output, array, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.__name__)
def test_a_model_as_onnx(net, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    model, inputs = net()
    model.export(tmp_path / "m.onnx")
    read = onnx.load(str(tmp_path / "m.onnx"))
    feed = {
        port.name: np.asarray(array, "int64" if array.dtype.kind == "i" else "float32")
        for port, array in zip(read.graph.input, inputs, strict=True)
    }
    wanted = outputs_of(model, inputs)
    outputs = ReferenceEvaluator(read).run(None, feed)
    for output, array in zip(outputs, wanted, strict=True):
        np.testing.assert_allclose(output, array, rtol=1e-5, atol=1e-6)
    assert {prop.key: prop.value for prop in read.metadata_props} == {"nnlite_version": nnlite.__version__}


def test_transposes_between_images_cancel(tmp_path):
    onnx = pytest.importorskip("onnx")
    image_net()[0].export(tmp_path / "m.onnx")
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "m.onnx")).graph.node]
    assert kinds.count("Transpose") == 2 and kinds.count("Conv") == 1 and "Mul" not in kinds


def table(rows=120):
    random = np.random.default_rng(5)  # its own: rounding, and so what is compared, depends on the rows
    days = np.datetime64("2021-03-01") + random.integers(0, 900, rows)
    cells = {
        "age": random.integers(18, 80, rows).astype(float),
        "city": random.choice(["Bern", "Basel", "Chur"], rows).astype(object),
        "sex": random.choice(["f", "m"], rows).astype(object),
        "member": random.choice(["yes", "no"], rows).astype(object),
        "joined": days.astype(str).astype(object),
    }
    cells["age"][::11] = np.nan
    cells["city"][::13] = ""
    return cells


def written(cells, path, target):
    names = [*cells, "answer"]
    lines = [",".join(names)]
    for row in zip(*cells.values(), target, strict=True):
        lines.append(",".join("" if cell != cell else str(cell) for cell in row))
    path.write_text("\n".join(lines) + "\n")


CONFIGS = {
    "classes": ("sparse_categorical_crossentropy", lambda cells: cells["city"] + cells["sex"]),
    "two": ("binary_crossentropy", lambda cells: np.where(np.nan_to_num(cells["age"]) > 40, "old", "young")),
    "amounts": ("mse", lambda cells: np.nan_to_num(cells["age"]) * 100),
}


def trained_on_a_table(kind, folder):
    loss, target = CONFIGS[kind]
    cells = table()
    answers = target(cells)
    written(cells, folder / "t.csv", answers)
    units = {"classes": len(set(answers)), "two": 1, "amounts": 1}[kind]
    activation = {"classes": "softmax", "two": "sigmoid", "amounts": None}[kind]
    config = {
        "data": {"source": {"Csv": {"path": str(folder / "t.csv"), "target": "answer"}}, "split": {"test": 0.2}},
        "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": units, "activation": activation}}],
        "compile": {"optimizer": "adam", "loss": loss},
        "fit": {"epochs": 2},
        "seed": 0,
    }
    run = train(Experiment.get(config), out=str(folder / "run"), quiet=True)
    return nnlite.load(run.folder), cells


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_raw_table_through_a_python_file(kind, tmp_path, capsys):
    trained, cells = trained_on_a_table(kind, tmp_path)
    assert main(["export", str(tmp_path / "run"), str(tmp_path / "m.py")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written: {tmp_path / 'm.py'}"
    module = module_of(tmp_path / "m.py")
    raw = {name: list(column) for name, column in cells.items()}
    answers_agree(kind, module.predict(raw), trained, raw)
    rows = [dict(zip(raw, row, strict=True)) for row in zip(*raw.values(), strict=True)]
    for name, values in module.predict(rows).items():
        np.testing.assert_array_equal(values, module.predict(raw)[name])
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "m.py"), str(tmp_path / "t.csv")], capture_output=True, text=True
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 121, done.stderr
    done = subprocess.run([sys.executable, "-I", str(tmp_path / "m.py"), "none.csv"], capture_output=True, text=True)
    assert done.returncode == 3 and "none.csv" in done.stderr and "Traceback" not in done.stderr


def answers_agree(kind, outputs, trained, raw):
    if kind == "amounts":
        np.testing.assert_allclose(outputs["prediction"][:, 0], trained.predict(raw), rtol=1e-6)
        return
    assert outputs["label"].tolist() == trained.predict(raw).tolist()
    np.testing.assert_allclose(outputs["probabilities"], trained.predict_proba(raw), atol=1e-6)


def test_a_table_of_another_dialect_through_a_python_file(tmp_path):
    lines = [f"{area / 2:.1f};{'Zürich' if area % 3 else 'Bern'};{area * 10 + area % 7}" for area in range(60)]
    text = "\n".join(["Fläche;Ort;Preis", *lines, ""]).replace(".", ",")
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    source = {"path": str(tmp_path / "t.csv"), "target": "Preis", "encoding": "cp1252"}
    config = {
        "data": {"source": {"Csv": source}, "split": {"test": 0.2}},
        "model": [{"Dense": {"units": 1}}],
        "compile": {"optimizer": "adam", "loss": "mse"},
        "fit": {"epochs": 1},
        "seed": 0,
    }
    trained = nnlite.load(train(Experiment.get(config), out=str(tmp_path / "run"), quiet=True).folder)
    trained.model.export(tmp_path / "m.py")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "m.py"), str(tmp_path / "t.csv")], capture_output=True, text=True
    )
    predictions = np.array(done.stdout.split()[1:], float)
    np.testing.assert_allclose(predictions, trained.predict(str(tmp_path / "t.csv")), rtol=1e-6)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_raw_table_through_onnx(kind, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    trained, cells = trained_on_a_table(kind, tmp_path)
    trained.model.export(tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    feed = {}
    for port in session.get_inputs():
        column = cells[port.name]
        if port.name == "joined" and "double" in port.type:
            column = column.astype("datetime64[D]").astype(float)
        if port.name == "member" and "double" in port.type:
            column = column == "yes"
        feed[port.name] = column[:, None].astype(object if "string" in port.type else float)
    told = session.get_modelmeta().custom_metadata_map
    kinds = json.loads(told["columns"])
    types = {
        port.name: "tensor(string)" if kinds[port.name] == "category" else "tensor(double)"
        for port in session.get_inputs()
    }
    assert {port.name: port.type for port in session.get_inputs()} == types and json.loads(told["target"]) == ["answer"]
    assert json.loads(told.get("labels", "[]")) == ([] if kind == "amounts" else sorted(set(CONFIGS[kind][1](cells))))
    outputs = dict(zip([port.name for port in session.get_outputs()], session.run(None, feed), strict=True))
    answers_agree(kind, outputs, trained, {name: list(column) for name, column in cells.items()})


@pytest.mark.parametrize("estimator", [NNClassifier, NNRegressor])
def test_an_estimator(estimator, tmp_path):
    cells = table()
    cells = {name: cells[name] for name in ("age", "city", "sex")} | {"pay": RANDOM.normal(1e7, 10, 120)}
    target = np.where(np.nan_to_num(cells["age"]) > 40, 1, 0)
    model = estimator(epochs=2, n_members=2, random_state=0).fit(cells, target)
    assert model.export(tmp_path / "m.py") == [str(tmp_path / "m.py")]
    raw = {name: list(column) for name, column in cells.items()}
    outputs = module_of(tmp_path / "m.py").predict(raw)
    if estimator is NNRegressor:
        np.testing.assert_allclose(outputs["prediction"][:, 0], model.predict(cells), atol=2e-6)
    else:
        np.testing.assert_array_equal(outputs["label"], model.predict(cells))
        np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(cells), atol=2e-6)


def test_dates_by_the_calendar():
    days = np.arange(-800_000, 800_000, 37)
    dates = days.astype("datetime64[D]")
    encoder = Columns([Dates("day", 0.0, ["hour", "weekday", "month"])])
    graph = Graph()
    graph.output("y", encoded_columns(graph, encoder, "float32"), "float32", (None, 7))
    names = {"__name__": "exported", "__file__": "exported.py"}
    exec(compile(python_files(graph, "m.py", RawColumns({"day": "date"}, {}))["m.py"], "m.py", "exec"), names)
    made = names["outputs_of"](days[:, None].astype(float))["y"]
    np.testing.assert_allclose(made, encoder.encode({"day": dates.astype("datetime64[us]")}), rtol=1e-6, atol=1e-6)


def test_every_encoding_has_a_form_or_is_named():
    without = {name for name, cls in ColumnEncoder.members().items() if cls not in ENCODINGS}
    assert without == {"Quantiles"}
    quantiles = ColumnEncoder.get({"Quantiles": {"name": "b", "fill": 1.0, "quantiles": [0.0, 2.0]}})
    with pytest.raises(ConfigError, match="column 'b': its encoding Quantiles has no form in this format"):
        encoded_columns(Graph(), Columns([OneHot("a", ["x"]), quantiles]), "float32")


def test_hashes_go_to_a_python_file_and_are_named_in_onnx():
    encoder = Columns(
        [
            ColumnEncoder.get({"HashedLevels": {"name": "zip", "width": 5}}),
            ColumnEncoder.get({"HashedText": {"name": "note", "width": 16, "ngrams": 3}}),
        ]
    )
    cells = {"zip": ["8001", "3012", ""], "note": ["A quiet room, a garden", "Zürich!", ""]}
    graph = Graph()
    graph.output("y", encoded_columns(graph, encoder, "float32"), "float32", (None, 21))
    names = {"__name__": "exported", "__file__": "exported.py"}
    exec(compile(python_files(graph, "m.py", RawColumns(column_kinds(encoder), {}))["m.py"], "m.py", "exec"), names)
    np.testing.assert_allclose(names["predict"](cells)["y"], encoder.encode(cells), rtol=1e-6)
    with pytest.raises(ConfigError, match="column 'zip': its encoding HashedLevels has no form in ONNX; a Python file"):
        onnx_model(graph)


def test_texts_through_a_python_file(tmp_path, capsys):
    words = {"output_mode": "count", "ngrams": 2, "max_tokens": 20}
    for options in ({}, {"standardize": "lower", "split": "character", "output_sequence_length": 4}, words):
        vectors = TextVectorization(**options)
        vectors.adapt(["a red house", "the house, the garden", "Red garden"])
        rest = [Dense(2)] if options is words else [Embedding(30, 3, mask_zero=True), PositionEmbedding(12), GRU(2)]
        model = Sequential([Input((), dtype="string"), vectors, *rest], seed=0)
        texts = np.array(["The red HOUSE!", "unknown garden", "", "a a a the house, the red one"], object)
        model.export(tmp_path / "m.py")
        outputs = module_of(tmp_path / "m.py").predict(texts)["output"]
        np.testing.assert_allclose(outputs, model.predict(texts, verbose=0), atol=1e-6)
    with pytest.raises(ConfigError, match=r"\(TextVectorization\) has no form in ONNX; a Python file, \.py, takes it"):
        model.export(tmp_path / "m.onnx")
    (tmp_path / "t.csv").write_text('text\n"The red HOUSE!"\nunknown garden\n')
    run = [sys.executable, "-I", str(tmp_path / "m.py"), str(tmp_path / "t.csv")]
    done = subprocess.run(run, capture_output=True, text=True)
    rows = [[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines()[1:]]
    np.testing.assert_allclose(rows, model.predict(texts[:2], verbose=0), atol=1e-6)


def test_rows_of_arrays_from_the_command_line(tmp_path):
    model, inputs = two_inputs()
    model.export(tmp_path / "m.py")
    rows = np.hstack(inputs).astype("float32")
    lines = [",".join(map(repr, row)) for row in rows.tolist()]
    (tmp_path / "t.csv").write_text("\n".join([",".join("abcdefg"), *lines]))
    run = [sys.executable, "-I", str(tmp_path / "m.py"), str(tmp_path / "t.csv")]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "a_0,a_1,b"
    made = [[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines()[1:]]
    np.testing.assert_allclose(made, np.hstack(outputs_of(model, inputs)), atol=1e-6)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 3 and "2 columns; the model takes rows of the shapes [(4,), (3,)]" in done.stderr


def answers_in_c(folder, rows):
    """What a program in C answers that includes `net.h` of the folder, in float32."""
    (folder / "main.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void) {\n'
        "    float x[NET_INPUTS], y[NET_OUTPUTS];\n"
        "    for (;;) {\n"
        '        for (int i = 0; i < NET_INPUTS; i++) if (scanf("%f", &x[i]) != 1) return 0;\n'
        "        net_predict(x, y);\n"
        '        for (int i = 0; i < NET_OUTPUTS; i++) printf("%.9g\\n", y[i]);\n    }\n}\n'
    )
    compiled = ["cc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main", "-lm"]
    subprocess.run(compiled, cwd=folder, check=True)
    text = " ".join(f"{number:.9g}" for number in rows.ravel())
    done = subprocess.run([str(folder / "main")], input=text, capture_output=True, text=True, check=True)
    return np.array(done.stdout.split(), "float32").reshape(len(rows), -1)


IN_C = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@IN_C
@pytest.mark.parametrize("activation", ["relu", "selu", "tanh", "sigmoid", "silu", "softplus", "mish", "gelu", "elu"])
def test_a_chain_as_a_c_header(activation, tmp_path):
    layers = [BatchNormalization(), Dense(7, activation), Dropout(0.3), Dense(4, "leaky_relu"), Dense(3, "softmax")]
    model = Sequential([Input((5,)), *layers], seed=0)
    model.layers[0].moving_mean.assign(RANDOM.normal(size=5))
    model.export(tmp_path / "net.h")
    rows = RANDOM.normal(size=(20, 5)).astype("float32")
    np.testing.assert_allclose(answers_in_c(tmp_path, rows), model.predict(rows, verbose=0), rtol=1e-5, atol=1e-6)


@IN_C
@pytest.mark.parametrize("columns", [None, [2, 0]])
def test_layers_for_tables_in_c(columns, tmp_path):
    rows = RANDOM.normal(size=(20, 4)).astype("float32") * np.array([1, 1e6, 30, 1], "float32")
    rows[:, 3], rows[0, 2] = np.arange(20) % 3, 1e30
    scaling = RobustScaling(columns=columns)
    scaling.adapt(rows[1:])
    embedding = CategoryEmbedding({3: 3} if columns else {3: 3, 1: 2}, 2)
    model = Sequential([Input((4,)), scaling, PeriodicEmbedding(columns=columns), Dense(5, "mish"), Dense(2)], seed=0)
    model.export(tmp_path / "net.h")
    np.testing.assert_allclose(answers_in_c(tmp_path, rows), model.predict(rows, verbose=0), rtol=1e-4, atol=1e-5)
    rows[:, 1] = np.arange(20) % 2
    model = Sequential([Input((4,)), embedding, Dense(3, "selu")], seed=0)
    model.export(tmp_path / "net.h")
    np.testing.assert_allclose(
        answers_in_c(tmp_path, rows[1:]), model.predict(rows[1:], verbose=0), rtol=1e-4, atol=1e-5
    )
    beyond, within = np.repeat(rows[1:2], 3, axis=0), np.repeat(rows[1:2], 3, axis=0)
    beyond[:, 3], within[:, 3] = [-1e9, 1e9, 3], [0, 2, 2]  # no memory beside the table is read
    np.testing.assert_array_equal(answers_in_c(tmp_path, beyond), answers_in_c(tmp_path, within))


@IN_C
@pytest.mark.parametrize("transform", [None, "log", "log1p"])
def test_c_answers_in_the_unit_of_the_target(transform, tmp_path):
    model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(2)], seed=0)
    target = Quantities(["a", "b"], [1.0, 2.0], [0.5, 0.25], transform)
    model.target = target
    model.export(tmp_path / "net.h")
    rows = RANDOM.normal(size=(20, 3)).astype("float32")
    expected = target.units(model.predict(rows, verbose=0).astype(np.float64))
    np.testing.assert_allclose(answers_in_c(tmp_path, rows), expected, rtol=1e-5, atol=1e-6)


@IN_C
def test_amounts_come_as_the_table_has_them_and_the_header_says_what_is_a_code(tmp_path):
    model = Sequential([Input((5,)), Dense(4, "tanh"), Dense(1)], seed=0)
    columns = [Numeric("year", 1990.0, 2000.0, 10.0), OneHot("city */", ["", "Bern"], 1.5), Ordinal("size", ["L", "M"])]
    model.encoder = Columns([*columns, TwoValued("sex", ["f", "m"])])
    model.target = Quantities(["rent"], [1.0], [0.5])
    model.export(tmp_path / "net.h")
    assert (tmp_path / "net.h").read_text().splitlines()[1:7] == [
        "   inputs[0]  year: as the table has it; 1990 where it is missing",
        "   inputs[1]  city * /=: 1.5 if so, else 0",
        "   inputs[2]  city * /=Bern: 1.5 if so, else 0",
        "   inputs[3]  size: 1 = L, 2 = M; 0 for any other",
        "   inputs[4]  sex=m: 1 if so, -1 for f, else 0",
        "   outputs[0]  rent */",
    ]
    codes = np.array([[2015, 1.5, 0, 2, -1], [1987.5, 0, 1.5, 0, 0]], "float32")
    table = {"year": [2015, 1987.5], "city */": ["", "Bern"], "size": ["M", "?"], "sex": ["f", "?"]}
    expected = model.target.units(model.predict(read_frame(table), verbose=0))
    np.testing.assert_allclose(answers_in_c(tmp_path, codes), expected, rtol=1e-5)


@IN_C
def test_c_answers_with_probabilities(tmp_path):
    model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(3)], seed=0)
    model.compile("adam", SparseCategoricalCrossentropy(from_logits=True))
    model.target = Classes("kind", ["a", "b", "c"], "sparse")
    model.export(tmp_path / "net.h")
    rows = RANDOM.normal(size=(20, 3)).astype("float32")
    np.testing.assert_allclose(answers_in_c(tmp_path, rows).sum(axis=1), 1, rtol=1e-6)
    assert "   outputs[2]  probability of c */\n" in (tmp_path / "net.h").read_text()


def test_large_weights_lie_beside_the_python_file(tmp_path):
    model = Sequential([Input((1500,)), Dense(1000)], seed=0)
    assert model.export(tmp_path / "m.py") == [str(tmp_path / "m.py"), str(tmp_path / "m.npz")]
    rows = RANDOM.normal(size=(2, 1500))
    outputs = module_of(tmp_path / "m.py").predict(rows)["output"]
    np.testing.assert_allclose(outputs, model.predict(rows, verbose=0), rtol=1e-5, atol=1e-5)
    assert (tmp_path / "m.py").stat().st_size < 20_000


def test_what_cannot_go(tmp_path, monkeypatch, capsys):
    model, _ = dense_net()
    with pytest.raises(ConfigError, match=r"a model is exported as \.onnx, \.py or \.h"):
        model.export(tmp_path / "m.pb")
    with pytest.raises(ConfigError, match="C header"):
        two_inputs()[0].export(tmp_path / "m.h")
    with pytest.raises(ConfigError, match=r"\(Conv2D\) has no form in a C header"):
        image_net()[0].export(tmp_path / "m.h")
    sparsemax = Sequential([Input((3,)), Dense(2, "sparsemax")], seed=0)
    with pytest.raises(ConfigError, match="activation Sparsemax has no form in this format; nearest: softmax"):
        sparsemax.export(tmp_path / "m.py")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "nnlite\[onnx\]"'):
        model.export(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
    model.save(tmp_path / "m.safetensors")
    assert main(["export", str(tmp_path / "m.safetensors"), str(tmp_path / "m.txt")]) == 2
    assert "exported as .onnx, .py or .h" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "m.safetensors"), str(tmp_path / "none" / "m.py")]) == 2


def test_a_relu_with_arguments_is_not_taken_for_a_plain_one(tmp_path):
    bent = {"relu": {"max_value": 1.0}}
    with pytest.raises(ConfigError, match="activation ReLU has no form in a C header with these arguments"):
        Sequential([Input((3,)), Dense(2, bent)], seed=0).export(tmp_path / "m.h")
    with pytest.raises(ConfigError, match=r"\(SimpleRNN\) has the activation ReLU\(max_value=1.0\)"):
        Sequential([Input((4, 3)), SimpleRNN(2, bent)], seed=0).export(tmp_path / "m.py")
    plain = Sequential([Input((4, 3)), SimpleRNN(2, "relu")], seed=0)
    plain.export(tmp_path / "m.py")
    x = RANDOM.normal(size=(5, 4, 3)).astype("float32")
    np.testing.assert_allclose(
        module_of(tmp_path / "m.py").predict(x)["output"], plain.predict(x, verbose=0), atol=1e-6
    )


def test_infinite_bounds_in_a_python_file(tmp_path):
    model = Sequential([Input((2,)), Clip([-np.inf, 0.0], [1.0, np.inf])], seed=0)
    model.export(tmp_path / "m.py")
    made = module_of(tmp_path / "m.py").predict([[-5.0, -5.0], [5.0, 5.0]])["output"]
    assert made.tolist() == [[-5.0, 0.0], [1.0, 5.0]]


def test_wrong_rows_are_told(tmp_path):
    model, _ = dense_net()
    model.export(tmp_path / "m.py")
    with pytest.raises(ValueError, match=r"inputs must have shape \(rows, 6\), got \(2, 5\)"):
        module_of(tmp_path / "m.py").predict(np.ones((2, 5)))


class InPython(Model):
    """A model that writes what it computes as Python."""

    def __init__(self):
        super().__init__(seed=0)
        self.dense = Dense(2)

    def call(self, inputs):
        return self.dense(inputs) * 2


def drawn(layer, **options):
    x = Input((3,), name="x")
    return Model(x, layer(Dense(3, name="before")(x), **options), seed=0)


@pytest.mark.parametrize("suffix", [".py", ".h", ".onnx"])
def test_a_model_that_writes_call_is_refused(suffix, tmp_path):
    pytest.importorskip("onnx")
    model = InPython()
    model.build((None, 3))
    with pytest.raises(ConfigError, match=r"writes call|chains of dense layers"):
        model.export(tmp_path / f"m{suffix}")
    around = Sequential([Input((3,)), Dense(3), model])
    with pytest.raises(ConfigError, match=r"writes call|chains of dense layers"):
        around.export(tmp_path / f"m{suffix}")
    assert not list(tmp_path.iterdir())


def test_a_layer_that_always_trains_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"layer 'often' \(Dropout\) is called with training=True"):
        drawn(Dropout(0.5, name="often"), training=True).export(tmp_path / "m.py")
    model = drawn(Dropout(0.5), training=False)
    model.export(tmp_path / "m.py")
    x = RANDOM.normal(size=(4, 3)).astype("float32")
    (output,) = module_of(tmp_path / "m.py").predict(x).values()
    np.testing.assert_allclose(output, model.predict(x, verbose=0), rtol=1e-6, atol=1e-6)


def masked_lstm():
    x, counts = Input((4, 3), name="x"), Input((4,), name="counts")
    model = Model([x, counts], LSTM(2, name="walk")(x, mask=counts), seed=0)
    return model, (RANDOM.normal(size=(5, 4, 3)), RANDOM.integers(0, 2, (5, 4)))


def padded_texts():
    layers = [Embedding(9, 4, mask_zero=True), Dropout(0.1), Dense(4, "relu"), LayerNormalization()]
    layers += [Bidirectional(GRU(3, return_sequences=True)), BatchNormalization(), LSTM(5), Dense(1)]
    model = Sequential([Input((7,), dtype="int64"), *layers], seed=0)
    return model, (np.where(np.arange(7) < RANDOM.integers(0, 8, (6, 1)), RANDOM.integers(1, 9, (6, 7)), 0),)


def padded_attention():
    x = Input((6, 3))
    y = Dense(8)(Masking()(x))
    y = Residual([LayerNormalization(), MultiHeadAttention(2, 4)])(y)
    y = nnlite.layers.Add()([y, Dense(8, "gelu")(y)])
    model = Model(x, Dense(2)(GlobalAveragePooling1D()(Concatenate()([y, y]))), seed=0)
    return model, (RANDOM.normal(size=(5, 6, 3)) * (np.arange(6) < np.arange(1, 6)[:, None])[..., None],)


@pytest.mark.parametrize("net", [masked_lstm, padded_texts, padded_attention], ids=lambda net: net.__name__)
def test_masks_go_on_in_both_formats(net, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model, inputs = net()
    (wanted,) = outputs_of(model, inputs)
    unmasked = [np.where(array == 0, 1, array) for array in inputs]  # a mask that changed nothing would test nothing
    assert np.abs(outputs_of(model, unmasked)[0] - wanted).max() > 1e-3
    model.export(tmp_path / "m.py")
    np.testing.assert_allclose(module_of(tmp_path / "m.py").predict(*inputs)["output"], wanted, atol=1e-6)
    model.export(tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    feed = {
        port.name: array.astype("int64" if "int64" in port.type else "float32")
        for port, array in zip(session.get_inputs(), inputs, strict=True)
    }
    np.testing.assert_allclose(session.run(None, feed)[0], wanted, atol=1e-6)


class OwnMask(Dense):
    """A layer that says itself which steps count."""

    def compute_mask(self, inputs, previous_mask=None):
        return np.asarray(inputs)[..., 0] > 0


def test_a_mask_without_a_form_is_refused(tmp_path):
    own = Sequential([Input((4, 3)), OwnMask(2, name="own"), LSTM(2)], seed=0)
    with pytest.raises(ConfigError, match=r"layer 'own' \(OwnMask\) writes compute_mask"):
        own.export(tmp_path / "m.py")
    x = Input((4, 3))
    masked = Masking()(x)
    product = Model(x, nnlite.layers.Multiply(name="product")([masked, masked]), seed=0)
    with pytest.raises(ConfigError, match=r"layer 'product' \(Multiply\) is given a mask"):
        product.export(tmp_path / "m.py")
    joined = Model(x, Concatenate(axis=1, name="joined")([masked, masked]), seed=0)
    with pytest.raises(ConfigError, match=r"layer 'joined' \(Concatenate\) joins masked sequences along their steps"):
        joined.export(tmp_path / "m.py")
    counts = Input((4,), name="counts")
    attended = Model([x, counts], MultiHeadAttention(1, 2, name="heads")(x, mask=counts), seed=0)
    with pytest.raises(ConfigError, match=r"layer 'heads' \(MultiHeadAttention\) is called with a mask"):
        attended.export(tmp_path / "m.py")


FUNCTIONS = {
    "operators": lambda y, x: 1 - y * 2 / (abs(x) + 1) + y**2 - np.arange(4.0),
    "slices": lambda y, x: y[:, :2] * y[:, ::-1][:, 1:3] + y[..., -1:],
    "places": lambda y, x: y[:, 1:2] + y[:, None, 0],
    "moments": lambda y, x: (y - ops.mean(y, axis=-1, keepdims=True)) / ops.std(y, axis=-1, keepdims=True),
    "extremes": lambda y, x: (
        ops.max(y, axis=1) - ops.min(x, axis=(1,)) + ops.sum(ops.var(y, axis=-1, keepdims=True), -1)
    ),
    "activations": lambda y, x: ops.relu(x, max_value=0.5) + ops.leaky_relu(y, 0.3) + ops.softmax(y) * ops.sigmoid(x),
    "choices": lambda y, x: ops.where(y > x, y, 0.0) + ops.where(y <= 0, x, y) + ops.clip(y, -0.1, 0.1),
    "joined": lambda y, x: ops.concatenate([y, x], axis=-1) @ np.ones((8, 2)),
    "stacked": lambda y, x: ops.transpose(ops.stack([y, x], axis=1), (0, 2, 1)),
    "reshaped": lambda y, x: ops.squeeze(ops.expand_dims(ops.reshape(y, (-1, 2, 2)), 1), 1),
    "outer": lambda y, x: ops.einsum("bi,bj->bij", y, x),
    "roots": lambda y, x: ops.log(ops.exp(y) + 1) * ops.rsqrt(ops.square(x) + 1) + ops.maximum(ops.sin(y), ops.cos(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_symbols_in_both_formats(name, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    x = Input((4,))
    model = Model(x, FUNCTIONS[name](Dense(4)(x), x), seed=0)
    rows = RANDOM.normal(size=(5, 4)).astype("float32")
    wanted = model.predict(rows, verbose=0)
    model.export(tmp_path / "m.py")
    np.testing.assert_allclose(module_of(tmp_path / "m.py").predict(rows)["output"], wanted, atol=1e-6)
    model.export(tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: rows})[0], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda y: ops.sort(y), r"layer 'sort' \(Operation\) applies ops.sort, which has no form"),
        (lambda y: y - ops.mean(y, axis=0), "applies ops.mean over the batch"),
        (lambda y: y[::2], "picks examples, or by an array"),
        (lambda y: ops.reshape(y, (1, -1)), "gives the batch a length"),
        (lambda y: ops.transpose(y), "moves the axis of the batch"),
    ],
)
def test_functions_without_a_form_are_named(function, reason, tmp_path):
    x = Input((4,))
    with pytest.raises(ConfigError, match=reason):
        Model(x, function(x), seed=0).export(tmp_path / "m.py")


def test_a_users_function_is_refused_with_a_remedy(tmp_path):
    model = Sequential([Input((3,)), nnlite.layers.Lambda(lambda x: x * 2, name="double")], seed=0)
    with pytest.raises(ConfigError, match=r"layer 'double' \(Lambda\) .*; nearest: functions of nnlite.ops"):
        model.export(tmp_path / "m.py")
