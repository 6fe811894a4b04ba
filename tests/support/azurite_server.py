"""Microsoft's own emulator of Azure Storage, for tests that compare it with the storage on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from azure.storage.blob import ContainerClient
from ports import free_port
from programs import install_packages, program

LOCK = Path(__file__).with_name("azurite")
# Of the emulator, everywhere the same, as Microsoft's pages have them.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azurite(folder: Path, **how: int) -> Iterator[ContainerClient]:
    """Run it until the block ends: a client of an empty container.

    Args:
        folder: Where it is installed, once.
        how: What the client is made with besides.
    """
    install_packages(LOCK, folder)
    port = free_port()
    script = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    quiet = ("--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
    process = subprocess.Popen(
        [program("node", package="nodejs"), script, "--blobPort", str(port), *quiet],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        assert process.stdout is not None
        assert any("successfully listens" in line for line in process.stdout), "it ended"
        client = ContainerClient(f"http://127.0.0.1:{port}/{ACCOUNT}", "landing", KEY, **how)
        client.create_container()
        yield client
    finally:
        process.terminate()
        process.wait(30)
