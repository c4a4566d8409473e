"""A configuration that is valid, and commands that read one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from service.access.callers import caller_name
from service.app.builders import caller_entries
from service.app.protocols import AnyProtocol
from service.app.settings import Settings
from service.cli.check import callers
from service.cli.check.protocols import CheckedProtocols
from service.cli.main import main
from tests.support.factories import ADDRESS

ROOT: Final = Path(__file__).parents[2]
DIGEST: Final = "725acb2ebe612bb4e761d87deb9114d9f50b1efc78cbc8c953cb25f1b2dbf755"
GOOD: Final = f"""
buckets:
  reports: {{region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"}}
callers:
  - api_key: billing
    sha256: [{DIGEST}]
    grants:
      - {{bucket: reports, prefix: invoices/, allow: [download, upload], max_expires_in: 900}}
      - {{bucket: reports, prefix: "", allow: [list], allow_overwrite: true}}
"""


def presign(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def checked(directory: Path, text: str) -> Result:
    path = directory / "presign.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["check", "--config", str(path)])


def rights_by_caller(
    document: Mapping[str, Any], protocol: AnyProtocol | None = None
) -> dict[str, list[str]]:
    """What `presign check` says that each caller may do, by its name; only by `protocol` if given."""

    class OfProtocol(Settings):
        protocols = Settings.protocols if protocol is None else (protocol,)

    settings = OfProtocol.model_validate(document)
    entries = caller_entries(settings)
    checked = CheckedProtocols(settings, dict.fromkeys(settings.buckets, ADDRESS), entries)
    rights = partial(callers.rights, checked) if protocol is None else checked.rights
    return {
        caller_name(entry): [what for each in rights(entry) for what in each.what]
        for entry in entries
    }
