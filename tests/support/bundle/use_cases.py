"""A second use case, made as its page says: the shop of the tests. And what a use case would deploy by name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

from bundle.offline import NAMES, ROOT, Deployment, texts

PAGE = ROOT / "use_cases" / "README.md"
SHARED = ("databricks.yml", "environments.yml", "resources")
GROUP = re.compile(r"levelfive-[\w-]+-(?:operators|approvers|viewers|suppliers|releasers)")


def add_bundle(root: Path, text: str | None = None) -> Path:
    """Add the bundle of the shop to a copy of the project.

    Args:
        root: The copy's root; what use cases share is copied there if it is not yet.
        text: What its databricks.yml holds, if not what the page says.

    Returns:
        The folder of its databricks.yml.
    """
    for name in SHARED:
        if not (root / name).exists():
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, root / name)
    folder = root / "use_cases" / "shop"
    folder.mkdir(parents=True)
    (folder / "databricks.yml").write_text(text or _on_the_page(), encoding="utf-8")
    return folder


def add_package(root: Path) -> None:
    """Add the package of the shop to a copy of the project, and name it in its pyproject.toml."""
    (root / "src" / "shop").mkdir()
    shutil.copy2(ROOT / "tests" / "support" / "shop.py", root / "src" / "shop" / "__init__.py")
    entry, path = re.findall(r'`(shop = "shop:USE_CASE"|"src/shop")`', PAGE.read_text(encoding="utf-8"))
    file = root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('flight_delay = "flight_delay:USE_CASE"', f'flight_delay = "flight_delay:USE_CASE"\n{entry}')
    file.write_text(text.replace('"src/flight_delay"]', f'"src/flight_delay", {path}]'), encoding="utf-8")


def label(kind: str, resource: dict[str, Any]) -> str:
    """Give a resource's name, with the catalog and the schema that it is in."""
    levels = ("catalog_name", "schema_name", NAMES[kind] or "name")
    return ".".join(resource[level] for level in levels if level in resource)


def places(deployed: Deployment) -> set[str]:
    """List what no other deployment may have too: names of resources, their folder and storage, and the groups."""
    resources = [(kind, one) for kind, found in deployed.resources.items() for one in found.values()]
    volumes = deployed.resources["volumes"].values()
    named = {f"{kind} {label(kind, one)}" for kind, one in resources}
    stored = {one["storage_location"] for one in volumes if "storage_location" in one}
    groups = {group for text in texts(deployed.resources) for group in GROUP.findall(text)}
    return named | stored | groups | {deployed.config["workspace"]["root_path"]}


def _on_the_page() -> str:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dedent(block)
