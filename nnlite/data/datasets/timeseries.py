"""Batches of windows cut from a long series."""

from typing import Any, Literal

import numpy as np

from nnlite.data.datasets.lazy import LazyBatches, shuffle_seed_of
from nnlite.errors import DataError
from nnlite.registry.bounds import Count, Index
from nnlite.registry.field_types import read_call

__all__ = ["timeseries_dataset_from_array"]


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: Count,
    sequence_stride: Count = 1,
    sampling_rate: Count = 1,
    batch_size: Count | None = 128,
    shuffle: bool = False,
    seed: Index | None = None,
    start_index: Index | None = None,
    end_index: Count | None = None,
    format: Literal["tf", "grain"] = "tf",
) -> LazyBatches:
    """Sliding windows over a series, as batches `(x, y)`: window i is `data[i], data[i + sampling_rate], ...`.

    Shape: x `(batch, sequence_length, ...)`, y `(batch, ...)`, where `...` are the further axes of data and targets.

    Args:
        data: the series; its first axis is the time.
        targets: `targets[i]` belongs to the window that begins at `data[i]`; None for batches of x alone.
        sequence_length: steps in a window.
        sequence_stride: steps from the beginning of one window to the next one's.
        sampling_rate: steps from one entry of a window to the next.
        batch_size: windows per batch; None for single windows.
        shuffle: another order of the windows for each walk.
        seed: decides the order; drawn when None.
        start_index: data before it is not used.
        end_index: data from it on is not used.
        format: Keras's; accepted: batches are arrays.

    Raises:
        DataError: no window fits into the data, or an index or a step leads beyond it.

    >>> import numpy as np
    >>> series = np.arange(7)
    >>> for x, y in timeseries_dataset_from_array(series[:-3], series[3:], sequence_length=3):
    ...     print(x.tolist(), y.tolist())
    [[0, 1, 2], [1, 2, 3]] [3, 4]
    """
    arguments = read_call(timeseries_dataset_from_array, locals())
    bounds = {"start_index": start_index, "sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, number in {**bounds, "end_index": None if end_index is None else end_index - 1}.items():
        if number is not None and number >= len(data):
            raise DataError(f"{name}={arguments[name]} leads beyond the data, which has {len(data)} steps")
    span, reach = slice(start_index, end_index), (sequence_length - 1) * sampling_rate
    series = np.asarray(data)[span]
    windows = len(series) - reach
    goals = None if targets is None else np.asarray(targets)[span]
    if goals is not None:
        windows = min(windows, len(goals))
    if windows < 1:
        raise DataError(
            f"a window spans {reach + 1} steps (sequence_length={sequence_length}, sampling_rate={sampling_rate}), the "
            f"data has {len(series)} of them" + (f" and {len(goals)} targets" if goals is not None else "")
        )
    starts = np.arange(0, windows, sequence_stride)
    steps = np.arange(0, reach + 1, sampling_rate)

    def take(rows):
        x = series[starts[rows][:, None] + steps]
        return x if goals is None else (x, goals[starts[rows]])

    return LazyBatches(take, len(starts), arguments["batch_size"], shuffle_seed_of(shuffle, seed))
