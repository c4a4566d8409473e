"""Long-lived keys in files, for stores without an STS."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from service.clock import Clock
from service.sessions.key_files import read_key_file
from service.sessions.session import Session
from service.sessions.sts import Owner, SessionRefused, static_session
from service.signing.sigv4 import Credentials


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Reads the keys once. A change of a file takes another source."""

    access_key_id: Path
    secret_access_key: Path
    clock: Clock
    length = float("inf")

    async def fetch(
        self,
        owner: Owner,  # noqa: ARG002
        policy: str | None,  # noqa: ARG002
        *,
        vended: bool = False,  # noqa: ARG002
    ) -> Session:
        try:
            credentials = await asyncio.to_thread(self._read)
        except ValueError:
            raise SessionRefused("The files with the keys cannot be read.") from None
        return static_session(credentials, self.clock)

    def _read(self) -> Credentials:
        return Credentials(
            access_key_id=read_key_file(self.access_key_id),
            secret_access_key=read_key_file(self.secret_access_key),
        )
