"""A folder of Azure Storage that files are brought to, by Azure's SDK and as whom the process is in Azure."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

from levelfive.errors import ConfigError, MachineError, UploadError, first_line

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

# Who calls tries again by himself, and is to learn of trouble before a container that ends is killed.
ONE_TRY: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}
_OBJECT = re.compile(r"<[^>]* at 0x[^>]*>:? *")  # another one at each try
_PLACES = (
    re.compile(r"abfss://(?P<container>[^@/?#]+)@(?P<account>[\w-]+)\.dfs\.(?P<suffix>[\w.-]+)/?(?P<folder>[^?#]*)"),
    re.compile(
        r"https://(?P<account>[\w-]+)\.(?:blob|dfs)\.(?P<suffix>[\w.-]+)/(?P<container>[^/?#]+)/?(?P<folder>[^?#]*)"
    ),
)


class StorageFolder:
    """Takes whole files, each once.

    Args:
        container: Azure's client of the container.
        folder: The folder in it.
    """

    def __init__(self, container: ContainerClient, folder: str) -> None:
        """Remember where; nothing is asked yet."""
        self._container, self._folder = container, folder.strip("/")

    def put(self, name: str, content: IO[bytes]) -> None:
        """Bring a file; it is there as a whole, or not. One that is there already, from a try before, stays.

        Raises:
            UploadError: Azure refused, or did not answer.
        """
        from azure.core.exceptions import AzureError

        try:
            self._container.upload_blob(f"{self._folder}/{name}".lstrip("/"), content)
        except AzureError as err:
            if getattr(err, "error_code", None) != "BlobAlreadyExists":
                raise UploadError(f"Azure Storage takes no file: {_OBJECT.sub('', first_line(err))}") from err


def storage_folder(url: str) -> StorageFolder:
    """Open a folder of Azure Storage, as whom the process is in Azure: a pod, an endpoint, or who is signed in.

    Raises:
        ConfigError: The URL is none of a folder, or holds a secret.
        MachineError: Azure's SDK is not installed.
    """
    account, container, folder = place_of(url)
    try:
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import ContainerClient
    except ImportError as err:
        raise MachineError(
            "files are brought to Azure Storage by packages of Azure: pip install 'levelfive[azure-storage]'"
        ) from err
    return StorageFolder(ContainerClient(account, container, DefaultAzureCredential(**ONE_TRY), **ONE_TRY), folder)


def place_of(url: str) -> tuple[str, str, str]:
    """Tell the address of the account's blobs, the container, and the folder in it.

    Raises:
        ConfigError: The URL is none of a folder, or holds a secret, which is not repeated.
    """
    match = next(filter(None, (place.fullmatch(url.strip()) for place in _PLACES)), None)
    if match is None:
        raise ConfigError(
            "a folder of Azure Storage is abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER or "
            "https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER, without a signature: the process signs in itself"
        )
    return f"https://{match['account']}.blob.{match['suffix']}", match["container"], match["folder"].strip("/")
