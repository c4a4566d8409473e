"""The bounds of the server and of its calls, from the code: tools/limits_page.py writes them."""

from typing import Final

from service.api.body import MAX_BATCH_BYTES, MAX_BODY_BYTES
from service.api.discarding import MAX_DISCARDED_BYTES
from service.api.limits import BATCH_SLOTS
from service.config.server import ServerSettings
from service.diagnosis.request import (
    MAX_BODY_LENGTH,
    MAX_HEADERS,
    MAX_HEADERS_LENGTH,
    MAX_URL_LENGTH,
)
from service.diagnosis.signature_proof import MAX_TRIED
from service.http_client.transport import MAX_CHUNKS
from service.multipart.completion import COMPLETE_SECONDS
from service.protocols.arrivals import sender
from service.protocols.arrivals.notifier import IN_FLIGHT, JOBS, WAITING
from service.s3 import client as s3
from service.server.limits import ConnectionLimits
from service.server.run import KEEP_ALIVE_SECONDS
from service.sessions import attempts
from service.sessions.history import MAX_REMEMBERED

_BOUNDS: Final = ConnectionLimits()
_KIB: Final = 1024
_MIB: Final = 1024**2
BOUNDS: Final = (
    ("head", f"{_BOUNDS.head_seconds:g} s, {_BOUNDS.head_bytes // _KIB} KiB", "408, 431"),
    (
        "body",
        (
            f"{_BOUNDS.body_seconds:g} s; {MAX_BODY_BYTES // _KIB} KiB, of a batch or list of parts "
            f"{MAX_BATCH_BYTES // _MIB} MiB"
        ),
        "408, 413",
    ),
    (
        "body that nothing needs",
        (
            f"{2 * _BOUNDS.linger_seconds:g} s after the response, {_BOUNDS.linger_seconds:g} s with "
            f"`Connection: close`; before a redirect {MAX_DISCARDED_BYTES // _MIB} MiB of known length"
        ),
        "connection closed",
    ),
    (
        "answer that the client does not read",
        f"{_BOUNDS.write_seconds:g} s",
        "connection closed",
    ),
    (
        "idle connection",
        f"{KEEP_ALIVE_SECONDS} s",
        "the same; load balancers must close theirs sooner (AWS's: 60 s)",
    ),
    (
        "requests in progress",
        (
            f"`max_in_flight`, {ServerSettings.model_fields['max_in_flight'].default}; one caller may hold "
            "half of the free slots, the next half of what is left"
        ),
        "503 `overloaded`, `Retry-After: 1`",
    ),
    (
        "bodies being received",
        "half of `max_in_flight`, shared alike",
        "503 `overloaded`, unless the body is complete",
    ),
    (
        "batches being signed",
        f"{BATCH_SLOTS}; callers alternate; a quarter of `max_in_flight` may wait, shared alike",
        "503 `overloaded`",
    ),
    (
        "diagnosis",
        (
            f"URL of {MAX_URL_LENGTH:,} characters, {MAX_HEADERS} headers of {MAX_HEADERS_LENGTH:,} "
            f"together, answer of {MAX_BODY_LENGTH:,}; {MAX_TRIED} requests tried"
        ),
        "422",
    ),
    (
        "sessions remembered for diagnoses",
        f"{MAX_REMEMBERED:,}, for a day after their end",
        "`signed_elsewhere`",
    ),
    (
        "waiting for a first session",
        f"{attempts.ATTEMPT_SECONDS:g} s",
        "503 `credentials_unavailable`",
    ),
    (
        "requests that wait for a bucket's STS, a bucket's store, or issuers",
        "a quarter of `max_in_flight` each, three quarters together",
        "that bucket's 503, at once; `detail` names the limit",
    ),
    (
        "calls to STS",
        (
            f"{attempts.MAX_IN_FLIGHT}; per bucket {attempts.MAX_IN_FLIGHT_PER_BUCKET} and its own "
            "session's"
        ),
        "they wait",
    ),
    (
        "calls to stores",
        (
            f"{s3.CALLS}; per bucket {s3.CALLS_PER_BUCKET}, and {s3.COMPLETIONS_PER_BUCKET} completions; "
            f"{s3.COMPLETIONS} completions in all; they wait {s3.SLOT_WAIT_SECONDS:g} s"
        ),
        "503 `overloaded`",
    ),
    (
        "call to a store",
        (
            f"{s3.CALL_SECONDS:g} s, {s3.ATTEMPTS} attempts of {s3.CALL_SECONDS / s3.ATTEMPTS:g} s; a "
            f"completion {COMPLETE_SECONDS:g} s"
        ),
        "504 `storage_unavailable`",
    ),
    (
        "notifying a hook",
        (
            f"{sender.SECONDS:g} s, {sender.MAX_ANSWER_BYTES // _KIB} KiB of its answer; {IN_FLIGHT} requests in "
            f"flight, {JOBS} messages, {JOBS} pushes and {WAITING} waiting messages for each hook; one caller "
            "has at most as many pushes as are free; callers alternate"
        ),
        "back to the queue; a push gets 503",
    ),
    (
        "store's answer",
        (
            f"{s3.MAX_ANSWER_BYTES // _KIB} KiB; list of parts {s3.MAX_LIST_BYTES // _MIB} MiB, "
            f"of objects or versions {s3.MAX_OBJECTS_BYTES // _MIB} MiB; {MAX_CHUNKS:,} pieces"
        ),
        "502 `storage_refused`",
    ),
)
