"""Networks in scikit-learn
========================

Cross-validation, pipelines and grid search.
"""

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from nnlite import NNClassifier, NNRegressor, load_model

# The estimators scale their columns themselves, so a raw table will do. One network is quicker than the usual ones.
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
scores = cross_val_score(NNClassifier(n_members=1, random_state=0), X, y, cv=5)
print(f"breast cancer: accuracy {scores.mean():.3f} +- {scores.std():.3f}")


# In a pipeline, behind a column that is worth adding; text stays text.
def with_ratio(X):
    return X.assign(sex=X["sex"].map({1: "one", 2: "other"}), ratio=X["s1"] / X["s3"])


X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=42)
network = NNRegressor(n_members=1, epochs=30, random_state=0)
pipeline = make_pipeline(FunctionTransformer(with_ratio), network)

# Every parameter can be searched, the layers too: a list takes the place of hidden_layer_sizes.
own = [{"Dense": {"units": 64, "activation": "gelu"}}, {"Dropout": {"rate": 0.1}}]
grid = [{"nnregressor__hidden_layer_sizes": [(32, 32), (128, 128, 128)]}, {"nnregressor__layers": [own]}]
search = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)
print("diabetes: best parameters", search.best_params_)

# With what was found, five networks: their average is better, and they say where they disagree.
best = search.best_estimator_.set_params(nnregressor__n_members=5).fit(X_train, y_train)
print(f"diabetes: test R2 {best.score(X_test, y_test):.3f}, of one network {search.score(X_test, y_test):.3f}")

# Behind an estimator stands a Sequential that scales its inputs and answers in the units of y.
model = best[-1].model_
model.summary()
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "diabetes.safetensors"
    model.save(path)
    again = load_model(path)
row = best[:-1].transform(X_test[:1])
print("predicted", again.predict(row, verbose=0).ravel().round(1), "true", y_test[:1].to_numpy())
