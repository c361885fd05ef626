"""Classification: confusion between classes, and the quality of the probabilities."""

import numpy as np

from nnlite.charts import Chart, Series, bar_chart, heat_map, html_table, line_chart, number_text
from nnlite.charts.sampling import evenly
from nnlite.metrics.scores import (
    average_precision,
    best_threshold,
    calibration_bins,
    class_table,
    confusion_matrix,
    expected_calibration_error,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import details, figures, notice, section, wide

__all__ = ["classes_section", "curve"]

MOST_CLASSES = 20  # of a confusion matrix
MOST_CURVES = 6
LEAST_ROWS = 5  # of a range of probabilities
POINTS = 100  # of a curve; it has as many as there are rows


def classes_section(subject: Subject) -> str:
    """Confusion matrix, per-class table, ROC and precision-recall curves, calibration, thresholds."""
    codes, probabilities, predicted = subject.flat_classes(subject.part)
    if not np.isfinite(probabilities).all():
        return section("classes", "Classes", notice("The model predicts values that are not finite.", loud=True))
    count = probabilities.shape[1]
    labels = subject.labels
    matrix = confusion_matrix(codes, predicted, count)
    charts: list[Chart | None] = [_confusion(matrix, labels)]
    picked = [1] if count == 2 else _picked(matrix)
    charts += [_roc(codes, probabilities, labels, picked), _precision_recall(codes, probabilities, labels, picked)]
    charts.append(_calibration(codes, probabilities, predicted, labels))
    if count == 2:
        charts.append(_thresholds(codes, probabilities[:, 1], labels[1], subject.target.threshold))
    else:
        charts.append(_confusions(matrix, labels))
    said = notice(f"The {subject.part} part, {len(codes):,} rows.")
    return section("classes", "Classes", said, figures(*charts), _table(codes, predicted, labels))


def _confusion(matrix: np.ndarray, labels: list[str]) -> Chart:
    note = "Shades are shares of the true class."
    if len(matrix) > MOST_CLASSES:
        rows = np.sort(np.argsort(-(matrix.sum(axis=1) - matrix.diagonal()), kind="stable")[:MOST_CLASSES])
        matrix, labels = matrix[np.ix_(rows, rows)], [labels[index] for index in rows]
        note += f" The {MOST_CLASSES} classes with the most errors."
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return heat_map(matrix, labels, labels, "Confusion matrix", "true", "predicted", shares, note)


def _picked(matrix: np.ndarray) -> list[int]:
    """The classes whose curves are drawn: those that occur, the most often wrong ones first where there are many."""
    wrong = matrix.sum(axis=1) - matrix.diagonal()
    return sorted(index for index in np.argsort(-wrong, kind="stable")[:MOST_CURVES].tolist() if matrix[index].sum())


def curve(name: str, x: np.ndarray, y: np.ndarray) -> Series:
    """A line of at most 100 points, including both ends."""
    places = evenly(len(x), POINTS)
    return Series(name, x[places], y[places])


def _roc(codes: np.ndarray, probabilities: np.ndarray, labels: list[str], picked: list[int]) -> Chart:
    series = []
    for index in picked:
        false, true, _ = roc_curve(codes == index, probabilities[:, index])
        area = number_text(roc_auc(codes == index, probabilities[:, index]))
        series.append(curve(f"{labels[index]}, area {area}", false, true))
    note = (
        _listed(series) if len(labels) == 2 else "Each class against the rest, up to six that are mistaken most often."
    )
    return line_chart(series, "ROC curve", "false positive rate", "true positive rate", diagonal=True, note=note)


def _precision_recall(codes: np.ndarray, probabilities: np.ndarray, labels: list[str], picked: list[int]) -> Chart:
    series = []
    for index in picked:
        precision, recall, _ = precision_recall_curve(codes == index, probabilities[:, index])
        score = number_text(average_precision(codes == index, probabilities[:, index]))
        series.append(curve(f"{labels[index]}, AP {score}", recall, precision))
    note = f"{_listed(series)} AP: average precision.".strip()
    return line_chart(series, "Precision and recall", "recall", "precision", note=note)


def _listed(series: list[Series]) -> str:
    """The name of a line that is alone, and so has no legend."""
    return f"{series[0].name}." if len(series) == 1 else ""


def _calibration(codes: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, labels: list[str]) -> Chart:
    if len(labels) == 2:
        happened, said, what = codes == 1, probabilities[:, 1], f"probability of {labels[1]}"
    else:
        happened, said, what = codes == predicted, probabilities.max(axis=1), "probability of the predicted class"
    mean, share, weight = calibration_bins(happened, said)
    error = number_text(expected_calibration_error(happened, said), 3)
    has_rows = weight >= (LEAST_ROWS if (weight >= LEAST_ROWS).any() else 1)
    series = [Series("rows of ten equal ranges", mean[has_rows], share[has_rows])]
    note = (
        f"On the line, of the rows given 0.7, 70% are so; ranges of fewer than {LEAST_ROWS} rows are left out. "
        f"Expected calibration error {error}."
    )
    return line_chart(series, "Calibration", what, "share of rows where it is so", diagonal=True, note=note)


def _thresholds(codes: np.ndarray, probability: np.ndarray, label: str, threshold: float | None) -> Chart:
    best = best_threshold(codes == 1, probability, "f1")
    precision, recall, thresholds = precision_recall_curve(codes == 1, probability)
    precision, recall = precision[:-1], recall[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * precision * recall / (precision + recall)
    named = (("precision", precision), ("recall", recall), ("F1", f1))
    series = [curve(name, thresholds, values) for name, values in named]
    used = (
        "the more probable class is taken" if threshold is None else f"the model decides at {number_text(threshold, 3)}"
    )
    note = f"F1 of these rows is highest at {number_text(best, 3)}; {used}."
    return line_chart(series, f"Thresholds for {label}", "threshold", "score", note=note)


def _confusions(matrix: np.ndarray, labels: list[str]) -> Chart | None:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    places = [index for index in np.argsort(-wrong, axis=None, kind="stable")[:8] if wrong.flat[index] > 0]
    pairs = [np.unravel_index(index, wrong.shape) for index in places]
    names = [f"{labels[int(true)]} as {labels[int(predicted)]}" for true, predicted in pairs]
    return bar_chart(names, [wrong[pair] for pair in pairs], "Most frequent confusions", "rows") if names else None


def _table(codes: np.ndarray, predicted: np.ndarray, labels: list[str]) -> str:
    columns = class_table(codes, predicted, len(labels))
    names = ("precision", "recall", "f1", "support")
    rows = [
        [label, *(number_text(float(columns[name][index])) for name in names)] for index, label in enumerate(labels)
    ]
    table = wide(html_table(["class", *names], rows, numbers=(1, 2, 3, 4)))
    return table if len(rows) <= MOST_CLASSES else details(f"Each of the {len(rows)} classes", table)
