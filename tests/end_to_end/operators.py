"""`presign` as an operator runs it: as a process, with credentials from the environment."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from tests.support import stores
from tests.support.demo import ROOT
from tests.support.stores import Store

IAM: Final = ROOT / "deploy" / "iam"
OF_NO_CALLER: Final = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
_numbers = count()


def document(name: str) -> dict[str, Any]:
    """Return a file of `deploy/iam`."""
    found: dict[str, Any] = json.loads((IAM / name).read_text(encoding="utf-8"))
    return found


def actions_of(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


def unverified_token(**claims: str) -> str:
    """Return a token without a signature: MiniStack does not verify it."""
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{text}.e30"


@dataclass(frozen=True)
class Commands:
    """The commands for `store`, by default with root's keys."""

    store: Store
    configuration: Path
    key_id: str = stores.ROOT_KEY_ID
    secret: str = stores.ROOT_SECRET

    def as_new_user(self, policy: str) -> Self:
        """Return the commands of a new MiniStack user with only this policy."""
        keys = stores.new_user(self.store, f"operator-{next(_numbers)}", policy)
        return replace(self, key_id=keys["aws_access_key_id"], secret=keys["aws_secret_access_key"])

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
            },
            input=answer,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
