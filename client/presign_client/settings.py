"""Where the service is, and by which token: arguments first, then the environment."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from presign_client.errors import INVALID_TOKEN, PresignError

Token = str | Callable[[], str]


def service_url(url: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the service's URL without a final slash.

    Raises:
        ValueError: if there is none, or if it is no HTTP URL.

    """
    url = url or environment.get("PRESIGN_URL")
    if not url:
        raise ValueError("Where is presign? Set PRESIGN_URL, such as https://presign.example.com.")
    if not _is_of_http(url):
        raise ValueError("The URL of presign must look like https://presign.example.com.")
    return url.rstrip("/")


def _is_of_http(url: str) -> bool:
    try:
        split = urlsplit(url)
        place = split.hostname, split.port  # which may be no number
    except ValueError:
        return False
    is_http = split.scheme in {"http", "https"} and place[0] and not split.username
    return bool(is_http) and all("!" <= each <= "~" and each not in "?#" for each in url)


def token_source(
    token: Token | None,
    token_file: str | os.PathLike[str] | None,
    environment: Mapping[str, str] = os.environ,
) -> Callable[[], str]:
    """Return a function that returns the current token. A file is read for each call.

    Raises:
        ValueError: if there is none.

    """
    if token is None and token_file is None:
        token, token_file = environment.get("PRESIGN_TOKEN"), environment.get("PRESIGN_TOKEN_FILE")
    if token:
        return _checked((lambda: token) if isinstance(token, str) else token)
    if token_file:
        # An error of decoding would have the token in it.
        return _checked(partial(Path(token_file).read_text, errors="replace"))
    raise ValueError("No token. Set PRESIGN_TOKEN or PRESIGN_TOKEN_FILE to an API key or a JWT.")


def _checked(source: Callable[[], str]) -> Callable[[], str]:
    def token() -> str:
        text = source().strip()
        if not text or not all("!" <= character <= "~" for character in text):
            raise PresignError(
                INVALID_TOKEN,
                "The token is empty, or has characters that no token has. Copy it again, in UTF-8.",
            )
        return text

    return token
