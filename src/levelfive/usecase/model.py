"""The model of a use case: its task, its features, and how its estimator is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature

from levelfive.errors import ConfigError
from levelfive.statistics.tasks.task import Estimator, Task
from levelfive.usecase.features import Lookup

OWN_PARAMETERS = "levelfive."
"""Begins the names of what a training records beside the parameters of the use case, none of which may begin so."""


@dataclass(frozen=True)
class ModelSpec:
    """The model's recipe.

    Args:
        task: What the model predicts, such as `BINARY` or `REGRESSION`.
        spine_features: Columns of the spine that are features themselves.
        lookups: Features read as of the prediction time.
        categorical: Those features that are categories; all others are numbers. The estimator gets them as text, see
            `levelfive.statistics.categories`.
        build: From (numeric columns, categorical columns, seed), an unfitted estimator. If it has an argument named
            `parameters`, it gets those too.
        parameters: What `build` is told to use: what is recorded is what was built.
        seed: Makes a training repeatable.

    Raises:
        ConfigError: There are parameters, and `build` does not take them.
    """

    task: Task
    spine_features: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    categorical: tuple[str, ...]
    build: Callable[..., Estimator]
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse parameters that would be recorded and not used."""
        if self.parameters and not _takes_parameters(self.build):
            raise ConfigError(
                f"parameters are recorded but build does not take them, got {', '.join(self.parameters)}: give build a "
                "fourth argument named parameters, or leave them out of the ModelSpec"
            )

    def estimator(self) -> Estimator:
        """Build the unfitted estimator."""
        numeric = [name for name in self.features if name not in self.categorical]
        arguments = {"parameters": dict(self.parameters)} if _takes_parameters(self.build) else {}
        return self.build(numeric, list(self.categorical), self.seed, **arguments)

    def without(self, *groups: str) -> ModelSpec:
        """Leave out the lookups of some groups.

        Raises:
            ConfigError: No lookup has such a group.
        """
        groups_there = {lookup.group for lookup in self.lookups} - {""}
        for group in groups:
            if group not in groups_there:
                raise ConfigError(
                    f"there is no feature group {group!r}; known are {', '.join(sorted(groups_there)) or 'none'}"
                )
        lookups = tuple(lookup for lookup in self.lookups if lookup.group not in groups)
        features_gone = {name for lookup in self.lookups if lookup.group in groups for name in lookup.features}
        return ModelSpec(
            task=self.task,
            spine_features=self.spine_features,
            lookups=lookups,
            categorical=tuple(name for name in self.categorical if name not in features_gone),
            build=self.build,
            parameters=self.parameters,
            seed=self.seed,
        )

    @property
    def features(self) -> tuple[str, ...]:
        """All feature names in the order in which the model takes them."""
        return self.spine_features + tuple(name for lookup in self.lookups for name in lookup.features)


def _takes_parameters(build: Callable[..., Estimator]) -> bool:
    try:
        return "parameters" in signature(build).parameters
    except (TypeError, ValueError):  # a built-in one says nothing of its arguments
        return False
