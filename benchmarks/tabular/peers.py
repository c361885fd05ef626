"""The models with their defaults, and what a user of each has to do to a table before it is taken.

nnlite takes the table as it is. Tree libraries take text as categories; linear models and scikit-learn's networks need
gaps filled, numbers standardised and text one-hot encoded; CatBoost and the PyTorch networks need the gaps in text
named, the latter those in numbers filled too. Whatever is learned for that is learned from training rows alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

GAP = "missing"  # as text


@dataclass(frozen=True)
class Task:
    """What a model is made for: the kind of target, the columns of text, those of numbers, and the seed."""

    classes: bool
    texts: list[str]
    numbers: list[str]
    seed: int

    @classmethod
    def of(cls, kind: str, X: "pd.DataFrame", seed: int) -> "Task":
        numbers = list(X.select_dtypes("number"))
        return cls(kind == "classes", [name for name in X if name not in numbers], numbers, seed)


@dataclass(frozen=True)
class Peer:
    """A model to compare: its title, the module and the distribution it comes from, and how it is made for a task."""

    title: str
    module: str
    distribution: str
    make: Callable[[Task], Any]


class Prepared:
    """A model behind a table in the form that its library takes, which `learn` settles from the training rows."""

    def __init__(self, task: Task, model: Any, **fit_options: Any) -> None:
        self.task = task
        self.model = model
        self.fit_options = fit_options

    def learn(self, X: "pd.DataFrame") -> None:
        """Keep what the form depends on."""

    def form(self, X: "pd.DataFrame") -> "pd.DataFrame":
        """The table as the library takes it."""
        raise NotImplementedError

    def fit(self, X: "pd.DataFrame", y: np.ndarray) -> "Prepared":
        self.learn(X)
        self.model.fit(self.form(X), y, **self.fit_options)
        return self

    def predict(self, X: "pd.DataFrame") -> np.ndarray:
        return self.model.predict(self.form(X))

    def predict_proba(self, X: "pd.DataFrame") -> np.ndarray:
        return self.model.predict_proba(self.form(X))


class AsCategories(Prepared):
    """Text as pandas categories, those of the training rows; gaps stay gaps."""

    def learn(self, X):
        self.levels = {name: sorted(X[name].dropna().unique()) for name in self.task.texts}

    def form(self, X):
        import pandas as pd

        known = {name: X[name].where(X[name].isin(levels)) for name, levels in self.levels.items()}
        return X.assign(**{name: pd.Categorical(known[name], categories=self.levels[name]) for name in known})


class GapsNamed(Prepared):
    """Text whose gaps have a name; numbers as they are."""

    def form(self, X):
        return X.assign(**{name: X[name].fillna(GAP).astype(str) for name in self.task.texts})


class GapsFilled(GapsNamed):
    """The same, and the gaps of numbers filled with the medians of the training rows."""

    def learn(self, X):
        self.medians = X[self.task.numbers].median()

    def form(self, X):
        return super().form(X.assign(**X[self.task.numbers].astype(float).fillna(self.medians)))


def encoded(task: Task, model: Any) -> Any:
    """`model` behind what a scikit-learn user writes: gaps filled, numbers standardised, text one-hot encoded."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(ColumnTransformer([("n", numbers, task.numbers), ("t", texts, task.texts)]), model)


def linear(task: Task) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return encoded(task, LogisticRegression(max_iter=1000) if task.classes else Ridge())


def scikit_learn_mlp(task: Task) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    if task.classes:
        return encoded(task, MLPClassifier(random_state=task.seed))
    # Prices as they are would not train at all.
    inner = TransformedTargetRegressor(MLPRegressor(random_state=task.seed), transformer=StandardScaler())
    return encoded(task, inner)


def hist_gradient_boosting(task: Task) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task.classes else HistGradientBoostingRegressor
    return AsCategories(task, kind(random_state=task.seed))


def lightgbm(task: Task) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if task.classes else LGBMRegressor
    return AsCategories(task, kind(random_state=task.seed, n_jobs=1, verbose=-1))


def xgboost(task: Task) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if task.classes else XGBRegressor
    return AsCategories(task, kind(random_state=task.seed, n_jobs=1, enable_categorical=True))


def catboost(task: Task) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostClassifier if task.classes else CatBoostRegressor
    model = kind(random_seed=task.seed, verbose=0, thread_count=1, allow_writing_files=False)
    return GapsNamed(task, model, cat_features=task.texts)


def pytabkit(name: str) -> Callable[[Task], Any]:
    """A network of pytabkit, on one thread of the processor."""

    def make(task: Task) -> Any:
        import pytabkit

        kind = getattr(pytabkit, f"{name}_{'Classifier' if task.classes else 'Regressor'}")
        model = kind(device="cpu", random_state=task.seed, n_threads=1, verbosity=0)
        return GapsFilled(task, model, cat_col_names=task.texts)

    return make


def nnlite(**options: Any) -> Callable[[Task], Any]:
    """nnlite's estimators, given the table as it is."""

    def make(task: Task) -> Any:
        from nnlite import NNClassifier, NNRegressor

        return (NNClassifier if task.classes else NNRegressor)(random_state=task.seed, **options)

    return make


PEERS = {
    "linear": Peer("linear", "sklearn", "scikit-learn", linear),
    "histgb": Peer("HistGradientBoosting", "sklearn", "scikit-learn", hist_gradient_boosting),
    "lightgbm": Peer("LightGBM", "lightgbm", "lightgbm", lightgbm),
    "xgboost": Peer("XGBoost", "xgboost", "xgboost", xgboost),
    "catboost": Peer("CatBoost", "catboost", "catboost", catboost),
    "realmlp": Peer("RealMLP-TD", "pytabkit", "pytabkit", pytabkit("RealMLP_TD")),
    "tabm": Peer("TabM", "pytabkit", "pytabkit", pytabkit("TabM_D")),
    "mlp": Peer("scikit-learn's MLP", "sklearn", "scikit-learn", scikit_learn_mlp),
    "nnlite_one": Peer("nnlite, one network", "nnlite", "nnlite", nnlite(n_members=1)),
    "nnlite": Peer("nnlite", "nnlite", "nnlite", nnlite()),
}
