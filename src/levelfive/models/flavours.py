"""How a fitted estimator is written and read: pickled by `mlflow.sklearn`, or by the MLflow flavour that it names.

A flavour is a module with `save_model` and `load_model`: one of MLflow's, or one of a team's own, as MLflow describes
custom flavours. A package is read by the module that its own `MLmodel` file names.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pickle import PickleError
from typing import TYPE_CHECKING, Any

from mlflow.models import Model as MLmodel

from levelfive.errors import RegistryError

if TYPE_CHECKING:
    from levelfive.statistics.tasks.task import Estimator

NAMED_BY = "mlflow_flavour"
"""The attribute by which an estimator names the module that writes and reads it."""
_PICKLED = "mlflow.sklearn"


def write_estimator(estimator: Estimator, folder: Path, *, predict_method: str, **about: Any) -> None:
    """Write an estimator as an MLflow model.

    Args:
        estimator: A fitted one.
        folder: A folder that does not exist yet.
        predict_method: What the model as a pyfunc calls; of the flavour alone that pickles: others have their own.
        about: Signature, input example and requirements, as each flavour's `save_model` takes them.

    Raises:
        RegistryError: It cannot be pickled, and names no flavour.
    """
    flavour = getattr(estimator, NAMED_BY, _PICKLED)
    if flavour != _PICKLED:
        import_module(flavour).save_model(estimator, str(folder), **about)
        return
    try:
        import_module(_PICKLED).save_model(estimator, str(folder), pyfunc_predict_fn=predict_method, **about)
    except (PickleError, AttributeError, NotImplementedError, TypeError, ValueError) as err:
        raise RegistryError(
            f"an estimator of {type(estimator).__name__} cannot be pickled ({err}): let its attribute {NAMED_BY} name "
            "the module whose save_model and load_model keep it, such as mlflow.xgboost or one of yours"
        ) from err


def read_estimator(folder: Path) -> Any:
    """Read an estimator by the flavour that wrote it.

    Raises:
        ImportError: A module that it needs is not installed.
        OSError, KeyError, ValueError: The folder holds no model.
    """
    flavours = MLmodel.load(str(folder)).flavors
    flavour = flavours.get("python_function", {}).get("loader_module", _PICKLED)
    return import_module(flavour).load_model(str(folder))
