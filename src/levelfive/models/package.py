"""What a model version carries: the fitted estimator in MLflow's format, and all that is needed to use it.

Beside the MLflow model lies `levelfive.json`: features, lookups by logical table name, training window, table
versions, seed and environment; and `smoke.parquet`: a few rows with the scores that the model must give them, each
value to its last digit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from levelfive.errors import ConfigError, RegistryError
from levelfive.models.card import ModelCard
from levelfive.models.flavours import read_estimator, write_estimator
from levelfive.models.row_blocks import predict_each_alike
from levelfive.statistics.baseline import Baseline, profiled_as
from levelfive.statistics.categories import category_texts
from levelfive.statistics.tasks.task import Estimator

if TYPE_CHECKING:
    import numpy.typing as npt

CARD = "levelfive.json"
SMOKE = "smoke.parquet"
# As MLflow names what it makes of an input example.
EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
SMOKE_ROWS = 20
# Of a score, and of the greatest one: another processor adds in another order.
TOLERANCE, TOLERANCE_NEAR_0 = 1e-5, 1e-9
EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class Model:
    """A fitted estimator with its card."""

    estimator: Estimator
    card: ModelCard

    @cached_property
    def baseline(self) -> Baseline:
        """The profiles of its training set, which later windows are compared with.

        Raises:
            DataError: The card holds none.
        """
        return Baseline.from_json(self.card.baseline)

    def score(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score rows, see `Task.predict`; what one row gets does not depend on the others, to the last bit.

        Args:
            rows: The card's features in any order, among other columns.
        """
        features = feature_frame(rows, self.card.features, self.card.categorical)
        return predict_each_alike(partial(self.card.task.predict, self.estimator), self.estimator, features)


def feature_frame(rows: pd.DataFrame, features: tuple[str, ...], categorical: tuple[str, ...]) -> pd.DataFrame:
    """Take the features in their order: numbers as float64 with NaN, categories as text with None.

    Raises:
        ConfigError: A feature that is no category holds something else than numbers.
    """
    columns = {name: category_texts(rows[name]) if name in categorical else _numbers(rows[name]) for name in features}
    return pd.DataFrame(columns, index=rows.index)


def _numbers(values: pd.Series) -> pd.Series:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as err:
        raise ConfigError(
            f"the feature {values.name} holds something else than the numbers that the model asks for: {err}. Look at "
            "its type in the feature table, or name it among the model's categories"
        ) from err


def frame_of_scores(model: Model, reference: Model | None, rows: pd.DataFrame) -> pd.DataFrame:
    """Score rows with a model, and with a reference of the same task beside it, whose scores are null where it is None.

    Returns:
        The task's score columns, then its reference columns.
    """
    task = model.card.task
    ours = pd.DataFrame(task.by_column(model.score(rows)))
    theirs = None if reference is None else task.by_column(reference.score(rows)).values()
    beside = dict(zip(task.reference_columns, theirs or [None] * len(task.score_columns), strict=True))
    return ours.assign(**beside).astype("float64")


def save(model: Model, example: pd.DataFrame, folder: Path) -> None:
    """Write a model package.

    Args:
        model: What to write.
        example: A few rows of features, kept as input example and for the smoke check.
        folder: A folder that does not exist yet.

    Raises:
        RegistryError: The estimator cannot be pickled, and names no flavour.
    """
    rows = feature_frame(example.head(SMOKE_ROWS), model.card.features, model.card.categorical)
    scores = model.score(rows)
    write_estimator(
        model.estimator,
        folder,
        predict_method=model.card.task.predict_method,
        signature=infer_signature(rows, scores),
        input_example=rows.head(EXAMPLE_ROWS),
        pip_requirements=[f"{name}=={version}" for name, version in model.card.requirements.items()],
    )
    (folder / CARD).write_text(model.card.to_json())
    (folder / "baseline.json").write_text(model.card.baseline)
    with_scores(model, rows).to_parquet(folder / SMOKE, index=False)


def with_scores(model: Model, rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows of a `feature_frame` the scores of a model, in `profiled_as` columns."""
    columns = {profiled_as(name): of_column for name, of_column in model.card.task.by_column(model.score(rows)).items()}
    return rows.assign(**columns)


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model package.

    Raises:
        RegistryError: The folder holds no such package.
    """
    try:
        return ModelCard.from_json((folder / CARD).read_text())
    except (OSError, KeyError, ValueError) as err:
        raise _no_package(folder, err) from err


def load(folder: Path) -> Model:
    """Read a model package.

    Raises:
        RegistryError: The folder holds no such package, or what the estimator is made of is not installed.
    """
    card = read_card(folder)
    try:
        estimator = read_estimator(folder)
    except (ImportError, AttributeError) as err:
        raise _not_installed(folder, card, err) from err
    except (OSError, KeyError, ValueError) as err:
        if isinstance(err, OSError) and err.errno is None:  # a library of the system, which a wheel needs, is not there
            raise _not_installed(folder, card, err) from err
        raise _no_package(folder, err) from err
    if estimator is None:
        raise RegistryError(f"MLflow loaded nothing from {folder}: check that SQLAlchemy is older than 2.1")
    return Model(estimator, card)


def _not_installed(folder: Path, card: ModelCard, err: Exception) -> RegistryError:
    own = f"{card.code.distribution} {card.code.version}".strip() or f"the package of use case {card.use_case}"
    packages = ", ".join((folder / "requirements.txt").read_text().split())
    return RegistryError(
        f"the estimator is made of something that is not installed here ({err}): install what it was made with, "
        f"{packages} and {own}"
    )


def _no_package(folder: Path, err: Exception) -> RegistryError:
    return RegistryError(f"{folder} holds no model package ({err}); register the version again")


def digest(folder: Path) -> str:
    """Hash a package: the names and bytes of its files, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def smoke_check(folder: Path) -> None:
    """Load a package and compare its scores of the smoke rows with those at training.

    Raises:
        RegistryError: A score differs.
    """
    rows = smoke_rows(folder)
    check_scores(load(folder), rows)


def check_scores(model: Model, smoke: pd.DataFrame) -> None:
    """Compare a model's scores of its `smoke_rows` with those at training.

    Raises:
        RegistryError: A score differs.
    """
    if differs := _difference(model, smoke):
        raise RegistryError(
            f"the model scores its smoke rows differently ({differs}) than when it was trained: the environment or the "
            "artefact is not the same"
        )


def check_repeats(folder: Path) -> None:
    """Load a package that was just written, and refuse a model that is not the same after it was written and read.

    Raises:
        RegistryError: It scores its own smoke rows differently.
    """
    rows = smoke_rows(folder)
    if differs := _difference(load(folder), rows):
        raise RegistryError(
            f"the model cannot repeat its own scores once it is written and read ({differs}): look for what its "
            "estimator draws at random, or keeps outside of itself, when it predicts"
        )


def smoke_rows(folder: Path) -> pd.DataFrame:
    """Read the rows that a package is checked by: the features, and in `profiled_as` columns the scores.

    Raises:
        RegistryError: It holds none.
    """
    try:
        return pd.read_parquet(folder / SMOKE)
    except (OSError, ValueError) as err:
        raise RegistryError(f"{folder} holds no smoke rows ({err}); register the version again") from err


def replace_examples(folder: Path, rows: pd.DataFrame) -> tuple[str, ...]:
    """Let a package have other smoke rows, and its input examples be the first of them.

    Args:
        folder: Holds the package.
        rows: As `smoke_rows` reads them, scores included; at least one.

    Returns:
        The names of the files that are others now, those by which the rows are found last.

    Raises:
        RegistryError: The folder holds no package, or the model scores these rows differently.
    """
    card = read_card(folder)
    rows.to_parquet(folder / SMOKE, index=False)
    examples = rows[list(card.features)].head(EXAMPLE_ROWS).to_json(orient="split", index=False, double_precision=15)
    example = json.loads(examples)
    (folder / EXAMPLE).write_text(json.dumps(example))
    (folder / SERVING_EXAMPLE).write_text(json.dumps({"dataframe_split": example}, indent=2))
    check_repeats(folder)
    return (EXAMPLE, SERVING_EXAMPLE, SMOKE)


def _difference(model: Model, smoke: pd.DataFrame) -> str:
    """Say how the scores of the smoke rows differ; empty where they do not."""
    task, came = model.card.task, model.score(smoke)
    expected = task.of_columns(smoke[[profiled_as(name) for name in task.score_columns]])
    near_0 = TOLERANCE_NEAR_0 * np.abs(expected).max(initial=0.0)
    if np.allclose(came, expected, rtol=TOLERANCE, atol=near_0):
        return ""
    worst = int(np.argmax(np.abs(came - expected)))
    return f"such as {came.flat[worst]:.6g} instead of {expected.flat[worst]:.6g}"
