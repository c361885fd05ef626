"""The metrics of Keras 3 beside those of `test_metrics`: each with data and what it must give."""

import numpy as np
from sklearn import metrics as reference

from nnlite import metrics

random = np.random.default_rng(11)
ROWS = 60
BITS = random.integers(0, 2, (ROWS, 3)).astype(float)
CHANCES = np.clip(BITS + random.normal(0, 0.6, BITS.shape), 0.01, 0.99)
GRID = np.round(CHANCES * 198) / 199 + 0.0012  # strictly between the 200 thresholds
NUMBERS = random.uniform(0.2, 3, (ROWS, 3))
OTHERS = NUMBERS + random.normal(0, 0.1, NUMBERS.shape)
SIGNS = np.sign(BITS - 0.5)
LABELS = random.integers(0, 4, ROWS)
ONE_HOT = np.eye(4)[LABELS]
SCORES = random.normal(size=(ROWS, 4)) + ONE_HOT
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(-1, keepdims=True)
CHOSEN = SCORES.argmax(-1)
WEIGHTS = random.uniform(0.1, 2, ROWS)


def mean(values):
    """What a mean over samples of these values is."""
    return lambda weight: np.average(values.reshape(ROWS, -1).mean(1), weights=weight)


def flat(score, y_true=BITS, y_pred=CHANCES > 0.5, **options):
    """A score of scikit-learn over all entries."""

    def value(weight):
        each = None if weight is None else np.repeat(weight, y_true.size // ROWS)
        return score(y_true.ravel(), y_pred.ravel(), sample_weight=each, **options)

    return value


def count(actual, predicted):
    return flat(
        lambda t, p, sample_weight: (
            ((t == actual) & (p == predicted)) @ (np.ones(t.size) if sample_weight is None else sample_weight)
        )
    )


def rate(of, where, least):
    """The largest rate at the 200 thresholds where another is large enough."""

    def value(weight):
        each = np.ones(BITS.size) if weight is None else np.repeat(weight, 3)
        best = 0.0
        for limit in np.arange(200) / 199:
            above, positive = GRID.ravel() > limit, BITS.ravel() == 1
            tp, fp = each @ (above & positive), each @ (above & ~positive)
            fn, tn = each @ (~above & positive), each @ (~above & ~positive)
            rates = {"recall": (tp, tp + fn), "specificity": (tn, tn + fp), "precision": (tp, tp + fp)}
            found = {name: part / whole if whole else 0.0 for name, (part, whole) in rates.items()}
            if found[where] >= least:
                best = max(best, found[of])
        return best

    return value


def f_scores(beta, average, chosen=None):
    chosen = np.eye(4)[CHOSEN] if chosen is None else chosen
    return lambda weight: reference.fbeta_score(
        ONE_HOT, chosen, beta=beta, average=average, sample_weight=weight, zero_division=0
    )


def overlap(y_true, y_pred, labels):
    return flat(reference.jaccard_score, y_true, y_pred, labels=labels, average="macro")


def correlation(function):
    return mean(np.array([function(t, p) for t, p in zip(NUMBERS, OTHERS, strict=True)]))


def concordance(t, p):
    return 2 * np.cov(t, p, ddof=0)[0, 1] / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)


def best_accuracy(k):
    return lambda weight: reference.top_k_accuracy_score(LABELS, SCORES, k=k, labels=range(4), sample_weight=weight)


def direction(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


cross = -np.log(SHARES[np.arange(ROWS), LABELS])
smooth = ONE_HOT * 0.8 + 0.05
hinge = np.maximum(1 - SIGNS * CHANCES, 0)
binary = -(BITS * np.log(CHANCES) + (1 - BITS) * np.log(1 - CHANCES))
others = ((1 - ONE_HOT) * SCORES).max(-1)

TABLE = [
    (metrics.Sum(), (NUMBERS[:, 0],), lambda weight: NUMBERS[:, 0] @ (np.ones(ROWS) if weight is None else weight)),
    (metrics.MeanMetricWrapper(metrics.mean_absolute_error), (NUMBERS, OTHERS), mean(np.abs(NUMBERS - OTHERS))),
    (
        metrics.SklearnMetric("f1_macro"),
        (LABELS, SHARES),
        lambda weight: reference.f1_score(LABELS, CHOSEN, average="macro", sample_weight=weight),
    ),
    (metrics.TruePositives(), (BITS, CHANCES), count(1, True)),
    (metrics.FalsePositives(), (BITS, CHANCES), count(0, True)),
    (metrics.TrueNegatives(), (BITS, CHANCES), count(0, False)),
    (metrics.FalseNegatives(), (BITS, CHANCES), count(1, False)),
    (metrics.Precision(), (BITS, CHANCES), flat(reference.precision_score)),
    (metrics.Precision(0.2), (BITS, CHANCES), flat(reference.precision_score, y_pred=CHANCES > 0.2)),
    (
        metrics.Recall(class_id=1),
        (BITS, CHANCES),
        lambda weight: reference.recall_score(BITS[:, 1], CHANCES[:, 1] > 0.5, sample_weight=weight),
    ),
    (metrics.Recall(), (BITS, CHANCES), flat(reference.recall_score)),
    (metrics.Recall(top_k=2), (ONE_HOT, SCORES), best_accuracy(2)),
    (metrics.AUC(), (BITS, GRID), flat(reference.roc_auc_score, y_pred=GRID)),
    (metrics.AUC(curve="PR", summation_method="minoring"), (BITS, CHANCES), None),
    (
        metrics.AUC(multi_label=True),
        (BITS, GRID),
        lambda weight: reference.roc_auc_score(BITS, GRID, average="macro", sample_weight=weight),
    ),
    (metrics.SensitivityAtSpecificity(0.7), (BITS, GRID), rate("recall", "specificity", 0.7)),
    (metrics.SpecificityAtSensitivity(0.7), (BITS, GRID), rate("specificity", "recall", 0.7)),
    (metrics.PrecisionAtRecall(0.7), (BITS, GRID), rate("precision", "recall", 0.7)),
    (metrics.RecallAtPrecision(0.7), (BITS, GRID), rate("recall", "precision", 0.7)),
    (metrics.FBetaScore("macro", 2.0), (ONE_HOT, SCORES), f_scores(2.0, "macro")),
    (metrics.FBetaScore("micro", 0.5, 0.3), (ONE_HOT, SHARES), f_scores(0.5, "micro", SHARES > 0.3)),
    (metrics.F1Score("weighted"), (ONE_HOT, SCORES), f_scores(1.0, "weighted")),
    (metrics.F1Score(dtype="float64"), (ONE_HOT, SCORES), f_scores(1.0, None)),
    (metrics.TopKCategoricalAccuracy(2), (ONE_HOT, SCORES), best_accuracy(2)),
    (metrics.SparseTopKCategoricalAccuracy(3), (LABELS, SCORES), best_accuracy(3)),
    (metrics.BinaryCrossentropy(), (BITS, CHANCES), mean(binary)),
    (metrics.BinaryCrossentropy(from_logits=True), (BITS, np.log(CHANCES / (1 - CHANCES))), mean(binary)),
    (metrics.CategoricalCrossentropy(), (ONE_HOT, SHARES), mean(cross)),
    (metrics.CategoricalCrossentropy(label_smoothing=0.2), (ONE_HOT, SHARES), mean(-(smooth * np.log(SHARES)).sum(-1))),
    (metrics.SparseCategoricalCrossentropy(), (LABELS, SHARES), mean(cross)),
    (metrics.SparseCategoricalCrossentropy(from_logits=True), (LABELS, SCORES), mean(cross)),
    (metrics.Hinge(), (SIGNS, CHANCES), mean(hinge)),
    (metrics.SquaredHinge(), (SIGNS, CHANCES), mean(hinge**2)),
    (metrics.CategoricalHinge(), (ONE_HOT, SCORES), mean(np.maximum(others - (ONE_HOT * SCORES).sum(-1) + 1, 0))),
    (metrics.KLDivergence(), (smooth, SHARES), mean((smooth * np.log(smooth / SHARES)).sum(-1))),
    (metrics.Poisson(), (NUMBERS, OTHERS), mean(OTHERS - NUMBERS * np.log(OTHERS + 1e-7))),
    (metrics.CosineSimilarity(), (NUMBERS, OTHERS), mean((direction(NUMBERS) * direction(OTHERS)).sum(-1))),
    (metrics.LogCoshError(), (NUMBERS, OTHERS), mean(np.log(np.cosh(NUMBERS - OTHERS)))),
    (
        metrics.MeanAbsolutePercentageError(),
        (NUMBERS, OTHERS),
        lambda weight: 100 * reference.mean_absolute_percentage_error(NUMBERS, OTHERS, sample_weight=weight),
    ),
    (
        metrics.MeanSquaredLogarithmicError(),
        (NUMBERS, np.abs(OTHERS)),
        lambda weight: reference.mean_squared_log_error(NUMBERS, np.abs(OTHERS), sample_weight=weight),
    ),
    (metrics.PearsonCorrelation(), (NUMBERS, OTHERS), correlation(lambda t, p: np.corrcoef(t, p)[0, 1])),
    (metrics.ConcordanceCorrelation(), (NUMBERS, OTHERS), correlation(concordance)),
    (metrics.IoU(4, [0, 2]), (LABELS, CHOSEN), overlap(LABELS, CHOSEN, [0, 2])),
    (metrics.MeanIoU(4), (LABELS, CHOSEN), overlap(LABELS, CHOSEN, [0, 1, 2, 3])),
    (metrics.OneHotIoU(4, [1, 3]), (ONE_HOT, SCORES), overlap(LABELS, CHOSEN, [1, 3])),
    (metrics.OneHotMeanIoU(4), (ONE_HOT, SCORES), overlap(LABELS, CHOSEN, [0, 1, 2, 3])),
    (metrics.BinaryIoU([0, 1], 0.4), (BITS, CHANCES), overlap(BITS, (CHANCES >= 0.4).astype(float), [0, 1])),
]
