"""Upload, download and share S3 objects through presign, without AWS credentials."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from presign_client.asynchronous import AsyncPresign as AsyncPresign
    from presign_client.caller import Caller as Caller
    from presign_client.caller import Grant as Grant
    from presign_client.client import Presign as Presign
    from presign_client.errors import PresignError as PresignError
    from presign_client.folder_results import Failed as Failed
    from presign_client.folder_results import FolderDownload as FolderDownload
    from presign_client.folder_results import FolderUpload as FolderUpload
    from presign_client.folder_results import LeftOut as LeftOut
    from presign_client.links import Link as Link
    from presign_client.links import ListedLink as ListedLink
    from presign_client.objects import ObjectInfo as ObjectInfo
    from presign_client.objects import Version as Version
    from presign_client.results import Copied as Copied
    from presign_client.results import Credentials as Credentials
    from presign_client.results import Downloaded as Downloaded
    from presign_client.results import Entry as Entry
    from presign_client.results import SignedCookies as SignedCookies
    from presign_client.results import Uploaded as Uploaded
    from presign_client.retries import Retries as Retries
    from presign_client.signed import SignedRequest as SignedRequest

_MODULES = {
    "AsyncPresign": "asynchronous",
    "Presign": "client",
    "PresignError": "errors",
    "Failed": "folder_results",
    "FolderDownload": "folder_results",
    "FolderUpload": "folder_results",
    "LeftOut": "folder_results",
    "Caller": "caller",
    "Copied": "results",
    "Credentials": "results",
    "Downloaded": "results",
    "Entry": "results",
    "Grant": "caller",
    "Link": "links",
    "ListedLink": "links",
    "ObjectInfo": "objects",
    "SignedCookies": "results",
    "SignedRequest": "signed",
    "Uploaded": "results",
    "Version": "objects",
    "Retries": "retries",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    # Imported at the first use: urllib3 takes longer to import than `presign --help` may take.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
