"""What `databricks.yml`, with what it includes, says of one target: its workspace, its mode, its variables' values.

The Databricks CLI resolves the bundle as a whole, but `databricks bundle validate` asks the workspace, and fails where
the identity or what a `lookup` names is not there: what preflight is to say, beside all else. So only what needs
neither the CLI nor a workspace is read here; a value that needs one of them says so when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import yaml

from levelfive.errors import ConfigError

VARIABLE_OF_ENVIRONMENT = "BUNDLE_VAR_"
SUBSTITUTION = re.compile(r"\$\{([^{}]+)\}")
DEEPEST_SUBSTITUTION = 8
SHORT_NAME = "${workspace.current_user.short_name}"
DEVELOPMENT_PREFIX = f"[dev {SHORT_NAME}] "


@dataclass(frozen=True)
class Target:
    """One target of the bundle.

    Attributes:
        name: Its name, such as prod.
        bundle: Name of the bundle, which is its use case's.
        host: Address of its workspace, if the file says so.
        profile: Profile that the CLI would use, if the file says so.
        mode: development, production, or empty.
        name_prefix: What the CLI puts before the names of resources; it may hold SHORT_NAME.
        values: Its variables, as the CLI would see them.
    """

    name: str
    bundle: str
    host: str | None
    profile: str | None
    mode: str
    name_prefix: str
    values: Mapping[str, str]

    def value(self, name: str) -> str:
        """Return the value of a variable; empty if it has none.

        Raises:
            ConfigError: The bundle has no such variable, or only the CLI can resolve its value.
        """
        if name not in self.values:
            raise ConfigError(f"the bundle has no variable {name}")
        text = self.values[name]
        if SUBSTITUTION.search(text):
            raise ConfigError(
                f"variable {name} is {text!r}, which only the Databricks CLI resolves: say --var {name}=VALUE"
            )
        return text


def read_target(
    path: Path, name: str, *, environment: Mapping[str, str] | None = None, options: Iterable[str] = ()
) -> Target:
    """Read one target of a bundle.

    Args:
        path: The `databricks.yml` of a use case.
        name: The target.
        environment: Environment variables; `BUNDLE_VAR_<name>` wins over the file, as it does for the CLI.
        options: Variables as name=value, which win over both.

    Raises:
        ConfigError: A file is missing or no bundle, there is no such target, or no such variable.
    """
    bundle = _read_all(path)
    targets = _mapping(bundle.get("targets"))
    if name not in targets:
        raise ConfigError(f"{path} has no target {name!r}; it has: {', '.join(sorted(targets)) or 'none'}")
    target, declarations = _mapping(targets[name]), _mapping(bundle.get("variables"))
    texts = {
        **_defaults(declarations),
        **{key: _value(value) for key, value in _mapping(target.get("variables")).items()},
        **{key: value for key in declarations if (value := (environment or {}).get(VARIABLE_OF_ENVIRONMENT + key))},
        **dict(_pair(option, declarations) for option in options),
    }
    bundle_names = {"bundle.target": name, "bundle.name": _text(_mapping(bundle.get("bundle")).get("name"))}
    workspace = {**_mapping(bundle.get("workspace")), **_mapping(target.get("workspace"))}
    presets = {**_mapping(bundle.get("presets")), **_mapping(target.get("presets"))}
    usual = DEVELOPMENT_PREFIX if target.get("mode") == "development" else ""
    names = {f"var.{key}": value for key, value in texts.items()} | bundle_names
    return Target(
        name=name,
        bundle=bundle_names["bundle.name"],
        host=_resolve(_text(workspace.get("host")), names) or None,
        profile=_resolve(_text(workspace.get("profile")), names) or None,
        mode=_text(target.get("mode")),
        name_prefix=_resolve(_text(presets.get("name_prefix")), names) or usual,
        values={key: _resolve(value, names) for key, value in texts.items()},
    )


def _read_all(path: Path) -> dict[str, object]:
    """Read a bundle's file and those that it includes; as for the CLI, a value of a later file wins."""
    bundle = _read(path)
    includes = bundle.get("include")
    for pattern in includes if isinstance(includes, list) else ():
        for file in sorted(glob(str(path.parent / str(pattern)))):
            bundle = _merged(bundle, _read(Path(file)))
    return bundle


def _merged(first: dict[str, object], second: dict[str, object]) -> dict[str, object]:
    both = {
        key: _merged(_mapping(first[key]), _mapping(value))
        for key, value in second.items()
        if isinstance(value, dict) and isinstance(first.get(key), dict)
    }
    return {**first, **second, **both}


def _read(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise ConfigError(f"there is no {path}: run this in the bundle's folder, or name the file (--bundle)") from err
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} cannot be read: {err}") from err
    except yaml.YAMLError as err:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(err).split())}") from err
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a bundle's keys and values, it holds {type(content).__name__}")
    return content


def _defaults(declarations: Mapping[str, object]) -> dict[str, str]:
    return {name: _value(_mapping(one)) for name, one in declarations.items()}


def _pair(option: str, declarations: Mapping[str, object]) -> tuple[str, str]:
    name, is_pair, value = option.partition("=")
    if not is_pair or name not in declarations:
        raise ConfigError(f"--var: expected name=value with one of {', '.join(sorted(declarations))}; got {option!r}")
    return name, value


def _value(value: object) -> str:
    """Write the value of a variable as text; a lookup becomes a substitution, for only a workspace can answer it."""
    if not isinstance(value, dict):
        return _text(value)
    if (lookup := value.get("lookup")) is not None:
        sought = " ".join(f"{kind} {name}" for kind, name in _mapping(lookup).items())
        return f"${{lookup of {sought}}}"
    return _text(value.get("default"))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _resolve(text: str, names: Mapping[str, str]) -> str:
    for _ in range(DEEPEST_SUBSTITUTION):
        result = SUBSTITUTION.sub(lambda match: names.get(match[1], match[0]), text)
        if result == text:
            break
        text = result
    return text
