"""An MLflow flavour of a team's own: how the estimator below, which cannot be pickled, is written and read."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import pyfunc

FILE = "lines.db"


class InDatabase:
    """A line whose coefficients are in a database."""

    mlflow_flavour = "own_flavour"

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:")

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "InDatabase":
        solution = np.linalg.lstsq(np.column_stack((X, np.ones(len(X)))), y, rcond=None)[0]
        self.database.execute("CREATE TABLE lines (place INTEGER, value REAL)")
        self.database.executemany("INSERT INTO lines VALUES (?, ?)", enumerate(solution.tolist()))
        self.database.commit()
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        *slopes, start = [value for (value,) in self.database.execute("SELECT value FROM lines ORDER BY place")]
        return X.to_numpy() @ np.array(slopes) + start


def save_model(estimator: InDatabase, path: str, **about: Any) -> None:
    """Write the database beside what MLflow writes itself."""
    pyfunc.save_model(path, loader_module=__name__, **about)
    with sqlite3.connect(Path(path) / FILE) as file:
        estimator.database.backup(file)
    file.close()


def load_model(path: str) -> InDatabase:
    """Read the estimator."""
    estimator = InDatabase()
    with sqlite3.connect(Path(path) / FILE) as file:
        file.backup(estimator.database)
    file.close()
    return estimator


def _load_pyfunc(path: str) -> InDatabase:
    return load_model(path)
