"""What `presign check` says about MLflow: where artifact roots are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.access.prefix_coverage import covers_some, may_cover
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.roots import ProtocolRoot, Roots

_NEEDED: Final = {
    "read": {Operation.DOWNLOAD, Operation.HEAD, Operation.LIST},
    "write small files": {Operation.UPLOAD},
    "write large files": {Operation.MULTIPART},
    "delete": {Operation.DELETE, Operation.LIST},
}


def describe(roots: Roots) -> Iterator[str]:
    for name, root in roots.named.items():
        where = f"{root.bucket}/{root.prefix}"
        yield f"mlflow {name}: mlflow-artifacts://HOST/{name} has its artifacts in {where}"


def rights(roots: Roots, entry: CallerEntry, _: Checked) -> Iterator[Right]:
    for name, root in roots.named.items():
        yield from right(_allowed(root, entry), f"in the MLflow root {name}")


def warnings(roots: Roots | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    for name, root in ({} if roots is None else roots.named).items():
        location = ("mlflow", "roots", name)
        if not any(_allowed(root, entry) for entry in checked.entries()):
            text = (
                "nobody may use it; a caller needs a grant with `list`, `head` and `download`, or "
                f"with `upload`, that covers {root.bucket}/{root.prefix}"
            )
            yield ConfigurationProblem(text, location)
        for caller, entry in checked.callers:
            for reason in _small_files(checked, root, entry):
                text = f"cannot send small files to the MLflow root {name}: {reason}"
                yield ConfigurationProblem(text, caller)


def _small_files(checked: Checked, root: ProtocolRoot, entry: CallerEntry) -> Iterator[str]:
    """Yield why a caller that writes cannot send small files in one request, as MLflow does."""
    grants = _grants(root, entry)
    uploads = [grant for grant in grants if Operation.UPLOAD in grant.allow]
    parts = any(Operation.MULTIPART in grant.allow for grant in grants)
    instead = "; or clients set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1" if parts else ""
    if (uploads or parts) and not any(grant.allow_overwrite for grant in uploads):
        yield f"they need `upload` with `allow_overwrite`{instead}"
    if uploads and checked.buckets[root.bucket].encryption is not None:
        yield (
            f"bucket {root.bucket} has `encryption`, whose headers MLflow does not send{instead}"
        )


def _allowed(root: ProtocolRoot, entry: CallerEntry) -> list[str]:
    """Return what a matching caller may do, if its claims suit the grants."""
    grants = _grants(root, entry)
    everywhere = _operations([grant for grant in grants if may_cover(grant, root.prefix)])
    somewhere = _operations(grants)
    return [
        name if needed <= everywhere else f"{name} in a part of it"
        for name, needed in _NEEDED.items()
        if needed <= somewhere
    ]


def _operations(grants: list[Grant]) -> set[Operation]:
    """Return what the grants allow. MLflow needs `allow_overwrite` for an upload in one request."""
    return {
        operation
        for grant in grants
        for operation in grant.allow
        if operation is not Operation.UPLOAD or grant.allow_overwrite
    }


def _grants(root: ProtocolRoot, entry: CallerEntry) -> list[Grant]:
    return [
        grant
        for grant in entry.grants
        if grant.bucket == root.bucket
        and (may_cover(grant, root.prefix) or covers_some(grant, root.prefix))
    ]


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
