"""The body of a request, read once and kept in a temporary file until it was verified."""

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from service.demo.store_errors import StoreError

_CHUNK: Final = 65_536
_IN_MEMORY: Final = 1_048_576  # bytes; a longer body goes to disk
_MAX_FIELDS_LENGTH: Final = 20_480  # S3's own limit: …/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html


def spool(source: IO[bytes], length: int | None, check: Callable[[bytes], None]) -> IO[bytes]:
    """Return a file with the body, and give each piece to `check`.

    `length` is None for a body that ends where `source` does. Raises StoreError if it ends early.
    """
    spooled = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - it is the caller's
    left = length
    while left != 0 and (piece := source.read(_CHUNK if left is None else min(_CHUNK, left))):
        check(piece)
        spooled.write(piece)
        left = None if left is None else left - len(piece)
    if left:
        spooled.close()
        message = "You did not provide the number of bytes specified by the Content-Length header"
        raise StoreError(400, "IncompleteBody", message)
    spooled.seek(0)
    return spooled


def read_form(body: IO[bytes], boundary: bytes) -> tuple[dict[str, str], int | None]:
    """Return the fields before the file, with names in lower case, and the file's size.

    S3 ignores what follows the file. The size is None if there is no file.
    """
    fields: dict[str, str] = {}
    name, value, size = "", b"", None
    for event in _events(body, boundary):
        match event:
            case File():
                size = 0
            case Field():
                if size is not None:
                    break
                name, value = event.name.lower(), b""
            case Data(data=data, more_data=has_more):
                if size is not None:
                    size += len(data)
                else:
                    value += data
                    fields[name] = value.decode("utf-8", "replace")
                    _check_length(fields)
                if size is not None and not has_more:
                    break
    return fields, size


def _events(body: IO[bytes], boundary: bytes) -> Iterator[object]:
    decoder = MultipartDecoder(boundary, max_form_memory_size=None)
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(body.read(_CHUNK) or None)
            elif isinstance(event, Epilogue):
                return
            else:
                yield event
    except (ValueError, UnicodeDecodeError):
        message = "The body of your POST request is not well-formed multipart/form-data."
        raise StoreError(400, "MalformedPOSTRequest", message) from None


def _check_length(fields: dict[str, str]) -> None:
    if sum(map(len, fields.values())) > _MAX_FIELDS_LENGTH:
        message = "Your POST request fields preceding the upload file were too large."
        raise StoreError(400, "MaxPostPreDataLengthExceeded", message)
