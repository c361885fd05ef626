"""Branches inside a chain of layers, columns of tables, chains and graphs of layers used as layers."""

from layers.cases.case import Case

TANH = {"Dense": {"units": 3, "activation": "tanh"}}
THREE = {"Dense": {"units": 3}}
STATEFUL = [{"Dropout": {"rate": 0.3}}, "BatchNormalization"]


# Fan-out, and a layer that is used twice. Nodes are [layer, [what it takes]], counted from the inputs on.
GATED = {
    "inputs": [{"Input": {"shape": [3], "name": "start"}}],
    "layers": [TANH, {"Dense": {"units": 3, "activation": "sigmoid"}}, "Multiply", {"Dense": {"units": 2}}],
    "nodes": [[0, [0]], [0, [1]], [1, [0]], [2, [2, 3]], [3, [4]]],
    "outputs": [5],
    "seed": 0,
}


def meeting(normalization: str) -> dict:
    """A graph whose two ends meet again, with layers that act while training only."""
    return {
        "inputs": [{"Input": {"shape": [4], "name": "start"}}],
        "layers": [
            {"Dense": {"units": 3, "activation": "relu"}},
            {"Dropout": {"rate": 0.4}},
            normalization,
            "Concatenate",
        ],
        "nodes": [[0, [0]], [1, [1]], [2, [0]], [3, [2, 3, 0]]],
        "outputs": [4],
        "seed": 0,
    }


def chain(*layers: object, seed: int = 0) -> dict:
    """The options of a `Sequential`."""
    return {"layers": list(layers), "seed": seed}


# A layer that takes complex steps of its own refuses others; differences check it.
NO_STEPS = ("inputs, complex step", "kernel, complex step", "bias, complex step")

CASES = [
    Case("Columns", {"places": [2, 0]}, (2, 3)),
    Case("Columns", {"places": [1]}, (2, 2, 3)),
    Case("Residual", {"body": [TANH]}, (2, 3)),
    Case("Residual", {"body": [{"Dense": {"units": 4, "activation": "tanh"}}, THREE]}, (2, 2, 3)),
    Case(
        "Residual",
        {
            "body": [{"Dense": {"units": 4}}, "LayerNormalization"],
            "shortcut": [{"Dense": {"units": 4, "use_bias": False}}],
        },
        (2, 3),
    ),
    Case("Residual", {"body": ["BatchNormalization", {"Dropout": {"rate": 0.3}}, THREE]}, (4, 3)),
    Case("Wrapper", {"layer": {"Dense": {"units": 2, "activation": "tanh"}}}, (2, 3)),
    Case("Wrapper", {"layer": "BatchNormalization"}, (4, 3)),
    Case("Pipeline", {"layers": [{"Dense": {"units": 2, "activation": "tanh"}}, "LayerNormalization"]}, (2, 3)),
    Case("Pipeline", {"layers": STATEFUL}, (4, 3)),
    *[
        Case("InputDerivatives", {"layers": [TANH], **options}, (3, 2), skipped=NO_STEPS)
        for options in ({}, {"columns": [1]}, {"order": 2})
    ],
    *[
        Case("Parallel", {"paths": [TANH, [], [{"Dense": {"units": 2}}, THREE]], "merge": merge}, (2, 3))
        for merge in ("concat", "add", "multiply", "average", "max")
    ],
    Case("Parallel", {"paths": [THREE, {"Residual": {"body": [THREE]}}], "axis": 1}, (2, 2, 3)),
    Case("ColumnBranch", {"columns": {"0-1": [TANH], "2": []}}, (2, 3)),
    Case(
        "ColumnBranch",
        {
            "columns": {"0,2": [{"Normalization": {"mean": 0.5, "variance": 2.0}}], "1": {"Dense": {"units": 2}}},
            "merge": "add",
        },
        (3, 3),
    ),
    Case("ColumnBranch", {"columns": {"1": {"Dense": {"units": 2}}}}, (2, 3)),
    Case("Model", GATED, (3, 3)),
    Case("Model", meeting("LayerNormalization"), (3, 4)),
    Case("Model", meeting("BatchNormalization"), (4, 4)),
    Case("Sequential", chain(THREE, {"Model": GATED}, {"Dense": {"units": 1}}), (2, 2)),
    Case("Sequential", chain(TANH, {"Dense": {"units": 2}}), (3, 4)),
    Case(
        "Sequential",
        chain(
            {"Dense": {"units": 3, "activation": "gelu"}},
            "BatchNormalization",
            {"Dropout": {"rate": 0.3}},
            {"Dense": {"units": 1}},
        ),
        (4, 2),
    ),
    Case(
        "Sequential",
        chain(
            {"Sequential": chain("BatchNormalization", "PReLU", seed=1)},
            "Flatten",
            {"Sequential": chain({"Dropout": {"rate": 0.5}}, {"Dense": {"units": 2}}, seed=2)},
        ),
        (4, 2, 2),
    ),
    Case(
        "Sequential",
        chain(
            {"Embedding": {"input_dim": 5, "output_dim": 2}}, "Flatten", "LayerNormalization", {"Dense": {"units": 2}}
        ),
        (4, 3),
    ),
    Case("Sequential", chain("Flatten", {"Sequential": chain("Identity")}), (2, 2, 2)),
]
