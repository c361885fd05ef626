"""Gradients: their sizes, parameter by parameter, at the end of training."""

import numpy as np

from nnlite.charts import Chart, bar_chart, html_table, number_text
from nnlite.report.evidence.gradients import GradientNorms, gradient_norms
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import details, figures, notice, section, wide

__all__ = ["gradients_section"]

SHOWN = 40


def gradients_section(subject: Subject) -> str:
    """A chart and a table of the norms of gradients."""
    norms = gradient_norms(subject)
    if not norms:
        return section("gradients", "Gradients", notice("The model has no trainable parameter."))
    rows = [
        [norm.name, str(norm.shape), number_text(norm.weight), number_text(norm.batch), *_spread(norm)]
        for norm in norms
    ]
    head = ["parameter", "shape", "norm", "norm of the mean gradient", "median over rows", "largest row"]
    table = details("All parameters", wide(html_table(head, rows, numbers=range(2, 6))))
    return section("gradients", "Gradients", figures(_chart(norms[:SHOWN])), table)


def _spread(norms: GradientNorms) -> list[str]:
    return [number_text(float(how(norms.rows))) for how in (np.median, np.max)] if len(norms.rows) else ["", ""]


def _chart(norms: list[GradientNorms]) -> Chart:
    names, title = [norm.name for norm in norms], "Gradient norms"
    if not len(norms[0].rows):
        values = [norm.batch for norm in norms]
        note = "Of the mean loss over rows of the training part, with respect to each parameter."
        return bar_chart(names, values, title, "norm of the gradient", note=note)
    low, middle, high = np.percentile([norm.rows for norm in norms], [10, 50, 90], axis=1)
    note = (
        f"Of the loss of each of {len(norms[0].rows)} rows of the training part alone, with respect to each parameter: "
        "the median over the rows, and from the 10th to the 90th percentile."
    )
    return bar_chart(names, middle, title, "norm of the gradient", low, high, note)
