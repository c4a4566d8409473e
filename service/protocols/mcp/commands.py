"""The shell line that sends a signed request. Pure.

A path belongs where `FILE` is. No line has a name that is taken from a key: its author would choose
a file.
"""

from shlex import quote

from service.presigning.results import PresignedRequest

_CURL = "curl -fsS"


def download(url: str) -> str:
    return f"{_CURL} -o FILE {quote(url)}"


def upload(signed: PresignedRequest, key: str) -> str:
    # curl adds the file's name to an address that ends in a slash.
    send = "-X PUT --data-binary @FILE" if key.endswith("/") else "-T FILE"
    return _line(send, signed)


def copy(signed: PresignedRequest) -> str:
    """S3 may answer a copy with 200 and an error in the body."""
    send = _line("-X PUT -H 'content-length: 0'", signed)
    return f"{send} | grep -q CopyObjectResult"


def move(copied: PresignedRequest, deleted: PresignedRequest) -> str:
    return f"{copy(copied)} && {delete(deleted)}"


def delete(signed: PresignedRequest) -> str:
    return _line("-X DELETE", signed)


def _line(options: str, signed: PresignedRequest) -> str:
    headers = (f"-H {quote(f'{name}: {value}')}" for name, value in signed.headers.items())
    return " ".join([_CURL, options, *headers, quote(signed.url)])
