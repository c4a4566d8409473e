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
# Of a caller that uploads: a copy has the tags of its source.
NEEDED_FOR_COPIES = {
    "s3:GetObjectTagging": {Operation.DOWNLOAD},
    "s3:GetObjectVersionTagging": {Operation.DOWNLOAD},
}
OF_VERSIONS = {*NEEDED_FOR_VERSIONS, "s3:GetObjectVersionTagging"}
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
    *NEEDED_FOR_COPIES,
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
    several = list(granted)
    needed: set[Operation] = NEEDED_FOR.get(action) or NEEDED_FOR_VERSIONS.get(action) or set()
    if not needed and any(Operation.UPLOAD in grant.allow for grant in several):
        needed = NEEDED_FOR_COPIES.get(action, set())
    return any(
        below(grant.prefix, key)
        and bool(needed & grant.allow)
        and (action not in OF_VERSIONS or Operation.VERSIONS in grant.allow)
        for grant in several
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


def copy_meant(granted: Iterable[Grant], source: str) -> bool:
    """Return whether a copy may read `source`, a bucket and a key with or without a slash before.

    Callers that sign and upload copy what they may sign and download, with or without the slash.
    Others that upload copy what they may download, without it.
    """
    several = list(granted)
    bucket, _, key = (source[1:] if source[:1] == "/" else source).partition("/")
    signing = [grant for grant in several if Operation.SIGN in grant.allow]
    readers = signing if any(UPLOADS & grant.allow for grant in signing) else []
    if source[:1] != "/" and any(Operation.UPLOAD in grant.allow for grant in several):
        readers = several
    return bucket == "acme" and any(
        Operation.DOWNLOAD in each.allow and below(each.prefix, key) for each in readers
    )


def is_folder(prefix: str) -> bool:
    return prefix == "" or prefix[-1] == "/"
