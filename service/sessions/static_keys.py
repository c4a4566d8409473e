"""Long-lived keys as sessions that never end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from service.clock import Clock
from service.sessions.session import Session
from service.sessions.source import Owner, SessionRefused, session_name
from service.signing.sigv4 import Credentials


class StaticSource:
    length = float("inf")

    def __init__(self, read: Callable[[], Awaitable[Credentials]], clock: Clock) -> None:
        """`read` returns the keys, or raises SessionRefused."""
        self._read = read
        self._clock = clock

    async def fetch(
        self,
        owner: Owner,  # noqa: ARG002
        policy: str | None,  # noqa: ARG002
        *,
        vended: bool = False,  # noqa: ARG002
    ) -> Session:
        credentials = await self._read()
        if credentials.session_token is not None:
            # Nobody tells us when a token expires, so `expires_at` would be wrong.
            raise SessionRefused("Static credentials must not have a session token.")
        return static_session(credentials, self._clock)


def static_session(credentials: Credentials, clock: Clock) -> Session:
    """Return the session of long-lived keys, which never ends."""
    return Session(credentials=credentials, name=session_name(None), starts_at=clock.wall())


async def keys_in_files(access_key_id: Path, secret_access_key: Path) -> Credentials:
    """Return the keys in two files. Raises SessionRefused."""
    try:
        return Credentials(
            access_key_id=await asyncio.to_thread(read_key_file, access_key_id),
            secret_access_key=await asyncio.to_thread(read_key_file, secret_access_key),
        )
    except ValueError:
        raise SessionRefused("The files with the keys cannot be read.") from None


def read_key_file(path: Path) -> str:
    """Return the text of a file, without white space at its ends.

    Raises ValueError, which repeats neither the content nor the path: that may be a key by mistake.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):  # ValueError: other characters, or a path with a null character
        text = ""
    if not text.isprintable() or len(text.split()) != 1:
        raise ValueError("write the path of a readable file with the key and nothing else")
    return text
