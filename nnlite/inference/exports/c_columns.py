"""Layers for tables in a C header: what each of them does with one row of columns."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.layers import CategoryEmbedding, PeriodicEmbedding, RobustScaling
from nnlite.layers.base.layer import Layer

__all__ = ["COLUMN_LAYERS"]

Code = tuple[list[str], dict[str, np.ndarray]]


def _scaled(layer: Any, n: int, source: str, target: str) -> Code:
    """Columns that pass unchanged have the center 0, the width 1, and no end to clip to."""
    features = layer.input_shape[-1]
    arrays = {"center": np.zeros(features), "rest": np.zeros(features), "width": np.ones(features)}
    clips = np.full(features, np.inf)
    columns = layer.chosen_columns(layer.input_shape)
    for array, parameter in zip(arrays.values(), layer.statistics, strict=True):
        array[columns] = parameter.value
    clips[columns] = np.inf if layer.clip is None else layer.clip
    lines = [
        f"    for (int j = 0; j < {features}; j++) {{",
        f"        float z = ({source}[j] - center{n}[j] - rest{n}[j]) / width{n}[j];",
        f"        {target}[j] = z / hypotf(1.0f, z / clip{n}[j]);",
        "    }",
    ]
    return lines, {f"{key}{n}": array for key, array in {**arrays, "clip": clips}.items()}


def _waves(layer: Any, n: int, source: str, target: str) -> Code:
    features, count, dim = layer.input_shape[-1], layer.frequencies, layer.output_dim
    columns = layer.chosen_columns(layer.input_shape)
    lines = [
        f"    for (int j = 0; j < {features}; j++) {target}[j] = {source}[j];",
        f"    for (int k = 0; k < {len(columns)}; k++) {{",
        f"        float *mixed = {target} + {features} + k * {dim};",
        f"        for (int o = 0; o < {dim}; o++) mixed[o] = bias{n}[k * {dim} + o];",
        f"        for (int f = k * {count}; f < (k + 1) * {count}; f++) {{",
        f"            float wave = cosf(frequency{n}[f] * {source}[column{n}[k]] + phase{n}[f]);",
        f"            for (int o = 0; o < {dim}; o++) mixed[o] += wave * kernel{n}[f * {dim} + o];",
        "        }",
        "    }",
    ]
    arrays = {
        f"column{n}": np.array(columns),
        f"frequency{n}": 2 * np.pi * layer.frequency.value.astype(np.float64),
        f"phase{n}": layer.phase.value,
        f"kernel{n}": layer.kernel.value,
        f"bias{n}": layer.bias.value,
    }
    return lines, arrays


def _embedded(layer: Any, n: int, source: str, target: str) -> Code:
    """A code outside of its range is the nearest one within, and NaN is 0: nothing is read beyond the table."""
    levels, dim = list(layer.sizes.values()), layer.output_dim
    others = [column for column in range(layer.input_shape[-1]) if column not in layer.sizes]
    lines = [f"    for (int j = 0; j < {len(others)}; j++) {target}[j] = {source}[other{n}[j]];"] if others else []
    lines += [
        f"    for (int k = 0; k < {len(levels)}; k++) {{",
        f"        float code = {source}[column{n}[k]];",
        f"        int level = first{n}[k] + (code > 0 ? (int)fminf(code + 0.5f, last{n}[k]) : 0);",
        f"        for (int o = 0; o < {dim}; o++)",
        f"            {target}[{len(others)} + k * {dim} + o] = embedding{n}[level * {dim} + o];",
        "    }",
    ]
    arrays = {
        **({f"other{n}": np.array(others)} if others else {}),
        f"column{n}": np.array(list(layer.sizes)),
        f"first{n}": np.cumsum(levels) - levels,
        f"last{n}": np.array(levels, np.float32) - 1,
        f"embedding{n}": layer.embeddings.value,
    }
    return lines, arrays


# Lines of C and the tables that they read, made of a layer, its number, and the names of its inputs and outputs.
COLUMN_LAYERS: dict[type[Layer], Callable[[Any, int, str, str], Code]] = {
    RobustScaling: _scaled,
    PeriodicEmbedding: _waves,
    CategoryEmbedding: _embedded,
}
