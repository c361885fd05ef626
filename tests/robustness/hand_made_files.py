"""Model files made by hand: good ones of each kind, and what somebody with bad intentions makes of each of them."""

import copy
import functools
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bayes_nets import clinic
from model_file_mutations import file_of, sealed

from nnlite import Input, Model, Sequential, layers, saving
from nnlite.circuits import Circuit
from nnlite.data import (
    Classes,
    Columns,
    Cyclic,
    Dates,
    HashedText,
    Labels,
    Logarithm,
    Numeric,
    OneHot,
    Quantiles,
    Quantities,
    Ranks,
    TableEncoder,
    TargetMeans,
)
from nnlite.inference.conformal import ConformalIntervals

X = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
Y = np.arange(48) % 2
DROP = object()  # an entry is left out
HUGE, MINUS = 10**30, -1
COLUMNS = TableEncoder(
    list("abcdefgh"),
    True,
    [
        Numeric("a", 0.0, 0.0, 1.0),
        OneHot("b", ["x", "y", "z"]),
        Logarithm("c", 1.0, 2.0),
        Quantiles("d", 0.0, [0.0, 1.0, 3.0]),
        Cyclic("e", 0.0, 7.0),
        Dates("f", 0.0, ["month"]),
        HashedText("g", 3),
        Ranks("h", ["low", "high"], -1.0),
        TargetMeans("b", ["x", "y", "z"], [[0.1, 0.2, 0.3]], [0.2], [0.0], [1.0], []),
    ],
)
LAYERS = "model.Sequential.layers"


def plain() -> Model:
    model = Sequential([Input((3,)), layers.Dense(4, "relu"), layers.Dense(2, "softmax")], seed=0)
    model.compile("adam", {"SparseCategoricalCrossentropy": {}}, ["accuracy"])
    model.fit(X, Y, epochs=1, verbose=0)
    return model


def table() -> Model:
    chain = [Input((16,)), layers.RobustScaling(center=0.0, width=1.0, columns=[0]), layers.RepeatVector(2),
             layers.Scale(members=2), layers.Dense(2, members=2),
             layers.TemperatureScaling(temperature=1.5, activation="softmax"),
             layers.GlobalAveragePooling1D()]  # fmt: skip
    model = Sequential(chain, seed=0)
    model.encoder = COLUMNS
    model.target = Classes("kind", ["no", "yes"], "sparse")
    return model


def amounts() -> Model:
    model = Sequential([Input((2,)), layers.Dense(1)], seed=0)
    model.encoder = Columns([Numeric("a", 0.0, 0.0, 1.0), OneHot("c", ["x"])])
    model.target = Quantities(["y"], [0.5], [2.0])
    model._interpretation.intervals = ConformalIntervals(9, [9], [[0.5]])
    model._interpretation.typical = {"a": 0.0, "c": "x"}
    return model


def labels() -> Model:
    model = Sequential([Input((3,)), layers.Dense(2, "sigmoid")], seed=0)
    model.target = Labels(["a", "b"], ";", "tags")
    return model


def graph() -> Model:
    left, right = Input((3,), name="left"), Input((2,), name="right")
    both = layers.Concatenate(name="both")([layers.Dense(2, name="dense")(left), right])
    outputs = {"x": layers.Dense(1, name="first")(both), "y": [layers.Dense(2, name="second")(both)]}
    model = Model([left, right], outputs, seed=0)
    model.compile("rmsprop", ["mse", "mse"])
    return model


def image() -> Model:
    chain = [Input((6, 6, 2)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.MaxPooling2D(),
             layers.Flatten(), layers.Dense(2)]  # fmt: skip
    return Sequential(chain, seed=0)


def sequence() -> Model:
    chain = [Input((5,)), layers.Embedding(9, 4, mask_zero=True), layers.Bidirectional(layers.LSTM(3)),
             layers.Reshape((3, 2)), layers.GRU(2)]  # fmt: skip
    return Sequential(chain, seed=0)


def nested() -> Model:
    inner = Sequential([layers.Dense(3), Sequential([layers.Dense(2)], name="deep")], name="inner")
    return Sequential([Input((3,)), inner], seed=0)


def circuit() -> Model:
    network = clinic()
    return Sequential([Input((len(network.variables),)), Circuit(network, target="cough")], seed=0)


def damped() -> Model:
    model = Sequential([Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)], seed=0)
    model.compile("lbfgs", "mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    return model


def slopes() -> Model:
    layer = layers.InputDerivatives([layers.Dense(3, "tanh"), layers.Dense(1)], columns=[0], order=2)
    model = Sequential([Input((2,)), layer], seed=0)
    model.compile({"SGD": {"momentum": 0.9}}, "mse")
    return model


def trained(folder: str | Path, epochs: int = 3, resume: str | Path | None = None) -> Sequential:
    """A training whose checkpoints are in a folder; with `resume`, one that goes on from there."""
    chain = [Input((3,)), layers.Dense(2, "relu"), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(1)]
    model = Sequential(chain, seed=0)
    model.compile("adam", {"BinaryCrossentropy": {"from_logits": True}}, ["mae", "auc"])
    callbacks = [{"EarlyStopping": {"patience": 9}}, {"ReduceLROnPlateau": {"patience": 1}}]
    if resume is None:
        callbacks.append({"Checkpoints": {"folder": str(folder), "every": "1 steps", "keep": 9}})
    model.fit(X, Y, epochs=epochs, validation_split=0.25, verbose=0, callbacks=callbacks, resume=resume)
    return model


MAKERS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (plain, table, amounts, labels, graph, image, sequence, nested, circuit, damped, slopes)
}


@functools.cache
def parts(kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a good file of a kind; `checkpoint` is one from within the second epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "step-0000000003.safetensors")
        if kind == "checkpoint":
            trained(folder)
        else:
            MAKERS[kind]().save(path)
        return saving.read(path)


# Kind of file -> place of a value in the header -> what stands there instead; `DROP`: nothing.
HEADERS: dict[str, dict[str, list[Any]]] = {
    "plain": {
        "format": [None, 0, 3, -1, 1.0, True, "1", [1], HUGE],
        "content": [DROP, None, "weight", "models", "", 1, ["model"], {"model": 1}],
        "model": [DROP, None, "Sequential", 3, [], {}, {"Sequential": None}, {"Sequential": {}}, {"Model": {}},
                  {"Dense": {"units": 2}}, {"Sequential": {"layers": []}, "Model": {}}, {"": {}}, {"sequential\0": {}}],
        "input_shape": [DROP, None, [], 3, "3", [None], [None, 4], [None, 3, 1], [None, -3], [None, 3.0], [None, "3"],
                        [None, True], [None, None], [None, HUGE], [[None, 3], [None, 3]], [[None, 3]]],
        "iterations": [DROP, None, -1, 1.5, "2", True, [2], HUGE, 2**63],
        "compile": [DROP, [], "adam", 3, {}, {"optimizer": None}, {"optimizer": "adam", "loss": "mse", "extra": 1}],
        "compile.optimizer": [None, 3, "Adamm", {}, {"Adam": None, "SGD": None}, {"SGD": {}}, {"Adam": 3}],
        "compile.optimizer.Adam.learning_rate": [None, -1, "fast", [0.1], {"Nobody": {}}, -HUGE, {"CosineDecay": {}}],
        "compile.optimizer.Adam.beta_1": [-0.1, 1.0, 2, "x", None, HUGE],
        "compile.optimizer.Adam.amsgrad": [1, "yes", None, True],
        "compile.optimizer.Adam.loss_scale_factor": [0, -1, "x"],
        "compile.optimizer.Adam.gradient_accumulation_steps": [0, -1, 1.5, "x"],
        "compile.optimizer.Adam.learning_rate_multipliers": [3, [], {"a": "b"}, {"a": -1}],
        "compile.optimizer.Adam.name": [3, [], {}],
        "compile.loss": [3, "los", {}, [], {"MeanSquaredError": {"reduction": "max"}}, "mse\0", ["mse", "mse"],
                         {"Nobody": {}}, "{0.__class__}", "os.system"],
        "compile.loss.SparseCategoricalCrossentropy.axis": [7, "x", None, HUGE],
        "compile.metrics": [3, ["accurac"], [3], [{}], [{"AUC": {"num_thresholds": HUGE}}], [{"AUC": {"curve": "X"}}],
                            [{"TopKCategoricalAccuracy": {"k": -1}}], {"x": "accuracy"}],
        "compile.weighted_metrics": [3, ["accurac"], "nobody"],
        "encoder": [3, [], "Columns", {}, {"Columns": {}}, {"Columns": {"columns": []}}, {"Nobody": {}},
                    {"Columns": {"columns": [{"Numeric": {"name": "a", "fill": 0, "mean": 0, "scale": 0}}]}},
                    {"Raw": {"shape": [7]}}, {"Raw": {"shape": [-1]}}, {"Raw": {"shape": "x"}}],
        "target": [3, [], "Classes", {}, {"Classes": {}}, {"Nobody": {}},
                   {"Classes": {"name": "t", "labels": ["a", "b", "c"], "kind": "sparse"}}],
        "source": [3, [], "x"],
        "typical": [3, "x", True],
        "intervals": [3, [], {}, {"count": 0, "ranks": [], "residuals": []}],
        "link": [3, [], "Nobody", "relu\0", "{0}", "", {"Sigmoid": {}}],
        "input_kind": ["numbers", 3, [], "String"],
        "training": [3, [], "x"],
        "note": ["", 1, {}],
        "Format": [1],
        LAYERS: [None, 3, "x", {}, [None], [3], ["Nobody"], [{"Dense": {"units": 2}, "ReLU": {}}], [[]]],
        f"{LAYERS}.0.Input.shape": [DROP, None, 3, [-3], ["x"], [3.5], [0, 3], [HUGE], [4], [[3]], [None]],
        f"{LAYERS}.0.Input.dtype": ["float1024", 3, "object", "O", "void"],
        f"{LAYERS}.1.Dense.units": [DROP, None, 0, -1, 2.5, "4", True, [4], 5, HUGE, 10**8],
        f"{LAYERS}.1.Dense.activation": [3, [], "rel", {"ReLU": {"max_value": "x"}}, "os.system", "{0.__class__}", {}],
        f"{LAYERS}.1.Dense.use_bias": [False, None, 1, "true", []],
        f"{LAYERS}.1.Dense.kernel_initializer": [3, "glorot", {"Constant": {"value": [[1]]}}, {"Nobody": {}}, []],
        f"{LAYERS}.1.Dense.kernel_regularizer": [3, "l3", {"L2": {"l2": -1}}, {"L2": {"l2": "x"}},
                                                 {"L2": {"l2": -HUGE}}],
        f"{LAYERS}.1.Dense.kernel_constraint": [3, "max", {"MaxNorm": {"max_value": -1}}, {"MaxNorm": {"axis": 9}}],
        f"{LAYERS}.1.Dense.parametrization": ["", "mup2", 3, None],
        f"{LAYERS}.1.Dense.members": [0, -1, 2, HUGE, "x"],
        f"{LAYERS}.1.Dense.name": [3, [], "", "a/b", "dense_1", {}],
        f"{LAYERS}.1.Dense.trainable": ["no", 0, None],
        f"{LAYERS}.1.Dense.dtype": ["float128x", "int8", 3, "object", "float64", "float8"],
        f"{LAYERS}.1.Dense.unit": [4],
        "model.Sequential.seed": ["x", 1.5, [], -1, True],
        "model.Sequential.trainable": ["x", 2],
        "model.Sequential.note": [1],
    },
    "table": {
        "encoder.TableEncoder.names": [DROP, None, "abc", [], [1, 2], ["a"], ["a"] * 8, ["a\0", *"bcdefgh"], {}],
        "encoder.TableEncoder.named": [None, 1, "yes"],
        "encoder.TableEncoder.columns": [[], None, {}, [None], [3], ["Numeric"], [[]]],
        "encoder.TableEncoder.columns.0.Numeric.name": [DROP, None, 3, "nobody", [], "A"],
        "encoder.TableEncoder.columns.0.Numeric.fill": [DROP, None, "x", [0], 10**400],
        "encoder.TableEncoder.columns.0.Numeric.scale": [0, -1, "x", None, -HUGE],
        "encoder.TableEncoder.columns.1.OneHot.categories": [[], None, "xyz", [1, 2, 3], ["x", "x", "z"],
                                                            ["x", "y"], {}],
        "encoder.TableEncoder.columns.1.OneHot.value": ["x", None, []],
        "encoder.TableEncoder.columns.1.OneHot.fill": [3, [], "nobody"],
        "encoder.TableEncoder.columns.2.Logarithm.unit": [0, -1, "x", None],
        "encoder.TableEncoder.columns.2.Logarithm.scale": [0, -1, "x"],
        "encoder.TableEncoder.columns.3.Quantiles.quantiles": [[], [1.0], [3.0, 1.0, 0.0], ["a", "b"], None,
                                                              [[0.0, 1.0]]],
        "encoder.TableEncoder.columns.4.Cyclic.period": [0, -7, "week", None, []],
        "encoder.TableEncoder.columns.5.Dates.cycles": [["century"], "month", None, [[]], ["month", "month"], [], [3]],
        "encoder.TableEncoder.columns.5.Dates.form": [3, [], "%", "%Q", "{0.__class__}"],
        "encoder.TableEncoder.columns.5.Dates.days": [False, None, 1],
        "encoder.TableEncoder.columns.6.HashedText.width": [0, -1, HUGE, 10**9, 2, "x", None],
        "encoder.TableEncoder.columns.6.HashedText.ngrams": [0, 9, -1, HUGE, "x"],
        "encoder.TableEncoder.columns.7.Ranks.categories": [[], ["low", "low"], None, [1, 2]],
        "encoder.TableEncoder.columns.7.Ranks.unknown": ["x", None],
        "encoder.TableEncoder.columns.8.TargetMeans.means": [[], [[0.1]], [[0.1, 0.2, "x"]], None, [0.1, 0.2, 0.3],
                                                            [[0.1, 0.2, 0.3]] * 2],
        "encoder.TableEncoder.columns.8.TargetMeans.overall": [[], [0.1, 0.2], ["x"], None],
        "encoder.TableEncoder.columns.8.TargetMeans.mean": [[], [0.1, 0.2], None],
        "encoder.TableEncoder.columns.8.TargetMeans.scale": [[], [0.0], [1.0, 1.0], [-1.0]],
        "encoder.TableEncoder.columns.8.TargetMeans.classes": [["no", "yes"], None, [3]],
        "target.Classes.labels": [[], ["no"], ["no", "yes", "x"], ["no", "no"], None, "ny", {}, [None, None],
                                  [["a"], ["b"]]],
        "target.Classes.kind": [DROP, "dense", None, 3, "binary"],
        "target.Classes.threshold": [-0.1, 1.5, "x", []],
        "target.Classes.name": [DROP, None, 3, []],
        f"{LAYERS}.1.RobustScaling.columns": [[], [-1], [16], [0, 0], ["a"], [0.5], [HUGE], {}],
        f"{LAYERS}.1.RobustScaling.clip": [0, -3, "x"],
        f"{LAYERS}.1.RobustScaling.width": ["x", [1.0, 2.0]],
        f"{LAYERS}.2.RepeatVector.n": [0, -1, 3, HUGE, "x", None],
        f"{LAYERS}.3.Scale.members": [0, -1, 3, HUGE, "x"],
        f"{LAYERS}.5.TemperatureScaling.temperature": [0, -1.5, "x", None, []],
        f"{LAYERS}.5.TemperatureScaling.blur": [-0.1, 2, "x"],
        f"{LAYERS}.5.TemperatureScaling.activation": ["softmaxx", 3, "relu"],
        f"{LAYERS}.6.GlobalAveragePooling1D.keepdims": ["x", True],
        f"{LAYERS}.6.GlobalAveragePooling1D.data_format": ["channels", 3],
    },
    "amounts": {
        "target.Quantities.names": [[], ["y", "z"], "y", [3], None],
        "target.Quantities.mean": [[], [0.5, 0.5], ["x"], None, 0.5],
        "target.Quantities.scale": [[], [0.0], [-1.0], ["x"], [1.0, 1.0]],
        "target.Quantities.transform": ["sqrt", 3, []],
        "intervals.count": [0, -1, 1.5, HUGE, "x", None],
        "intervals.ranks": [[], [0], [-1], [10], ["x"], None, [HUGE]],
        "intervals.residuals": [[], [[]], [["x"]], [0.5], [[0.5], [0.5]], [[-0.5]], None],
        "intervals.extra": [1],
        "encoder.Columns.columns": [[], [{"Numeric": {"name": "a", "fill": 0.0, "mean": 0.0, "scale": 1.0}}] * 3, None],
        "encoder.Columns.columns.1": [None, 3, "OneHot", {}, {"OneHot": {}}, {"Nobody": {}}],
    },
    "labels": {
        "target.Labels.labels": [[], ["a"], ["a", "a"], [1, 2], None, ["a", "b", "c"]],
        "target.Labels.separator": [3, "", []],
        "target.Labels.thresholds": [[], [0.5], [0.5, 1.5], [0.5, -0.1], ["a", "b"], 0.5],
        "target.Labels.name": [3, []],
    },
    "graph": {
        "model.Model.inputs": [[], None, [3], [{"Dense": {"units": 2}}], {},
                               [{"Input": {"shape": [3], "name": "left"}}]],
        "model.Model.inputs.0.Input.name": ["right", "", 3, "a\0"],
        "model.Model.layers": [[], None, [3], {}],
        "model.Model.nodes": [[], None, [[0, [0]]], [3], [[]], [[0]], [[0, []]], {}, "x"],
        "model.Model.nodes.0": [[0, [9]], [9, [0]], [-1, [0]], [0, [-1]], [0, [2]], [0.5, [0]], [0, [0, 1]], [0, 0],
                                [HUGE, [0]], [0, [HUGE]], [True, [0]], [0, ["left"]], ["dense", [0]]],
        "model.Model.nodes.1": [[1, [3, 1]], [1, [4]], [1, []], [0, [2, 1]]],
        "model.Model.outputs": [[], None, [9, 5], [-1, 5], ["x", 5], [4], [4, 5, 5], [HUGE, 5], {}],
        "model.Model.structure": [3, {"x": 0}, {"x": 0, "y": [2]}, {"x": 0, "y": [0]}, {"x": -1, "y": [1]}, [0], "x",
                                  {"x": "0", "y": [1]}, {"x": 0, "y": 1.5}, [[[]]]],
        "compile.loss": [["mse"], ["mse"] * 3, ["mse", "los"], {"a": "mse"}],
        "compile.loss_weights": [["x", 1], [1], {"z": 1}, "x", [1, -HUGE]],
        "compile.metrics": [["mse", "los"], {"z": "mse"}, [[3], []]],
        "input_shape": [[None, 3], [[None, 3]], [[None, 2], [None, 3]], [[None, 3], []],
                        [[None, 3], [None, 2], [None, 1]]],
        "encoder": [{"Columns": {"columns": [{"Numeric": {"name": "a", "fill": 0, "mean": 0, "scale": 1}}]}}],
    },
    "image": {
        f"{LAYERS}.1.Conv2D.filters": [0, -3, 4, 2.5, HUGE, 10**7, None, "x"],
        f"{LAYERS}.1.Conv2D.kernel_size": [0, -1, 7, [3], [3, 3, 3], "x", [0, 3], HUGE, None, 5],
        f"{LAYERS}.1.Conv2D.strides": [0, -1, "x", [1], HUGE, None],
        f"{LAYERS}.1.Conv2D.padding": ["sam", 3, None, [], "causal"],
        f"{LAYERS}.1.Conv2D.data_format": ["channels", 3, "channels_first"],
        f"{LAYERS}.1.Conv2D.dilation_rate": [0, -1, HUGE, "x", 5],
        f"{LAYERS}.1.Conv2D.groups": [0, -1, 2, 3, HUGE],
        f"{LAYERS}.2.BatchNormalization.axis": [0, 9, -9, "x", 1, None],
        f"{LAYERS}.2.BatchNormalization.momentum": [-0.1, 1.5, "x"],
        f"{LAYERS}.2.BatchNormalization.epsilon": [-1, "x", None],
        f"{LAYERS}.2.BatchNormalization.center": [False, "x"],
        f"{LAYERS}.2.BatchNormalization.renorm": ["x", True],
        f"{LAYERS}.3.MaxPooling2D.pool_size": [0, -1, 9, "x", [2], HUGE],
        f"{LAYERS}.3.MaxPooling2D.strides": [0, -1, 3, HUGE],
        f"{LAYERS}.4.Flatten.data_format": ["x", 3],
    },
    "sequence": {
        f"{LAYERS}.1.Embedding.input_dim": [0, -1, 8, HUGE, 10**9, "x", None],
        f"{LAYERS}.1.Embedding.output_dim": [0, -1, 5, HUGE, "x"],
        f"{LAYERS}.1.Embedding.mask_zero": ["x", 2],
        f"{LAYERS}.2.Bidirectional.layer": [None, 3, {}, {"Dense": {"units": 3}}, "LSTM", {"LSTM": {}}],
        f"{LAYERS}.2.Bidirectional.merge_mode": ["sum2", 3, "sum", None],
        f"{LAYERS}.2.Bidirectional.backward_layer": [3, {"Dense": {"units": 3}}],
        f"{LAYERS}.2.Bidirectional.layer.LSTM.units": [0, -1, 4, HUGE, 10**5, "x"],
        f"{LAYERS}.2.Bidirectional.layer.LSTM.dropout": [-0.1, 1.0, 1.5, "x"],
        f"{LAYERS}.2.Bidirectional.layer.LSTM.use_bias": [False, "x"],
        f"{LAYERS}.2.Bidirectional.layer.LSTM.return_sequences": [True, "x"],
        f"{LAYERS}.3.Reshape.target_shape": [[4, 2], [-1, -1], [0, 6], [-2, 3], [HUGE, 2], "x", None, [2, 3], [6]],
        f"{LAYERS}.4.GRU.reset_after": [False, "x", 2],
        f"{LAYERS}.4.GRU.implementation": [3, "x", HUGE],
    },
    "nested": {
        f"{LAYERS}.1": [None, 3, {"Sequential": {}}, {"Sequential": {"layers": None}}, {"Sequential": []},
                        {"Sequential": {"layers": [{"Dense": {"units": 2}}]}}],
        f"{LAYERS}.1.Sequential.layers.1": [None, {"Sequential": {"layers": []}}, {"Dense": {"units": 9}}, "x"],
        f"{LAYERS}.1.Sequential.layers.1.Sequential.layers.0.Dense.units": [0, -1, 3, HUGE, "x"],
        f"{LAYERS}.1.Sequential.name": [3, []],
    },
    "circuit": {
        f"{LAYERS}.1.Circuit.network": [None, 3, {}, "nobody.bif", "/etc/passwd", "a\0b", {"states": {}}],
        f"{LAYERS}.1.Circuit.network.states": [None, {}, [], {"a": []}, {"a": ["x"], "b": ["x"]}, {"a": 3}],
        f"{LAYERS}.1.Circuit.network.states.cough": [[], ["none"], ["none", "none", "dry"], None, 3, "dry"],
        f"{LAYERS}.1.Circuit.network.parents": [[], {"cough": ["cough"]}, {"cough": ["nobody"]}, {"nobody": ["cough"]},
                                                3,
                                                {"cough": 3}, {"cough": ["smoker", "smoker"]}],
        f"{LAYERS}.1.Circuit.target": ["nobody", 3, [], ""],
    },
    "damped": {
        "compile.optimizer.LBFGS.memory": [0, -1, 9, HUGE, "x"],
        "compile.optimizer.LBFGS.min_grad": [-1, "x", None],
        "compile.optimizer.LBFGS.time": [-1, "soon"],
        "compile.optimizer.LBFGS.max_fail": [-1, 1.5, "x"],
    },
    "slopes": {
        f"{LAYERS}.1.InputDerivatives.order": [0, 3, -1, "x", None, 1.0, True, HUGE],
        f"{LAYERS}.1.InputDerivatives.columns": [[], [2], [-1], [0, 0], ["a"], [0.5], [HUGE]],
        f"{LAYERS}.1.InputDerivatives.layers": [[], None, [3], [{"Dropout": {"rate": 0.5}}], [{"Flatten": {}}], {}],
        f"{LAYERS}.1.InputDerivatives.layers.0.Dense.activation": ["relu", "nobody"],
    },
}  # fmt: skip


# Kind of file -> what is made of it -> arrays that are put there, or left out where that is None.
ARRAYS: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {
        "a kernel is missing": {"weights/0.kernel": None},
        "a kernel lies on its side": {"weights/0.kernel": np.zeros((4, 3), "f4")},
        "a kernel is flat": {"weights/0.kernel": np.zeros(12, "f4")},
        "a kernel has an axis more": {"weights/0.kernel": np.zeros((1, 3, 4), "f4")},
        "a kernel is empty": {"weights/0.kernel": np.zeros((0, 4), "f4")},
        "a kernel is a number": {"weights/0.kernel": np.zeros((), "f4")},
        "a kernel of halves": {"weights/0.kernel": np.zeros((3, 4), "f2")},
        "a kernel of doubles": {"weights/0.kernel": np.zeros((3, 4), "f8")},
        "a kernel of integers": {"weights/0.kernel": np.zeros((3, 4), "i4")},
        "a kernel of bytes": {"weights/0.kernel": np.zeros((3, 4), "u1")},
        "a kernel of truth values": {"weights/0.kernel": np.zeros((3, 4), "?")},
        "a complex kernel": {"weights/0.kernel": np.zeros((3, 4), "c8")},
        "a weight too many": {"weights/4.kernel": np.zeros((2, 2), "f4")},
        "a weight under another number": {"weights/3.bias": None, "weights/03.bias": np.zeros(2, "f4")},
        "a weight under another case": {"weights/3.bias": None, "weights/3.Bias": np.zeros(2, "f4")},
        "a weight with a NUL": {"weights/3.bias": None, "weights/3.bias\0": np.zeros(2, "f4")},
        "a weight in digits of another script": {"weights/3.bias": None, "weights/\u0663.bias": np.zeros(2, "f4")},
        "a weight that climbs": {"../weights/3.bias": np.zeros(2, "f4")},
        "an array without a name": {"": np.zeros(2, "f4")},
        "an array of the training": {"training/0": np.zeros(2, "f8")},
        "a slot is missing": {"optimizer/0/squares": None},
        "no slots after steps": {"optimizer/0/squares": None, "optimizer/0/momentum": None},
        "a slot of another length": {"optimizer/0/squares": np.zeros(25, "f4")},
        "a slot of another kind": {"optimizer/0/squares": np.zeros(26, "i8")},
        "a slot of another precision": {"optimizer/0/squares": np.zeros(26, "f8")},
        "a slot with axes": {"optimizer/0/squares": np.zeros((26, 1), "f4")},
        "a slot of another optimizer": {"optimizer/0/velocity": np.zeros(26, "f4")},
        "a pack too many": {"optimizer/1/momentum": np.zeros(26, "f4"), "optimizer/1/squares": np.zeros(26, "f4")},
        "a pack far away": {"optimizer/9999999/momentum": np.zeros(26, "f4")},
        "a pack below 0": {"optimizer/-1/momentum": np.zeros(26, "f4")},
        "a pack without number": {"optimizer/x/momentum": np.zeros(26, "f4")},
        "a slot without name": {"optimizer/0/": np.zeros(26, "f4")},
        "a slot without pack": {"optimizer/momentum": np.zeros(26, "f4")},
        "a slot below a slot": {"optimizer/0/momentum/x": np.zeros(26, "f4")},
        "squares below 0": {"optimizer/0/squares": np.full(26, -1, "f4")},
        "slots that are no numbers": {"optimizer/0/momentum": np.full(26, np.nan, "f4")},
        "infinite slots": {"optimizer/0/squares": np.full(26, np.inf, "f4")},
        "a huge empty array": {"weights/9.x": np.zeros((10**9, 0), "f4")},
    },
    "image": {
        "variances below 0": {"weights/5.moving_variance": np.full(3, -1, "f4")},
        "no moving mean": {"weights/4.moving_mean": None},
        "a kernel of another rank": {"weights/0.kernel": np.zeros((3, 3, 6), "f4")},
    },
    "table": {
        "members of another number": {"weights/4.kernel": np.zeros((3, 16, 2), "f4")},
        "a width of 0": {"weights/2.width": np.zeros(1, "f4")},
        "scaling of another width": {"weights/0.center": np.zeros(2, "f4")},
    },
    "damped": {
        "a history of another length": {"optimizer/0/changes": np.zeros(99)},
        "a history in single precision": {"optimizer/0/steps": np.zeros(110, "f4")},
        "a point is missing": {"optimizer/0/point": None},
        "numbers too many": {"optimizer/0/numbers": np.zeros(5)},
        "numbers below 0": {"optimizer/0/numbers": np.full(1, -1.0)},
        "numbers that are none": {"optimizer/0/numbers": np.full(1, np.nan)},
        "a count beyond the memory": {"optimizer/0/numbers": np.full(1, 1e9)},
        "a count that is no integer": {"optimizer/0/numbers": np.full(1, 0.5)},
    },
    "sequence": {
        "gates of another number": {"weights/1.kernel": np.zeros((4, 9), "f4")},
        "one bias for two": {"weights/9.bias": np.zeros(6, "f4")},
    },
}


# What is made of the entries of a container, {name: {"dtype", "shape", "data_offsets"}}: each changes one of "plain".
KERNEL = "weights/0.kernel"
ENTRY_VALUES: dict[str, list[Any]] = {
    "dtype": [DROP, None, 3, "", "f32", "F8_E4M3", "BF16", "F128", "object", ["F32"], "F64", "I32", "F32\0"],
    "shape": [DROP, None, 12, "3,4", [3.0, 4], [-3, -4], [3, -4], ["3", "4"], [True, 12], [4, 3, 1, 1], [HUGE, 0],
              [12, 1, [1]], [1] * 70 + [12], [3, 5], [2**64, 12], [], [None, 4], {"0": 3}],
    "data_offsets": [DROP, None, 0, [0], [0, 48, 96], [48, 0], [-48, 0], ["0", "48"], [0.0, 48.0], [HUGE, HUGE + 48],
                     [1, 49], [0, 0], [0, 4], [True, 48], {}],
}  # fmt: skip
HEADER_TEXTS: dict[str, Callable[[str], str]] = {
    "no text": lambda text: "",
    "null": lambda text: "null",
    "a number": lambda text: "1",
    "two values": lambda text: text + "{}",
    "a comma at the end": lambda text: text[:-1] + ",}",
    "a comment": lambda text: "/* */" + text,
    "half of it": lambda text: text[: len(text) // 2],
    "a NUL before it": lambda text: "\0" + text,
    "a NUL within it": lambda text: text.replace("Dense", "De\0nse", 1),
    "a mark of the byte order": lambda text: "\ufeff" + text,
    "quotation marks of Python": lambda text: text.replace('"', "'"),
    "None of Python": lambda text: text.replace("null", "None", 1),
    "NaN": lambda text: text.replace("0.001", "NaN", 1),
    "minus infinity": lambda text: text.replace("0.001", "-Infinity", 1),
    "1e999": lambda text: text.replace("0.001", "1e999", 1),
    "-1e999": lambda text: text.replace("0.001", "-1e999", 1),
    "a number of 401 digits": lambda text: text.replace("0.001", "1" * 401, 1),
    "a leading zero": lambda text: text.replace('"units": 4', '"units": 04', 1),
    "a plus sign": lambda text: text.replace('"units": 4', '"units": +4', 1),
    "hexadecimal": lambda text: text.replace('"units": 4', '"units": 0x4', 1),
    "digits of another script": lambda text: text.replace('"units": 4', '"units": \u0664', 1),
    "a key of a layer twice": lambda text: text.replace('"units": 4', '"units": 4, "units": 4', 1),
    "a key of the optimizer twice": lambda text: text.replace('"beta_1"', '"beta_1": 0.5, "beta_1"', 1),
    "a key twice, once by an escape": lambda text: text.replace('"units": 4', '"\\u0075nits": 9, "units": 4', 1),
    "half a pair of surrogates": lambda text: text.replace('"relu"', '"\\ud800"', 1).replace("ReLU", "\\ud800", 1),
    "a key in full width": lambda text: text.replace("units", "\uff55nits", 1),
    "a key turned around": lambda text: text.replace("units", "\u202eunits", 1),
    "a path in a name": lambda text: text.replace("Dense", "../Dense", 1),
    "a module in a name": lambda text: text.replace("Dense", "os.system", 1),
    "a class in a name": lambda text: text.replace("Dense", "__class__", 1),
    "a format string in a name": lambda text: text.replace("Dense", "{0.__init__.__globals__}", 1),
    "a percent sign in a name": lambda text: text.replace("Dense", "%s%n", 1),
    "a name of 100,000 letters": lambda text: text.replace("Dense", "D" * 100_000, 1),
    "257 lists": lambda text: text.replace('"relu"', "[" * 257 + "]" * 257, 1).replace(
        '{"ReLU"', "[" * 257 + '{"ReLU"', 1
    ),
    "a list of 100,000 layers": lambda text: text.replace('"layers": [', '"layers": [' + '{"ReLU": {}}, ' * 100_000, 1),
    "a layer in 60 layers": lambda text: text.replace(
        '{"Dense"', '{"TimeDistributed": {"layer": ' * 60 + '{"Dense": {"units": 1}}' + "}}" * 60 + ', {"Dense"', 1
    ),
}
CONTENTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "7 bytes": lambda content: content[:7],
    "8 bytes": lambda content: content[:8],
    "a length alone": lambda content: (2**63).to_bytes(8, "little"),
    "a header without end": lambda content: (2**64 - 1).to_bytes(8, "little") + content[8:],
    "a header of 0 bytes": lambda content: bytes(8) + content[8:],
    "a length in the other order": lambda content: content[:8][::-1] + content[8:],
    "a byte less": lambda content: content[:-1],
    "a byte more": lambda content: content + b"\0",
    "itself twice": lambda content: content * 2,
    "a sum in capitals": lambda content: content[:35] + content[35:99].upper() + content[99:],
    "a sum of zeros": lambda content: content[:35] + b"0" * 64 + content[99:],
    "a sum that is none": lambda content: content[:35] + b"z" * 64 + content[99:],
    "a space before the header": lambda content: (int.from_bytes(content[:8], "little") + 1).to_bytes(8, "little")
    + b" " + content[8:],
    "a pickle": lambda content: b"cos\nsystem\n(S'touch harmed'\ntR.",
    "a zip": lambda content: b"PK\x03\x04" + content,
    "an empty zip": lambda content: b"PK\5\6" + bytes(18),
    "HDF5": lambda content: b"\x89HDF\r\n\x1a\n" + content,
    "NPY": lambda content: b"\x93NUMPY\1\0v\0{}" + content,
    "text": lambda content: b"model: {}\n",
    "a page": lambda content: b"<!DOCTYPE html><title>404</title>",
    "zeros": lambda content: bytes(4096),
    "a pointer of Git LFS": lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
}  # fmt: skip


def with_entry(content: bytes, name: str, key: str, value: Any) -> bytes:
    """The container in which one entry says something else; its checksum is right."""
    size = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + size])
    entries[name] = {**entries[name], key: value}
    if value is DROP:
        del entries[name][key]
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    return sealed(len(text).to_bytes(8, "little") + text + content[8 + size :])


def replaced(header: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The header with another value at a place such as `model.Sequential.layers.0`."""
    changed = copy.deepcopy(header)
    outer: Any = changed
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    for part in way:
        outer = outer[part]
    if value is DROP:
        del outer[last]
    else:
        outer[last] = copy.deepcopy(value)
    return changed


def hand_made() -> Iterator[tuple[str, str, bytes]]:
    """Label, kind and bytes of each file that is no good one."""
    for kind, changes in HEADERS.items():
        header, arrays = parts(kind)
        for place, values in changes.items():
            for value in values:
                said = "left out" if value is DROP else json.dumps(value)[:40]
                yield f"{kind}: {place} = {said}", kind, file_of(replaced(header, place, value), arrays)
    for kind, cases in ARRAYS.items():
        header, arrays = parts(kind)
        for label, changes in cases.items():
            others = {name: array for name, array in {**arrays, **changes}.items() if array is not None}
            yield f"{kind}: {label}", kind, file_of(header, others)
    header, arrays = parts("plain")
    good, text = file_of(header, arrays), json.dumps({"format": 1, **header})
    for key, values in ENTRY_VALUES.items():
        for value in values:
            said = "left out" if value is DROP else json.dumps(value)[:40]
            yield f"entry: {key} = {said}", "plain", with_entry(good, KERNEL, key, value)
    for label, change in HEADER_TEXTS.items():
        yield f"header: {label}", "plain", file_of(change(text), arrays)
    for label, alter in CONTENTS.items():
        yield f"content: {label}", "plain", alter(good)
