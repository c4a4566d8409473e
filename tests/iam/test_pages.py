"""Where AWS allows less than is signed, or more than a grant means, a page says so."""

import re
from dataclasses import dataclass, replace
from typing import Final

import pytest

from service.access.grants import Grant, Operation
from service.access.narrowing import Permission
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from tests.access.policy_meaning import allowing
from tests.deploy.iam.files import ROOT
from tests.iam.s3_requests import BUCKET, BUCKET_ARN, HOST, OF_A_SESSION, Sent, iam_requests
from tests.iam.signed import ARNS, AT_AWS
from tests.iam.simulator import IamRequest, Policies, Simulator
from tests.support.factories import REQUESTER, make_snapshot

URL: Final = f"https://{HOST}/a/b"
SIGNED: Final = (Operation.UPLOAD, Operation.DOWNLOAD, Operation.HEAD, Operation.SIGN)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What AWS decides about requests under these grants, and the sentence that says so."""

    page: str
    sentence: str
    grants: list[Grant]
    requests: list[IamRequest]
    allowed: bool


def sent(method: str, **headers: str) -> list[IamRequest]:
    """Return the last action that a client's own request needs, and what belongs to it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return list(iam_requests(Sent(method=method, url=URL, headers=named)))


def on_a_key(action: str, key: str = "a/b", **context: str) -> list[IamRequest]:
    of_the_key = IamRequest(action=action, resource=f"{BUCKET_ARN}/{key}", context=OF_A_SESSION)
    return [of_the_key.having(**context)]


def many(count: int, operation: Operation) -> list[Grant]:
    """Return grants with so long prefixes that little else fits into a policy."""
    grants = (allowing(operation, prefix=f"{'x' * 60}-{n}/") for n in range(count))
    return [replace(each, max_expires_in=900) for each in grants]


LONG: Final = f"{'x' * 60}-0/a"
NARROWER: Final = {
    "an upload with an ACL": Said(
        page="docs/remote-signing.md",
        sentence="An upload with an ACL needs `s3:PutObjectAcl`",
        grants=[allowing(*SIGNED)],
        requests=sent("PUT", x_amz_acl="bucket-owner-full-control")[1:2],
        allowed=False,
    ),
    "a checksum of an encrypted object": Said(
        page="docs/remote-signing.md",
        sentence="of an object under a KMS key needs `kms:Decrypt`, so a grant with `download`",
        grants=[allowing(Operation.HEAD, Operation.SIGN)],
        requests=sent("HEAD", x_amz_checksum_mode="ENABLED")[1:],
        allowed=False,
    ),
    "no list of versions": Said(
        page="docs/callers.md",
        sentence="that caller's `GET /v1/object-versions` is then refused by the store",
        grants=[
            allowing(Operation.LIST, Operation.VERSIONS, prefix=f"{'x' * 900}/"),
            allowing(Operation.LIST),
        ],
        requests=[
            IamRequest(
                action="s3:ListBucketVersions",
                resource=BUCKET_ARN,
                context={**OF_A_SESSION, "s3:prefix": f"{'x' * 900}/"},
            )
        ],
        allowed=False,
    ),
}
WIDER: Final = {
    "no create-only": Said(
        page="docs/callers.md",
        sentence="A limit that would make the policy longer than 2,048 characters is left out",
        grants=many(18, Operation.UPLOAD),
        requests=on_a_key("s3:PutObject", LONG, s3_ObjectCreationOperation="true"),
        allowed=True,
    ),
    "no age": Said(
        page="docs/callers.md",
        sentence="A limit that would make the policy longer than 2,048 characters is left out",
        grants=many(17, Operation.UPLOAD),
        requests=on_a_key(
            "s3:PutObject", LONG, **{"s3_signatureAge": "960001", "s3_if-none-match": "*"}
        ),
        allowed=True,
    ),
    "any size and type": Said(
        page="docs/callers.md",
        sentence="IAM has no condition for size and type: only the signature limits them",
        grants=[
            replace(allowing(Operation.UPLOAD), max_content_length=1, content_types=("text/plain",))
        ],
        requests=sent("PUT", content_length="2", content_type="text/html", if_none_match="*"),
        allowed=True,
    ),
    "a form's new key": Said(
        page="docs/callers.md",
        sentence="forms and drop boxes send no condition, because their keys are new",
        grants=[allowing(Operation.FORM)],
        requests=on_a_key("s3:PutObject", s3_ObjectCreationOperation="true"),
        allowed=True,
    ),
    "a download with a grant for `head`": Said(
        page="docs/callers.md",
        sentence="| `download`, `head`, `check` | `s3:GetObject`",
        grants=[allowing(Operation.HEAD)],
        requests=on_a_key("s3:GetObject"),
        allowed=True,
    ),
}


@pytest.mark.parametrize("said", [*NARROWER.values(), *WIDER.values()], ids=[*NARROWER, *WIDER])
def test_the_page_says_what_aws_decides(simulator: Simulator, said: Said) -> None:
    text = re.sub(r"\s+", " ", (ROOT / said.page).read_text(encoding="utf-8"))
    assert said.sentence in text
    snapshot = make_snapshot(*said.grants, buckets={"reports": AT_AWS})
    policy = snapshot.access(REQUESTER.identity).sessions[None].session_keys["reports"].policy
    assert said.requests
    simulator.check(Policies(session=policy), [(each, said.allowed) for each in said.requests])


def test_credentials_allow_no_tags_as_their_page_says(simulator: Simulator) -> None:
    text = re.sub(r"\s+", " ", (ROOT / "docs/credentials.md").read_text(encoding="utf-8"))
    assert "Uploads of a program cannot set tags" in text
    assert "Copies below its own prefixes work if it may read and write there" in text
    granted = [allowing(Operation.UPLOAD, Operation.DOWNLOAD, Operation.CREDENTIALS)]
    asked = CredentialsRequest(bucket="reports", permission=Permission.READWRITE)
    policies = Policies(session=policy_for(granted, asked, ARNS))
    tagged = sent("PUT", x_amz_tagging="team=x", if_none_match="*")
    expected = [(each, each.action != "s3:PutObjectTagging") for each in tagged]
    assert len(expected) == len(tagged) > 1
    simulator.check(policies, expected)
    copy = sent("PUT", x_amz_copy_source=f"{BUCKET}/a/c", if_none_match="*")
    simulator.check(policies, [(each, True) for each in copy])
