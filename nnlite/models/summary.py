"""The table of layers that `model.summary()` prints."""

from typing import TYPE_CHECKING

from nnlite.registry import snake_case

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["summary_table"]


def summary_table(model: "BaseModel") -> str:
    """One line per layer: name, class, output shape and number of parameters, `?` where not known yet; the totals."""
    rows = [("Layer", "Output shape", "Params")]
    for layer in model.layers:
        shape = str(layer.output_shape) if layer.built else "?"
        count = f"{layer.count_params():,}" if layer.built else "?"
        rows.append((f"{layer.name} ({type(layer).__name__})", shape, count))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows]
    rule = "-" * len(lines[0])
    lines = [f"Model: {model.name or snake_case(type(model).__name__)}", lines[0], rule, *lines[1:], rule]
    if model.built:
        total, trained = model.count_params(), sum(weight.size for weight in model.trainable_weights)
        lines.append(f"Total params: {total:,}  trainable: {trained:,}  non-trainable: {total - trained:,}")
    return "\n".join(lines)
