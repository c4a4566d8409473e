"""Grants with limits, and what they mean to AWS, independently of the compiler under test.

`tests/access/policy_meaning.py` has what each operation needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from hypothesis import strategies as st

from service.access.grants import Grant, Operation
from service.access.narrowing import Permission
from tests.access.policy_meaning import (
    FOR_COPIES,
    LISTS,
    LOOKS,
    NEEDED_FOR,
    NEEDED_FOR_VERSIONS,
    NEEDED_OF_KMS,
    UPLOADS,
    below,
    copy_meant,
    granted_prefixes,
    is_folder,
    near,
)
from tests.iam.s3_requests import BUCKET_ARN, KMS_KEY, VIA_S3
from tests.iam.simulator import IamRequest

__all__ = ["Meaning", "grants_with_limits", "near", "of_copies", "of_credentials", "of_session"]

# With `sign` and `credentials` more often than each by itself, and with what belongs together.
_OFTEN_TOGETHER: Final = (
    {Operation.DOWNLOAD, Operation.UPLOAD, Operation.SIGN},
    {Operation.LIST, Operation.VERSIONS, Operation.DOWNLOAD},
    {Operation.UPLOAD, Operation.MULTIPART, Operation.CREDENTIALS},
    {Operation.DELETE, Operation.VERSIONS, Operation.SIGN, Operation.CREDENTIALS},
)
operations = st.builds(
    frozenset.union,
    st.frozensets(st.sampled_from(Operation), max_size=5),
    st.just(frozenset[Operation]()) | st.sampled_from([*map(frozenset, _OFTEN_TOGETHER)]),
)
grants_with_limits = st.lists(
    st.builds(
        Grant,
        bucket=st.just("reports"),
        prefix=granted_prefixes,
        allow=operations,
        max_expires_in=st.none() | st.sampled_from([60, 900, 3600]),
        content_types=st.none() | st.just(("image/*",)),
        allow_overwrite=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
# What signs nothing has no lifetime.
_SIGN_NOTHING: Final = {Operation.VERSIONS, Operation.CHECK, Operation.CREDENTIALS}
_READS: Final = {Operation.DOWNLOAD, Operation.LIST}
_WRITES: Final = {Operation.UPLOAD, Operation.MULTIPART, Operation.DELETE}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What AWS may allow of these grants.

    `max_age` is in milliseconds. `own_calls` are operations whose calls list one key, which the
    service sends itself. A form and a drop box have new keys, so they need no If-None-Match.
    `copies` are denied, or allowed as uploads are; or nothing else is allowed.
    """

    grants: tuple[Grant, ...]
    needed_for: Mapping[str, set[Operation]]
    max_age: int | None
    lists_one_key: frozenset[Operation]
    has_new_keys: bool
    copies: Literal["none", "any", "only"]

    def allows(self, request: IamRequest) -> bool:
        age = int(str(request.context.get("s3:signatureAge", "0")))
        if request.action.startswith("kms:"):
            return self._of_kms(request)
        if self.copies == "only" and not self._copies(request):
            return False
        if self.max_age is not None and age > self.max_age:
            return False
        if request.resource == BUCKET_ARN:
            return self._lists(request.action, str(request.context.get("s3:prefix", "")))
        bucket, _, key = request.resource.partition("/")
        if bucket != BUCKET_ARN or not self._of_object(request.action, key):
            return False
        return request.action != "s3:PutObject" or self._creates(key, request)

    def _of_kms(self, request: IamRequest) -> bool:
        """KMS knows no key of S3."""
        needed = NEEDED_OF_KMS.get(request.action, set())
        via = request.context.get("kms:ViaService") == VIA_S3["kms:ViaService"]
        if self.copies == "only":
            needed = {Operation.DOWNLOAD} if request.action == "kms:Decrypt" else needed
            is_needed = request.action == "kms:GenerateDataKey" or self._reads()
            return via and request.resource == KMS_KEY and bool(needed) and is_needed
        return via and request.resource == KMS_KEY and any(needed & g.allow for g in self.grants)

    def _reads(self) -> bool:
        return copy_meant(self.grants, "s3:GetObject", "")

    def _copies(self, request: IamRequest) -> bool:
        bucket, _, key = request.resource.partition("/")
        is_write = request.action == "s3:PutObject"
        has_source = "s3:x-amz-copy-source" in request.context
        meant = bool(key) and copy_meant(self.grants, request.action, key)
        return bucket == BUCKET_ARN and meant and (has_source or not is_write)

    def _lists(self, action: str, prefix: str) -> bool:
        if action == "s3:ListBucketVersions":
            needed = {Operation.LIST, Operation.VERSIONS}
            return any(
                is_folder(g.prefix) and below(g.prefix, prefix) and needed <= g.allow
                for g in self.grants
            )
        if action != "s3:ListBucket":
            return False
        return any(
            self._looks(g) or (is_folder(g.prefix) and Operation.LIST in g.allow)
            for g in self.grants
            if (below(g.prefix, prefix) if is_folder(g.prefix) else g.prefix == prefix)
        )

    def _looks(self, grant: Grant) -> bool:
        """Whether the service may list a key: also the one that a share link downloads."""
        is_linked = grant.allow >= {Operation.LINK, Operation.DOWNLOAD}
        return bool(self.lists_one_key) and (is_linked or bool(self.lists_one_key & grant.allow))

    def _of_object(self, action: str, key: str) -> bool:
        if self.copies == "only":
            return True
        needed = self.needed_for.get(action) or NEEDED_FOR_VERSIONS.get(action) or set()
        if self.copies == "any" and self.has_new_keys and action in FOR_COPIES:  # a role's
            needed = {Operation.DOWNLOAD} if self._uploads() else set()
        of_versions = action in NEEDED_FOR_VERSIONS or action == "s3:GetObjectVersionTagging"
        return any(
            below(grant.prefix, key)
            and bool(needed & grant.allow)
            and (not of_versions or Operation.VERSIONS in grant.allow)
            for grant in self.grants
        )

    def _creates(self, key: str, request: IamRequest) -> bool:
        may_copy = self.copies != "none" or "s3:x-amz-copy-source" not in request.context
        may_replace = "s3:if-none-match" not in request.context
        completes = request.context.get("s3:ObjectCreationOperation") == "true"
        return may_copy and (not (may_replace and completes) or self._may_replace(key))

    def _may_replace(self, key: str) -> bool:
        return any(
            below(grant.prefix, key) and bool(UPLOADS & grant.allow) and self._replaces(grant)
            for grant in self.grants
        )

    def _replaces(self, grant: Grant) -> bool:
        is_new = Operation.FORM in grant.allow or grant.allow >= {Operation.LINK, Operation.UPLOAD}
        return grant.allow_overwrite or (self.has_new_keys and is_new)

    def _uploads(self) -> bool:
        return any(Operation.UPLOAD in grant.allow for grant in self.grants)


def of_session(granted: Iterable[Grant]) -> Meaning:
    """Return what the session that signs for a caller may do."""
    grants = tuple(granted)
    return Meaning(
        grants=grants,
        needed_for=NEEDED_FOR,
        max_age=_max_age(grants, 0),
        lists_one_key=frozenset(LOOKS),
        has_new_keys=True,
        copies="none",
    )


def of_copies(granted: Iterable[Grant]) -> Meaning | None:
    """Return what the session that signs a caller's copies may do. None if it copies nothing."""
    grants = tuple(granted)
    if not all(copy_meant(grants, each, "") for each in ("s3:GetObject", "s3:PutObject")):
        return None
    overwriting = tuple(
        grant if copy_meant([grant], "s3:PutObject", "") else replace(grant, allow_overwrite=False)
        for grant in grants
    )
    return replace(of_session(overwriting), has_new_keys=False, copies="only")


def of_credentials(granted: Iterable[Grant], prefix: str, permission: Permission) -> Meaning:
    """Return what a program may do that asked for `permission` below `prefix`."""
    reads = _READS if permission is not Permission.WRITE else set()
    writes = _WRITES if permission is not Permission.READ else set()
    grants = tuple(
        replace(grant, prefix=at, allow=allow)
        for grant in granted
        if Operation.CREDENTIALS in grant.allow
        and (at := _within(grant.prefix, prefix)) is not None
        and (allow := grant.allow & (reads | writes | {Operation.VERSIONS}))
        and allow - {Operation.VERSIONS, *(() if is_folder(at) else LISTS)}
    )
    without_tags = {a: needed for a, needed in NEEDED_FOR.items() if a != "s3:PutObjectTagging"}
    return Meaning(
        grants=grants,
        needed_for=without_tags,
        max_age=_max_age(grants, 900),
        lists_one_key=frozenset(),
        has_new_keys=False,
        copies="any",
    )


def _within(granted: str, asked: str) -> str | None:
    if below(granted, asked) and (is_folder(granted) or granted == asked):
        return asked
    return granted if is_folder(asked) and below(asked, granted) else None


def _max_age(grants: tuple[Grant, ...], at_least: int) -> int | None:
    lifetimes = [grant.max_expires_in for grant in grants if grant.allow - _SIGN_NOTHING]
    known = [each for each in lifetimes if each is not None]
    if not known or len(known) < len(lifetimes):
        return None
    return (max(*known, at_least) + 60) * 1000
