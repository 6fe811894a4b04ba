"""Which levelfive runs."""

from importlib.metadata import PackageNotFoundError, version

NOT_INSTALLED = "source"


def installed_version() -> str:
    """Tell the version of the wheel that is installed; in a Git folder, where none is, that the source runs."""
    try:
        return version("levelfive")
    except PackageNotFoundError:
        return NOT_INSTALLED
