"""Regression: predictions against true values, and residuals."""

import numpy as np

from nnlite.charts import Chart, bar_chart, histogram, scatter_chart
from nnlite.metrics.scores import regression_scores
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import figures, notice, section

__all__ = ["quantities_section"]

MOST_TARGETS = 3


def quantities_section(subject: Subject) -> str:
    """Predicted and actual values, residuals, and the error of each target where there are several."""
    truth, predicted = subject.quantities(subject.part)
    names = subject.target.names
    if not np.isfinite(predicted).all():
        said = "The model predicts values that are not finite."
        return section("residuals", "Residuals", notice(said, loud=True))
    charts: list[Chart | None] = [_errors(truth, predicted, names)] if len(names) > 1 else []
    for index, name in enumerate(names[:MOST_TARGETS]):
        residuals = predicted[:, index] - truth[:, index]
        charts.append(
            scatter_chart(
                truth[:, index], predicted[:, index], f"{name}: predicted and actual", "actual", "predicted", True
            )
        )
        if len(names) == 1:
            charts.append(scatter_chart(predicted[:, index], residuals, f"{name}: residuals", "predicted", "residual"))
        charts.append(histogram(residuals, f"{name}: distribution of residuals", "predicted less actual"))
    said = notice(f"The {subject.part} part, {len(truth):,} rows, in the target's own unit.")
    return section("residuals", "Residuals", said, figures(*charts))


def _errors(truth: np.ndarray, predicted: np.ndarray, names: list[str]) -> Chart:
    scores = [regression_scores(truth[:, index], predicted[:, index])["rmse"] for index in range(len(names))]
    return bar_chart(names, scores, "Error of each target", "root-mean-square error")
