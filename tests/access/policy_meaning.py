"""What a grant means to IAM, independently of the compiler, and strategies for grants."""

from collections.abc import Iterable

from hypothesis import strategies as st

from service.access.grants import Grant, Operation

VIA = "s3.eu-west-1.amazonaws.com"
KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
BUCKET = "arn:aws:s3:::acme"

UPLOADS = {Operation.UPLOAD, Operation.FORM, Operation.MULTIPART}
NEEDED_FOR = {
    "s3:GetObject": {Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK},
    "s3:PutObject": UPLOADS,
    "s3:PutObjectTagging": UPLOADS,
    "s3:AbortMultipartUpload": {Operation.MULTIPART},
    "s3:ListMultipartUploadParts": {Operation.MULTIPART},
    "s3:DeleteObject": {Operation.DELETE},
}
NEEDED_FOR_VERSIONS = {
    "s3:GetObjectVersion": {Operation.DOWNLOAD, Operation.HEAD},
    "s3:DeleteObjectVersion": {Operation.DELETE},
}
# Of copies alone, which have the tags of their source
FOR_COPIES = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
NEEDED_OF_KMS = {
    "kms:Decrypt": {Operation.DOWNLOAD, Operation.CHECK, Operation.MULTIPART},
    "kms:GenerateDataKey": UPLOADS,
}
# For a check: S3 says that a key is missing only to callers that may list it.
LOOKS = {Operation.CHECK, Operation.MULTIPART}
LISTS = LOOKS | {Operation.LIST}

OBJECT_ACTIONS = [
    *NEEDED_FOR,
    *NEEDED_FOR_VERSIONS,
    *FOR_COPIES,
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:PutObjectRetention",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging",
    "s3:RestoreObject",
    "s3:BypassGovernanceRetention",
    "s3:ReplicateObject",
]
LISTINGS = ("s3:ListBucket", "s3:ListBucketVersions")
BUCKET_ACTIONS = [
    "s3:ListBucketMultipartUploads",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:PutLifecycleConfiguration",
    "s3:DeleteBucket",
]
KMS_ACTIONS = [*NEEDED_OF_KMS, "kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant"]

segments = st.lists(
    st.sampled_from(["a", "b", "ab", "A", "", "é", "e\u0301", "漢", "🪣", 'q"', "s p", "c:d"]),
    max_size=3,
)
prefixes = segments.map(lambda each: "".join(f"{segment}/" for segment in each))
names = st.sampled_from(["a", "ab", "b", "é", "🪣.txt", "*", "?", "b*", "a?", "\\", "${x}"])
plain_names = st.sampled_from(["a", "ab", "b", "é", "🪣.txt", "c:d"])
granted_prefixes = prefixes | st.builds(str.__add__, prefixes, plain_names)
keys = prefixes.filter(bool) | st.builds(str.__add__, prefixes, names)
grants = st.builds(
    Grant,
    bucket=st.just("reports"),
    prefix=granted_prefixes,
    allow=st.frozensets(st.sampled_from(Operation)),
)
some_grants = st.lists(grants, max_size=6)


@st.composite
def near(draw: st.DrawFn, granted: list[Grant]) -> str:
    """Return a key or a listing's prefix, often at the edge of what a grant covers."""
    prefix = draw(st.sampled_from([grant.prefix for grant in granted] or [""]))
    edges = [prefix, prefix[:-1], *(prefix + more for more in ("a", "/", "/a", "b/", "*", "?a"))]
    return draw(st.sampled_from([each for each in edges if each]) | keys)


def allowing(*operations: Operation, prefix: str = "a/") -> Grant:
    return Grant(bucket="reports", prefix=prefix, allow=frozenset(operations))


def below(prefix: str, key: str) -> bool:
    """A prefix that is empty or ends in a slash is a folder; any other is one key."""
    if prefix in {"", key}:
        return True
    return prefix[-1] == "/" and key[: len(prefix)] == prefix


def meant(granted: Iterable[Grant], action: str, key: str) -> bool:
    """Return whether the grants allow this action on this key."""
    needed: set[Operation] = NEEDED_FOR.get(action) or NEEDED_FOR_VERSIONS.get(action) or set()
    return any(
        below(grant.prefix, key)
        and bool(needed & grant.allow)
        and (action not in NEEDED_FOR_VERSIONS or Operation.VERSIONS in grant.allow)
        for grant in granted
    )


def version_listing_meant(granted: Iterable[Grant], prefix: str) -> bool:
    needed = {Operation.LIST, Operation.VERSIONS}
    return any(
        is_folder(grant.prefix) and below(grant.prefix, prefix) and needed <= grant.allow
        for grant in granted
    )


def listing_meant(granted: Iterable[Grant], prefix: str) -> bool:
    """A grant for the key `a/b` allows no listing, which would show `a/bc`, except of itself."""
    return any(
        looks(grant)
        if grant.prefix == prefix and not is_folder(grant.prefix)
        else is_folder(grant.prefix) and below(grant.prefix, prefix) and _lists(grant)
        for grant in granted
    )


def looks(grant: Grant) -> bool:
    """Whether the service may list one key: also the one that a share link downloads."""
    return bool(LOOKS & grant.allow) or grant.allow >= {Operation.LINK, Operation.DOWNLOAD}


def _lists(grant: Grant) -> bool:
    return bool(LISTS & grant.allow) or looks(grant)


def copy_meant(granted: Iterable[Grant], action: str, key: str) -> bool:
    """Return whether a copy may need this action: on a source, or on where it goes.

    With an empty key: on any. A grant with limits of size or type takes no copies, unless a client
    signs them, which may declare a type.
    """

    def writes(grant: Grant) -> bool:
        if grant.max_content_length is not None:
            return False
        signed = {Operation.UPLOAD, Operation.MULTIPART} & grant.allow
        if Operation.SIGN in grant.allow and signed:
            return True
        return Operation.UPLOAD in grant.allow and grant.content_types is None

    def allowed(grant: Grant) -> bool:
        if action in {"s3:PutObject", "s3:PutObjectTagging"}:
            return writes(grant)
        of_version = action in {"s3:GetObjectVersion", "s3:GetObjectVersionTagging"}
        if of_version or action in {"s3:GetObject", "s3:GetObjectTagging"}:
            return {Operation.DOWNLOAD, *([Operation.VERSIONS] * of_version)} <= grant.allow
        return False

    return any(allowed(each) and (not key or below(each.prefix, key)) for each in granted)


def is_folder(prefix: str) -> bool:
    return prefix == "" or prefix[-1] == "/"
