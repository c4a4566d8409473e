"""What `presign check` says about build caches: who reads, who writes where, and what is risky."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import CallerEntry, pointers
from service.access.claims import value_of
from service.access.content_types import matches_content_type
from service.access.grants import Grant, Operation
from service.access.prefix_coverage import may_cover
from service.errors import ConfigurationProblem, Location
from service.protocols.build_caches.places import Cache, Caches, Program, own_folder
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.quantities import duration
from service.protocols.rights import Right
from service.signing.actions import DEFAULT_CONTENT_TYPE

_READ: Final = frozenset({Operation.DOWNLOAD, Operation.CHECK})
_WRITE: Final = frozenset({Operation.UPLOAD, Operation.CHECK})
_PORTS: Final = {"http": 80, "https": 443}
# Claims and subjects of jobs at GitHub and GitLab, and the claims that say what has started one
_OF_JOBS: Final = frozenset(
    {"/ref", "/repository", "/repository_id", "/project_id", "/project_path"}
)
# "Events that trigger workflows" of GitHub, and "CI_PIPELINE_SOURCE" of GitLab
_OF_STRANGERS: Final = frozenset(
    {
        *("issue_comment", "issues", "pull_request", "pull_request_review"),
        *("pull_request_review_comment", "pull_request_target", "workflow_run"),
        *("external_pull_request_event", "merge_request_event"),
    }
)
_SUBJECTS_OF_JOBS: Final = ("repo:", "project_path:")
_EVENTS: Final = frozenset({"/event_name", "/pipeline_source"})


def describe(caches: Caches) -> Iterator[str]:
    for name, cache in caches.named.items():
        others = "" if cache.others is None else f", and folders of others below {cache.others}"
        where = f"{cache.bucket}/{cache.trusted}"
        yield f"build_caches {name}: /caches/{name} has what is trusted in {where}{others}"
        if caches.keys is None:
            yield f"build_caches {name}: no tickets; they need the keys of `links`"
        else:
            yield f"build_caches {name}: a ticket lasts {duration(cache.ticket_seconds)}"


def rights(caches: Caches, entry: CallerEntry, checked: CheckedConfiguration) -> Iterator[Right]:
    for name, cache in caches.named.items():
        if uses := tuple(_uses(cache, entry, checked)):
            yield Right(uses, f"in the build cache {name}")


def warnings(
    caches: Caches | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if caches is None:
        return
    for name, cache in caches.named.items():
        location = ("build_caches", name)
        for text in _of_cache(caches, cache, checked):
            yield ConfigurationProblem(text, location)
        for text in _within_others(caches, cache):
            yield ConfigurationProblem(text, (*location, "trusted"), grave=True)
        for at, entry in checked.callers:
            for text in _idle_uploads(cache, entry):
                yield ConfigurationProblem(f"{text} the build cache {name}", at)
            yield from _dangers(name, cache, at, entry)


CHECK: Final[Check[Caches]] = Check(describe=describe, rights=rights, warnings=warnings)


def _of_cache(caches: Caches, cache: Cache, checked: CheckedConfiguration) -> Iterator[str]:
    if not any(_writes(cache, cache.trusted, entry) for _, entry in checked.callers):
        yield (
            "nobody may write what is trusted; a caller needs a grant with `check`, and one with "
            f"`upload` and `allow_overwrite`, that cover {cache.bucket}/{cache.trusted}"
        )
    bucket = checked.buckets[cache.bucket]
    if bucket.encryption is not None:
        yield (
            f"bucket {cache.bucket} has `encryption`, whose headers neither program sends, so "
            "nobody writes"
        )
    own = _host_and_port(caches.public_url)
    if own is not None and own in {_host_and_port(each) for each in bucket.origins}:
        yield (
            f"bucket {cache.bucket} has the host and port of server.public_url, so programs would "
            "send it their token"
        )


def _within_others(caches: Caches, cache: Cache) -> Iterator[str]:
    for name, other in caches.named.items():
        is_same_bucket = other.bucket == cache.bucket
        if is_same_bucket and other.others and cache.trusted.startswith(other.others):
            yield (
                f"it lies in `others` of the build cache {name}, where a pull request may have its "
                "folder; write a prefix elsewhere"
            )


def _idle_uploads(cache: Cache, entry: CallerEntry) -> Iterator[str]:
    """Yield what an entry's grants with `upload` do not do at the place that it writes."""
    uploads = _uploads(cache, cache.trusted, entry)
    if not uploads and (own := own_folder(cache, entry.grants)) is not None:
        uploads = _uploads(cache, own, entry)
    overwriting = [grant for grant in uploads if grant.allow_overwrite]
    if uploads and not overwriting:
        yield "`upload` without `allow_overwrite` writes nothing to"
    elif uploads and all(grant.max_content_length is not None for grant in overwriting):
        yield "with `max_content_length`, only Nx writes to"


def _dangers(
    name: str, cache: Cache, at: Location, entry: CallerEntry
) -> Iterator[ConfigurationProblem]:
    for i, grant in enumerate(entry.grants):
        is_shared = cache.others is not None and _covers(grant, cache, cache.others)
        is_trusted = _covers(grant, cache, cache.trusted)
        if Operation.UPLOAD in grant.allow and is_shared and not is_trusted:
            text = (
                f"may write all of `others` of the build cache {name}, so callers share a folder; "
                "add a placeholder to the prefix, such as {claim:/run_id}/"
            )
            yield ConfigurationProblem(text, (*at, "grants", i, "prefix"), grave=True)
        if Operation.UPLOAD in grant.allow and _may_become_trusted(grant, cache):
            text = (
                f"a claim can make it cover what is trusted in the build cache {name}; write it "
                "without a placeholder, or elsewhere"
            )
            yield ConfigurationProblem(text, (*at, "grants", i, "prefix"), grave=True)
    if _is_any_job(entry) and _uploads(cache, cache.trusted, entry):
        text = (
            f"writes what is trusted in the build cache {name} in jobs that a stranger may start: "
            "pull_request_target, workflow_run and issue_comment run with the base branch's ref; "
            "demand `/event_name: [push, schedule]`, or at GitLab `/pipeline_source` with these"
        )
        yield ConfigurationProblem(text, at, grave=True)


def _is_any_job(entry: CallerEntry) -> bool:
    """Whether it is for jobs of a repository that a stranger may have started, too."""
    by_pointer = {any_of[0][0]: {*map(value_of, any_of)} for any_of in entry.claims}
    started = [by_pointer[pointer] for pointer in _EVENTS if pointer in by_pointer]
    if started:
        return any(not values.isdisjoint(_OF_STRANGERS) for values in started)
    is_of_job = (entry.subject or "").startswith(_SUBJECTS_OF_JOBS)
    return is_of_job or not _OF_JOBS.isdisjoint(by_pointer)


def _may_become_trusted(grant: Grant, cache: Cache) -> bool:
    """Whether some value of a claim makes the prefix that of a program's trusted artifacts."""
    folders = (f"{cache.trusted}{program}/" for program in Program)
    is_here = grant.bucket == cache.bucket and bool(pointers(grant.prefix))
    return is_here and any(may_cover(grant, folder) for folder in folders)


def _uses(cache: Cache, entry: CallerEntry, checked: CheckedConfiguration) -> Iterator[str]:
    """Yield what a matching caller may do, if its claims suit the grants."""
    own = own_folder(cache, entry.grants)
    places = [cache.trusted, *([] if own is None else [own])]
    if any(_operations(cache, place, entry) >= _READ for place in places):
        yield "read"
    if checked.buckets[cache.bucket].encryption is not None:
        return
    if _writes(cache, cache.trusted, entry):
        yield "write what is trusted"
    elif own is not None and _writes(cache, own, entry):
        yield "write a folder of its own"


def _writes(cache: Cache, place: str, entry: CallerEntry) -> bool:
    uploads = _uploads(cache, place, entry)
    return _operations(cache, place, entry) >= _WRITE and any(
        grant.allow_overwrite and _is_type_allowed(grant) for grant in uploads
    )


def _is_type_allowed(grant: Grant) -> bool:
    patterns = grant.content_types
    return patterns is None or any(
        matches_content_type(pattern, DEFAULT_CONTENT_TYPE) for pattern in patterns
    )


def _uploads(cache: Cache, place: str, entry: CallerEntry) -> list[Grant]:
    return [
        grant
        for grant in entry.grants
        if Operation.UPLOAD in grant.allow and _covers(grant, cache, place)
    ]


def _operations(cache: Cache, place: str, entry: CallerEntry) -> set[Operation]:
    return {
        operation
        for grant in entry.grants
        if _covers(grant, cache, place)
        for operation in grant.allow
    }


def _covers(grant: Grant, cache: Cache, place: str) -> bool:
    """Whether it covers all of a place, which is a grant's own prefix if it has placeholders."""
    return grant.bucket == cache.bucket and (grant.prefix == place or may_cover(grant, place))


def _host_and_port(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    if parts.hostname is None:
        return None
    return parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
