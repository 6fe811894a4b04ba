"""The `levelfive` command, run in the process of the test and with its Spark."""

import sys
from pathlib import Path

import pytest

from levelfive.cli.main import main


def run(home: Path, *arguments: str) -> int:
    """Run a command on a home; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["levelfive", "--home", str(home), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)
