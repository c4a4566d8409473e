"""Requests that somebody signs by hand with a session: what it may do, and much that it may not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from service.access.grants import Grant
from tests.access.policy_meaning import (
    BUCKET_ACTIONS,
    FOR_COPIES,
    KMS_ACTIONS,
    LISTINGS,
    NEEDED_FOR,
    NEEDED_FOR_VERSIONS,
    OBJECT_ACTIONS,
    near,
)
from tests.iam.s3_requests import BUCKET, BUCKET_ARN, OF_A_SESSION, kms_request
from tests.iam.simulator import IamRequest

ALLOWED: Final = (*NEEDED_FOR, *NEEDED_FOR_VERSIONS, *FOR_COPIES)
_NEVER: Final = [each for each in OBJECT_ACTIONS if each not in ALLOWED]
OTHER_BUCKETS: Final = ("arn:aws:s3:::acme2", "arn:aws:s3:::acm", "arn:aws-cn:s3:::acme")
_PART: Final = {"s3:ObjectCreationOperation": "false"}
_WHOLE: Final = {"s3:ObjectCreationOperation": "true"}
_CREATE_ONLY: Final = {**_WHOLE, "s3:if-none-match": "*"}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Where and when to try everything. `never` are two actions that no grant allows."""

    key: str
    source: str
    listed: str
    age: str = "960001"
    never: tuple[str, str] = ("s3:PutObjectAcl", "s3:DeleteBucket")
    of_kms: str = "kms:Decrypt"
    elsewhere: str = OTHER_BUCKETS[0]


def probes(granted: list[Grant]) -> st.SearchStrategy[Probe]:
    """At the edges of what these grants cover."""
    literal = near(granted).filter(lambda key: "*" not in key)  # see test_simulator_differences.py
    return st.builds(
        Probe,
        key=literal,
        source=near(granted),
        listed=near(granted),
        age=st.sampled_from(["120000", "120001", "960000", "960001", "3660000", "3660001"]),
        never=st.tuples(st.sampled_from(_NEVER), st.sampled_from(BUCKET_ACTIONS)),
        of_kms=st.sampled_from(KMS_ACTIONS),
        elsewhere=st.sampled_from(OTHER_BUCKETS),
    )


def tried(probe: Probe) -> list[IamRequest]:
    key, age = f"{BUCKET_ARN}/{probe.key}", {"s3:signatureAge": probe.age}
    return [
        *(_on(key, action) for action in (*ALLOWED, probe.never[0])),
        *(_on(key, "s3:PutObject", own) for own in (_PART, _WHOLE, _CREATE_ONLY)),
        *(_on(key, "s3:PutObject", own) for own in _copies(probe.source)),
        _on(key, "s3:PutObject", {**_CREATE_ONLY, **age}),
        _on(key, "s3:GetObject", age),
        *_lists(probe.listed),
        _on(BUCKET_ARN, "s3:ListBucket", {"s3:prefix": probe.listed, **age}),
        _on(BUCKET_ARN, probe.never[1]),
        kms_request(probe.of_kms),
        kms_request(probe.of_kms).having(kms_ViaService=None),
        kms_request(probe.of_kms).having(kms_ViaService="ec2.eu-west-1.amazonaws.com"),
        _on(f"{probe.elsewhere}/{probe.key}", "s3:GetObject"),
        _on(f"{probe.elsewhere}/{probe.key}", "s3:PutObject", _CREATE_ONLY),
        _on(probe.elsewhere, "s3:ListBucket", {"s3:prefix": probe.listed}),
    ]


def _copies(source: str) -> Iterator[Mapping[str, str]]:
    """The header may begin with a slash: …/AmazonS3/latest/API/API_CopyObject.html"""
    for copied in (f"{BUCKET}/{source}", f"/{BUCKET}/{source}", f"acme2/{source}"):
        yield {**_CREATE_ONLY, "s3:x-amz-copy-source": copied}
    for own in (_WHOLE, _PART):
        yield {**own, "s3:x-amz-copy-source": f"{BUCKET}/{source}"}


def _lists(prefix: str) -> Iterator[IamRequest]:
    for action in LISTINGS:
        yield _on(BUCKET_ARN, action)
        yield _on(BUCKET_ARN, action, {"s3:prefix": ""})
        yield _on(BUCKET_ARN, action, {"s3:prefix": prefix})


def _on(resource: str, action: str, own: Mapping[str, str] | None = None) -> IamRequest:
    return IamRequest(action=action, resource=resource, context={**OF_A_SESSION, **(own or {})})
