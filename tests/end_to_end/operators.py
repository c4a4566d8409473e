"""`presign` as an operator runs it: as a process, with credentials from the environment."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import stores
from tests.support.stores import Store

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Commands:
    """The commands for `store`, by default with root's keys."""

    store: Store
    configuration: Path
    key_id: str = stores.ROOT_KEY_ID
    secret: str = stores.ROOT_SECRET
    token: str = ""

    def presign(
        self, command: str, *arguments: str, answer: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`answer` is typed when the command asks."""
        given = [sys.executable, "-m", "service", command, "--config", str(self.configuration)]
        return subprocess.run(
            [*given, *arguments],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.configuration.parent),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ACCESS_KEY_ID": self.key_id,
                "AWS_SECRET_ACCESS_KEY": self.secret,
                "AWS_SESSION_TOKEN": self.token,
            },
            input=answer,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
