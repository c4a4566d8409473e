"""`presign check` says of a caller what the service then does."""

from itertools import chain, combinations
from pathlib import Path
from typing import Any, Final

import pytest

from service.app import builders
from service.cli.check.protocols import CheckedProtocols
from tests.protocols.git_lfs.harness import (
    PARTS,
    THRESHOLD,
    Harness,
    lfs_grant,
    lfs_object,
    settings,
    start,
)
from tests.support.factories import ADDRESS

OPERATIONS: Final = ("check", "download", "upload", "multipart")
SUBSETS: Final = [
    *chain.from_iterable(combinations(OPERATIONS, n) for n in range(1, len(OPERATIONS) + 1))
]
STORED: Final = lfs_object(1)
SMALL: Final = lfs_object(2)
LARGE: Final = lfs_object(3, size=THRESHOLD + 1)


async def done(harness: Harness) -> list[str]:
    """What the service lets the caller do."""
    harness.store.has(STORED["oid"])
    uses: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "pull": ("download", STORED, {}),
        "push": ("upload", SMALL, {}),
        "push in parts": ("upload", LARGE, {"transfers": PARTS}),
    }
    allowed = []
    for use, (operation, wanted, more) in uses.items():
        answer = await harness.post(operation, wanted, **more)
        transfer = answer.json().get("transfer")
        if answer.status_code == 200 and (transfer == "multipart") == (use == "push in parts"):
            allowed += [use] if "actions" in answer.json()["objects"][0] else []
    return allowed


@pytest.mark.parametrize("with_keys", [True, False])
@pytest.mark.parametrize("allow", SUBSETS, ids=" ".join)
async def test_check_says_what_the_service_does(
    allow: tuple[str, ...], with_keys: bool, tmp_path: Path
) -> None:
    configured = settings(lfs_grant(*allow), keys=tmp_path if with_keys else None)
    entries = builders.caller_entries(configured)
    addresses = dict.fromkeys(configured.buckets, ADDRESS)
    checked = CheckedProtocols(configured, addresses, entries)
    said = [right for right in checked.rights(entries[0]) if "Git LFS" in right.where]
    async with start(configured) as harness:
        assert await done(harness) == [what for right in said for what in right.what]
