"""Checks the URL of a Redis or Valkey, with the options that its client reads from it."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from pydantic import SecretStr

from service.config.quoting import quoted

_DATABASE: Final = re.compile(r"(?:/\d*)?")  # the client would take any other path for database 0


def check_store_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
        is_valid = is_valid and _DATABASE.fullmatch(parts.path) and not parts.fragment
        is_valid = is_valid and not re.search(r"\s", text)
    except ValueError:  # an invalid port
        is_valid = False
    if not is_valid:
        raise ValueError("write the URL of a Redis or Valkey, such as redis://limits:6379/0")
    _check_options(parts)
    return url


def _check_options(parts: SplitResult) -> None:
    """After an `@` the query may be the end of a password that has a `?`. Then name no option."""
    for name, value in parse_qsl(parts.query):
        if not _is_accepted(f"{parts.scheme}://host?{urlencode({name: value})}"):
            option = quoted(name) if "@" not in parts.query else "one"
            raise ValueError(
                f"the options after the `?` are redis-py's, which refuses {option}: correct or "
                "remove it; those of ssl need rediss://, and a `?` in a password is written %3F"
            )


def _is_accepted(url: str) -> bool:
    """Ask redis-py, which reads some options only when it makes a connection. It opens none."""
    # Imported here for the reason that service/app/services.py gives.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except (AttributeError, TypeError, ValueError, RedisError):
        return False
    return True
