"""What `presign check` says about MLflow: where artifact roots are, and who may use them."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Operation
from service.access.prefix_coverage import covers_some, may_cover
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.rights import Target, Use
from service.protocols.roots import ProtocolRoot, Roots


def _use(what: str, *needs: Operation, overwrites: bool = False) -> Use:
    return Use(what, frozenset(needs), in_part=f"{what} in a part of it", overwrites=overwrites)


_SMALL: Final = _use("write small files", Operation.UPLOAD, overwrites=True)
USES: Final = (
    _use("read", Operation.DOWNLOAD, Operation.HEAD, Operation.LIST),
    _SMALL,
    _use("write large files", Operation.MULTIPART),
    _use("delete", Operation.DELETE, Operation.LIST),
)


def targets(roots: Roots, checked: CheckedConfiguration) -> Iterator[Target]:
    for name, root in roots.named.items():
        has_encryption = checked.buckets[root.bucket].encryption is not None
        yield Target(
            uses=[use for use in USES if use is not _SMALL or not has_encryption],
            where=f"in the MLflow root {name}",
            location=("mlflow", "roots", name),
            bucket=root.bucket,
            prefix=root.prefix,
            description=f"mlflow {name}: mlflow-artifacts://HOST/{name} has its artifacts",
        )


def warnings(roots: Roots | None, checked: CheckedConfiguration) -> Iterator[ConfigurationProblem]:
    for name, root in ({} if roots is None else roots.named).items():
        for caller, entry in checked.callers:
            for reason in _small_files(checked, root, entry):
                text = f"cannot send small files to the MLflow root {name}: {reason}"
                yield ConfigurationProblem(text, caller)


def _small_files(
    checked: CheckedConfiguration, root: ProtocolRoot, entry: CallerEntry
) -> Iterator[str]:
    """Yield why a caller that writes cannot send small files in one request, as MLflow does."""
    grants = [
        grant
        for grant in entry.grants
        if grant.bucket == root.bucket
        and (may_cover(grant, root.prefix) or covers_some(grant, root.prefix))
    ]
    uploads = [grant for grant in grants if Operation.UPLOAD in grant.allow]
    parts = any(Operation.MULTIPART in grant.allow for grant in grants)
    instead = "; or clients set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1" if parts else ""
    if (uploads or parts) and not any(grant.allow_overwrite for grant in uploads):
        yield f"they need `upload` with `allow_overwrite`{instead}"
    if uploads and checked.buckets[root.bucket].encryption is not None:
        yield (
            f"bucket {root.bucket} has `encryption`, whose headers MLflow does not send{instead}"
        )


CHECK: Final = Check(targets=targets, warnings=warnings)
