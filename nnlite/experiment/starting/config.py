"""A config for a table: the recipe of the estimators (docs/tables.md), in a few lines with comments."""

import json
import math
import re
import textwrap
from collections.abc import Iterable

from nnlite.data.batches import suited_batch_size
from nnlite.data.profile import ColumnProfile, TableProfile, Task

__all__ = ["config_text"]

VALIDATION, TEST = 0.1, 0.2
FEW_ROWS = 2_000
MOST_WAVY_COLUMNS = 16
BINS, ROWS_OF_A_BIN = 32, 20
MOST_LINES_OF_COLUMNS = 12
WIDTH = 112
PLAIN = re.compile(r"[A-Za-z_](?:[\w .()/-]*[\w)])?")
WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"}
START = ", parametrization: ntk, data_dependent_init: true"
TEXT_OPTIMIZER = ("  optimizer: {Adam: {learning_rate: 3e-3}}",)
AMOUNTS = ("standardize", "ordinal", "date_parts")


def config_text(profile: TableProfile, path: str, name: str, source: str = "Csv") -> str:
    """The text of a config for the profile's task, of at most 60 lines.

    Args:
        profile: of a table with a target.
        path: where the config finds the table.
        name: what the config's file is called.
        source: the data source that reads such a table.
    """
    task = profile.task
    assert task is not None  # the caller has a target
    texts = [column for column in profile.inputs if column.encoding != "drop"]
    only_text = texts[0].name if len(texts) == 1 and texts[0].encoding == "text" else None
    model = _text_model() if only_text else _table_model(profile, task)
    lines = [
        f"# What does {', '.join(task.targets)[:60]} depend on? ({task.kind}: {task.reason})",
        f"#     nnlite train {name}",
        "seed: 0",
        "",
        *_data(profile, task, source, path, only_text),
        "",
        "model:",
        *model,
        f"  - Dense: {{units: {_outputs(task)}{'' if only_text else START}}}",
        "",
        "compile:",
        *(TEXT_OPTIMIZER if only_text else _optimizer(profile, task, any("waves" in line for line in model))),
        *_loss(task),
        "",
        "fit:",
        f"  epochs: {20 if only_text else 64 if profile.rows > FEW_ROWS or _has_pieces(profile, task) else 128}",
        "  batch_size: auto                      # follows the number of rows",
        "  callbacks: [BestMembers]              # the weights of the best epoch, after the last one",
    ]
    return "\n".join(lines) + "\n"


def _data(profile: TableProfile, task: Task, source: str, path: str, only_text: str | None) -> list[str]:
    target = quoted(task.targets[0]) if len(task.targets) == 1 else _flow(map(quoted, task.targets), "      target: ")
    gaps = profile.unlabelled
    return [
        "data:",
        "  source:",
        f"    {source}:",
        f"      path: {quoted(path)}",
        f"      target: {target}",
        *([f"      missing_target: drop              # {gaps:,} rows have none"] if gaps else []),
        *([f"      text: {quoted(only_text)}"] if only_text else _columns(profile)),
        *_split(profile, task),
        *([f"  target_separator: {quoted(task.separator)}"] if task.separator else []),
        *(["  target_transform: log                 # skewed: relative errors count"] if task.log else []),
    ]


def _columns(profile: TableProfile) -> list[str]:
    """Choices for single columns: those that are left out or need a layer of their own."""
    said = [column for column in profile.inputs if column.encoding in ("drop", "embed")]
    said += [column for column in profile.inputs if column.kind in ("identifier", "leaking") and column not in said]
    if not said:
        return ["      # columns: {name: drop}             # to change what becomes of a column (docs/columns.md)"]
    if len(said) > MOST_LINES_OF_COLUMNS:
        entries = _flow((f"{quoted(column.name)}: {column.encoding}" for column in said), "      columns: ", "{}")
        return ["      # left out, or learned as vectors; kinds of all others are found", f"      columns: {entries}"]
    lines = [f"        {quoted(column.name)}: {column.encoding}".ljust(38) + f"  # {_why(column)}" for column in said]
    return ["      columns:                          # kinds of all others are found (docs/columns.md)", *lines]


def _why(column: ColumnProfile) -> str:
    reason = f"{column.distinct} levels" if column.encoding == "embed" else column.reason
    return f"{column.kind.replace('_', ' ')}: {reason}"[:70]


def _split(profile: TableProfile, task: Task) -> list[str]:
    validation = VALIDATION if profile.rows >= 100 else TEST
    smallest = 0 if task.kind == "multilabel" else min(task.classes.values(), default=0)
    parts = min(round(validation * profile.rows), round(TEST * profile.rows))
    stratify = smallest > 4 and parts >= len(task.classes)
    mix = ", stratify: true" if stratify else ""
    return [f"  split: {{validation: {validation}, test: {TEST}{mix}}}"]


def _table_model(profile: TableProfile, task: Task) -> list[str]:
    amounts = _amounts(profile)
    lines = []
    if amounts:
        lines.append("  - RobustScaling: {columns: numbers}     # outliers stay near; columns of 0 and 1 pass")
    if _has_pieces(profile, task):
        lines.append(
            f"  - PiecewiseLinearEncoding: {{num_bins: {BINS}, columns: numbers}}   # thresholds, as trees have them"
        )
    if task.kind == "regression" and 0 < amounts <= MOST_WAVY_COLUMNS:
        lines.append("  - PeriodicEmbedding: {columns: numbers, frequencies: 8, output_dim: 2, name: waves}")
    if any(column.encoding == "embed" for column in profile.inputs):
        lines.append("  - CategoryEmbedding: {output_dim: 8}    # a learned vector for each level of `embed`")
    lines.append("  - Scale                                 # a learned factor per feature")
    return [*lines, *_hidden(task, 3)]


def _amounts(profile: TableProfile) -> int:
    return sum(column.encoding in AMOUNTS for column in profile.inputs)


def _has_pieces(profile: TableProfile, task: Task) -> bool:
    """Whether thresholds pay: few numbers, and enough rows for each bin."""
    few = 0 < _amounts(profile) <= MOST_WAVY_COLUMNS
    return task.kind == "regression" and few and profile.rows * (1 - VALIDATION - TEST) >= BINS * ROWS_OF_A_BIN


def _hidden(task: Task, layers: int) -> list[str]:
    activation = "mish" if task.kind == "regression" else "selu"
    unit = f"{{units: 128, activation: {activation}{START}}}"
    first = [f"  - Dense: &hidden {unit}", "  - Dropout: &dropout {rate: {FlatCosine: {value: 0.15}}}"]
    return [*first, *["  - Dense: *hidden", "  - Dropout: *dropout"] * (layers - 1)]


def _text_model() -> list[str]:
    return [
        "  - TextVectorization: {max_tokens: 5000, output_sequence_length: 200}",
        "  - Embedding: {input_dim: 5000, output_dim: 32, mask_zero: true}",
        "  - GlobalAveragePooling1D                # the mean of the vectors of the words",
        "  - Dense: {units: 64, activation: relu}",
        "  - Dropout: {rate: 0.3}",
    ]


def _outputs(task: Task) -> int:
    return len(task.classes) if task.kind == "multiclass" or task.separator else len(task.targets)


def _optimizer(profile: TableProfile, task: Task, has_waves: bool) -> list[str]:
    numbers = task.kind == "regression"
    batch = suited_batch_size(round(profile.rows * (1 - VALIDATION - TEST)))
    rate = (0.2 if numbers else 0.04) * math.sqrt(batch / 256)
    waves = ', "waves/*": 0.1' if has_waves else ""
    return [
        "  optimizer:",
        "    Adam:",
        f"      learning_rate: {{CosLog4: {{learning_rate: {rate:.3g}}}}}",
        "      beta_2: 0.95",
        f"      weight_decay: {{FlatCosine: {{value: {0.05 if numbers else 0.02}}}}}",
        "      exclude_from_weight_decay: [bias]",
        f"      learning_rate_multipliers: {{scale: 6.0, bias: 0.1{waves}}}",
    ]


def _loss(task: Task) -> list[str]:
    losses = {"regression": "mse", "multiclass": "{SparseCategoricalCrossentropy: {from_logits: true}}"}
    loss = losses.get(task.kind, "{BinaryCrossentropy: {from_logits: true}}")
    metrics = {"regression": "R2Score", "multilabel": "{BinaryAccuracy: {threshold: 0.0}}"}
    return [f"  loss: {loss}", f"  metrics: [{metrics.get(task.kind, 'accuracy')}]"]


def _flow(entries: Iterable[str], before: str, brackets: str = "[]") -> str:
    """Entries as a list or mapping on one line of YAML or more."""
    text = ", ".join(entry.replace(" ", "\0") for entry in entries)
    lines = textwrap.wrap(text, WIDTH - len(before), break_long_words=False, break_on_hyphens=False)
    joined = ("\n" + " " * (len(before) + 1)).join(lines).replace("\0", " ")
    return f"{brackets[0]}{joined}{brackets[1]}"


def quoted(text: str) -> str:
    """A string in YAML: plain if it cannot be mistaken for another type."""
    if PLAIN.fullmatch(text) and text.lower() not in WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)
