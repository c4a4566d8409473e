"""What `presign uploads` prints. Pure.

Clients choose keys and ids, so none is printed with characters that control a terminal.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.config.durations import UNITS, duration_text
from service.operations.abandoned_uploads import SweepResult, UploadWithAge

_PLAIN = re.compile(r"[\w./:=+@,-]+", re.ASCII)


def line(bucket: str, found: UploadWithAge) -> str:
    """Return bucket, key, upload id, start and age, separated by tabs. No field contains a tab."""
    upload = found.upload
    fields = (upload.key, upload.upload_id, upload.initiated)
    shown = [text if _PLAIN.fullmatch(text) else repr(text) for text in fields]
    return "\t".join([bucket, *shown, _age(found.age)])


def document(
    found: Iterable[tuple[str, UploadWithAge]], results: Mapping[str, SweepResult]
) -> dict[str, Any]:
    """Return what `--json` prints. `found` is by the bucket's name, as `sweep` shows it."""
    uploads = [
        {
            "bucket": bucket,
            "key": each.upload.key,
            "upload_id": each.upload.upload_id,
            "initiated": each.upload.initiated,
            "age_seconds": None if each.age is None else int(each.age),
        }
        for bucket, each in found
    ]
    buckets = {
        name: {"aborted": each.aborted, "problems": [*each.problems]}
        for name, each in results.items()
    }
    return {"uploads": uploads, "buckets": buckets}


def summary(results: Sequence[SweepResult], *, older_than: int, abort: bool) -> str:
    found, ageless = sum(each.found for each in results), sum(each.ageless for each in results)
    text = f"{found} upload{'' if found == 1 else 's'} {_older_than(older_than)}"
    if ageless:
        text += f", and {ageless} of unknown age, left alone"
    if abort:
        return f"{text}; {sum(each.aborted for each in results)} aborted"
    return f"{text}; use --abort to abort them" if found else text


def _older_than(seconds: int) -> str:
    if seconds == 0:
        return "of any age"
    return f"older than {duration_text(seconds)}"


def _age(seconds: float | None) -> str:
    """Round down, in a unit that fits at least twice, so that little is lost."""
    if seconds is None:
        return "unknown age"
    units = ((unit, size) for unit, size in UNITS.items() if seconds >= 2 * size)
    unit, size = next(units, ("s", 1))
    return f"{max(0, int(seconds // size))} {unit}"
