"""Several labels per row: the quality of each."""

import numpy as np

from nnlite.charts import Chart, Series, bar_chart, html_table, line_chart, number_text
from nnlite.metrics.scores import (
    average_precision,
    calibration_bins,
    label_table,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import details, figures, notice, section, wide
from nnlite.report.sections.classes import MOST_CLASSES, MOST_CURVES, curve

__all__ = ["labels_section"]


def labels_section(subject: Subject) -> str:
    """F1, ROC and precision-recall curves of the labels, calibration, and a table of all."""
    outputs, labels = subject.outputs[subject.part], subject.labels
    if not np.isfinite(outputs).all():
        return section("labels", "Labels", notice("The model predicts values that are not finite.", loud=True))
    marks = subject.target.encode(subject.truth(subject.part)) != 0
    columns = label_table(marks, subject.target.chosen(outputs))
    order = np.argsort(np.nan_to_num(columns["f1"], nan=-1.0), kind="stable")
    names = [labels[index] for index in order[:MOST_CLASSES]]
    charts: list[Chart] = [bar_chart(names, columns["f1"][order[:MOST_CLASSES]], "F1 of each label", "F1")]
    charts += _curves(marks, outputs, labels, order[:MOST_CURVES].tolist())
    charts.append(_calibration(marks, outputs))
    rows = [
        [label, *(number_text(float(columns[name][index])) for name in ("precision", "recall", "f1", "support"))]
        for index, label in enumerate(labels)
    ]
    table = wide(html_table(["label", "precision", "recall", "f1", "support"], rows, numbers=range(1, 5)))
    said = notice(f"The {subject.part} part, {len(marks):,} rows.")
    return section("labels", "Labels", said, figures(*charts), details(f"All {len(labels)} labels", table))


def _curves(marks: np.ndarray, outputs: np.ndarray, labels: list[str], picked: list[int]) -> list[Chart]:
    roc, precision_recall = [], []
    for index in picked:
        truth, scores = marks[:, index], outputs[:, index]
        false, true, _ = roc_curve(truth, scores)
        roc.append(curve(f"{labels[index]}, area {number_text(roc_auc(truth, scores))}", false, true))
        precision, recall, _ = precision_recall_curve(truth, scores)
        name = f"{labels[index]}, AP {number_text(average_precision(truth, scores))}"
        precision_recall.append(curve(name, recall, precision))
    note, named = "The labels of the lowest F1.", "AP: average precision."
    return [
        line_chart(roc, "ROC curve", "false positive rate", "true positive rate", diagonal=True, note=note),
        line_chart(precision_recall, "Precision and recall", "recall", "precision", note=f"{note} {named}"),
    ]


def _calibration(marks: np.ndarray, outputs: np.ndarray) -> Chart:
    mean, share, weight = calibration_bins(marks.ravel(), outputs.ravel())
    has_rows = weight > 0
    series = [Series("labels of ten equal ranges", mean[has_rows], share[has_rows])]
    note = "All labels together: on the line, of those given 0.7, 70% are there."
    return line_chart(series, "Calibration", "probability", "share that is present", diagonal=True, note=note)
