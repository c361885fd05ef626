"""Networks inside scikit-learn: pipelines, cross-validation and grid search."""

import tempfile
from pathlib import Path

from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from nnlite import NNClassifier, NNRegressor, load_model

# The estimators standardise by themselves, so a raw table will do.
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
scores = cross_val_score(NNClassifier(epochs=50, random_state=0), X, y, cv=5)
print(f"breast cancer: accuracy {scores.mean():.3f} +- {scores.std():.3f}")

# In a pipeline, with a column of text labels.
X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1: "one", 2: "other"})
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=42)
columns = make_column_transformer((OneHotEncoder(drop="if_binary"), ["sex"]), remainder="passthrough")
network = NNRegressor(early_stopping=True, random_state=0)
pipeline = make_pipeline(columns, network)

# Every parameter can be searched, the layers too: a list takes the place of hidden_layer_sizes.
normalized = [{"Dense": {"units": 32}}, "BatchNormalization", "ReLU"]
grid = {
    "nnregressor__layers": [None, normalized],
    "nnregressor__learning_rate": [0.001, 0.01],
}
search = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)
print("diabetes: best parameters", search.best_params_)
print(f"diabetes: test R2 {search.score(X_test, y_test):.3f}")

# Behind an estimator stands a Sequential that scales its inputs and answers in the units of y.
best = search.best_estimator_[-1]
best.model_.summary()
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "diabetes.safetensors"
    best.model_.save(path)
    again = load_model(path)
row = search.best_estimator_[:-1].transform(X_test[:1])
print("predicted", again.predict(row, verbose=0).ravel().round(1), "true", y_test[:1].to_numpy())
