"""dulwich's client of Git LFS, which cannot log in: it needs an anonymous caller."""

import subprocess
from pathlib import Path
from typing import Final

from tests.clients.git_lfs.server import REPOSITORIES
from tests.clients.toolchains import GENERATORS
from tests.support.service import run_service
from tests.support.stores import Store

PROGRAM: Final = """
import hashlib, sys
from dulwich.lfs import LFSClient

client, content = LFSClient.from_url(sys.argv[1]), b"of dulwich"
oid = hashlib.sha256(content).hexdigest()
assert not client.has_object(oid, len(content))
client.upload(oid, len(content), content)
client.upload(oid, len(content), content)
assert client.has_object(oid, len(content))
print(client.download(oid, len(content)).decode())
"""


def test_dulwich_uploads_and_downloads(verifying_store: Store, tmp_path: Path) -> None:
    grant = {"bucket": "objects", "prefix": "lfs/design/", "allow": ["check", "download", "upload"]}
    top = {
        "git_lfs": {"repositories": REPOSITORIES},
        "unsafe_anonymous_caller": {"grants": [{**grant, "max_expires_in": 900}]},
    }
    with run_service(verifying_store, tmp_path, callers=[], top=top) as service:
        done = subprocess.run(
            [GENERATORS / "python", "-c", PROGRAM, f"{service.client.base_url}/lfs/design"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (0, "of dulwich\n"), done.stderr
