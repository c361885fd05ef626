"""Training on a raw table
=======================

Text, missing values and dates: fit, evaluate, explain, save, and load for prediction.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score

from nnlite import NNRegressor, load_model

# 400 flats that were advertised: what does one cost a month?
random = np.random.default_rng(0)
flats = pd.DataFrame(
    {
        "area": random.uniform(20, 150, 400).round(),
        "city": random.choice(["Basel", "Bern", "Chur"], 400),
        "quarter": random.choice([f"quarter {number}" for number in range(1, 13)], 400),
        "balcony": random.random(400) < 0.4,
        "advertised": pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 700, 400), "D"),
    }
)
days = (flats["advertised"] - flats["advertised"].min()).dt.days
by_quarter = 30 * flats["quarter"].str.split().str[1].astype(int)
rent = 300 + 18 * flats["area"] + 400 * (flats["city"] == "Bern") + by_quarter + 0.3 * days
rent += 150 * flats["balcony"] + random.normal(0, 40, 400)
flats.loc[::9, "area"] = np.nan
flats.loc[4::30, "city"] = None
known, new = flats[:360], flats[360:]

# Nothing to prepare: columns of text and dates are read as such, and gaps stay. Shorter than by default, to be quick.
scores = cross_val_score(NNRegressor(epochs=30, n_members=1, random_state=0), known, rent[:360], cv=3)
print(f"one network, on three folds: R2 {scores.mean():.3f} +- {scores.std():.3f}")

model = NNRegressor(epochs=30, random_state=0).fit(known, rent[:360])
print(f"{model.n_members_} networks, on new flats: R2 {model.score(new, rent[360:]):.3f}")
print(
    f"on known flats, by the network that did not learn from them: R2 {r2_score(rent[:360], model.oof_prediction_):.3f}"
)

# How far the networks disagree: more where a flat is unlike all others, or where its area is not known.
rents, spread = model.predict(new, return_std=True)
gap = new["area"].isna()
print(f"they differ by {spread[~gap].mean():.0f} francs, by {spread[gap].mean():.0f} where the area is not known")

# Francs per square metre and per day; for text and booleans, by how much other values would change the rent.
print(model.sensitivities(known).round(2))

# One file holds the networks and how a table is read: raw rows go in, gaps and a quarter never seen among them.
with tempfile.TemporaryDirectory() as folder:
    model.model_.save(Path(folder) / "rents.safetensors")
    again = load_model(Path(folder) / "rents.safetensors")
print("the same from the file:", np.array_equal(again.predict(new, verbose=0).ravel(), rents))
mine = {"area": 64, "city": "Bern", "quarter": "quarter 99", "balcony": None, "advertised": pd.Timestamp("2024-06-01")}
print("my flat:", again.predict([mine], verbose=0).round().item())
