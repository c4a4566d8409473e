"""The verification of docs/release.md, rehearsed: a provenance in Sigstore's bundle, with a local key
in place of the workflow's identity, and without the public log.
"""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest

from tests.clients.toolchains import tool
from tests.support.processes import run_to_end

STATEMENT: Final = {
    "buildDefinition": {"buildType": "https://example.com/make-release", "externalParameters": {}},
    "runDetails": {"builder": {"id": "https://example.com/release.yml"}},
}
# No authority: only the key counts, and nothing is fetched.
ROOT_OF_TRUST: Final = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
KIND: Final = ("--type", "slsaprovenance1", "--bundle", "bundle.json", "--new-bundle-format")


class Signer:
    """cosign in a folder that has a key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, content in (("root.json", ROOT_OF_TRUST), ("provenance.json", STATEMENT)):
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        (folder / "SHA256SUMS").write_text(f"{'0' * 64}  a.whl\n", encoding="ascii")
        self.run("generate-key-pair")
        signed = self.run(
            *("attest-blob", "--yes", "--key", "cosign.key", "--tlog-upload=false"),
            *("--predicate", "provenance.json", *KIND, "SHA256SUMS"),
        )
        assert signed.returncode == 0, signed.stderr

    def run(self, *words: str) -> CompletedProcess[str]:
        home = {"HOME": str(self.folder), "COSIGN_PASSWORD": ""}
        settings: dict[str, Any] = {"cwd": self.folder, "env": home}
        return run_to_end([tool("cosign", "cosign"), *words], **settings)

    def verified(self) -> CompletedProcess[str]:
        trust = ("--key", "cosign.pub", "--insecure-ignore-tlog", "--trusted-root", "root.json")
        return self.run("verify-blob-attestation", *trust, *KIND, "SHA256SUMS")


@pytest.fixture(name="signer")
def _signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


def test_an_attested_file_is_verified(signer: Signer) -> None:
    done = signer.verified()
    assert (done.returncode, "Verified OK" in done.stderr) == (0, True)


def test_a_changed_file_is_refused(signer: Signer) -> None:
    with (signer.folder / "SHA256SUMS").open("a") as file:
        file.write("more\n")

    done = signer.verified()

    assert done.returncode == 1
    assert "does not match any digest" in done.stderr


def test_the_provenance_of_another_key_is_refused(signer: Signer) -> None:
    for name in ("cosign.key", "cosign.pub"):
        (signer.folder / name).unlink()
    signer.run("generate-key-pair")

    assert signer.verified().returncode == 1
