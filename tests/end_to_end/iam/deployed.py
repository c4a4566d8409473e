"""`deploy/iam` on MiniStack: a bucket, a signing role and the service's identity.

Only names are replaced: of the account, the bucket, the role and the service. In `aws:PrincipalArn`
MiniStack has the ARN of the session, and AWS that of its role, so that is replaced in the bucket's
policy.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import count
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.end_to_end.operators import ROOT
from tests.support import stores
from tests.support.stores import Store

ACCOUNT: Final = "111122223333"
BUCKET: Final = "acme-reports-prod"
ROLE: Final = "presign-reports"
SERVICE: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-service"
EXTERNAL_ID: Final = "presign-acme-reports"
TAGS: Final = {"presign-issuer": "{issuer}", "presign-subject": "{subject}"}
KEY: Final = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MINISTACKS_ACCOUNT: Final = "000000000000"
_numbers = count()
_BOTO3: Final = boto3.Session()

Json = dict[str, Any]


def document(name: str) -> Json:
    found: Json = json.loads((ROOT / "deploy" / "iam" / name).read_text(encoding="utf-8"))
    return found


def only(policy: Json, *sids: str) -> Json:
    return {**policy, "Statement": [each for each in policy["Statement"] if each["Sid"] in sids]}


def without(policy: Json, action: str) -> Json:
    """Return the policy without this action."""
    changed = copy.deepcopy(policy)
    for statement in changed["Statement"]:
        statement["Action"] = [each for each in actions(statement) if each != action]
    changed["Statement"] = [each for each in changed["Statement"] if each["Action"]]
    assert changed != policy
    return changed


def actions(statement: Json) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


ROLE_POLICY: Final = document("role.json")
TRUST: Final = document("trust-assume-role.json")
WEB_TRUST: Final = document("trust-web-identity.json")
IDENTITY: Final = document("service-identity.json")
BUCKET_POLICY: Final = document("bucket-policy.json")
CORS: Final = document("cors.json")

DENIED: Final = {"AccessDenied", "AccessDeniedException", "403"}


def refusal(act: Callable[[], object]) -> str | None:
    """Return the error code, or None if the call succeeds."""
    try:
        act()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@dataclass(kw_only=True)
class Deployment:
    """`store` has the bucket, the role and the service's keys."""

    store: Store
    role: str
    user: str
    kms_key: str
    iam: Any
    _stack: ExitStack
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def here(self, policy: Json) -> str:
        text = json.dumps(policy)
        for there, here in self._names().items():
            text = text.replace(there, here)
        return text

    def put_trust(self, policy: Json) -> None:
        self.iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=self.here(policy))

    def put_role(self, policy: Json) -> None:
        given = {"RoleName": self.role, "PolicyName": "sign"}
        self.iam.put_role_policy(**given, PolicyDocument=self.here(policy))

    def put_identity(self, policy: Json) -> None:
        given = {"UserName": self.user, "PolicyName": "assume"}
        self.iam.put_user_policy(**given, PolicyDocument=self.here(policy))

    @contextmanager
    def bucket_policy(self, policy: Json) -> Iterator[None]:
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/*"
        text = json.dumps(policy).replace(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", session)
        text = text.replace(f"assumed-role/{ROLE}", f"assumed-role/{self.role}")
        admin, bucket = self.store.admin_client(), self.store.bucket
        admin.put_bucket_policy(Bucket=bucket, Policy=self.here(json.loads(text)))
        try:
            yield
        finally:
            admin.delete_bucket_policy(Bucket=bucket)

    def assume(self, **request: Any) -> Json:
        """A session like the service's, but without a session policy."""
        requested = {"RoleArn": self.store.role_arn, "RoleSessionName": "presign", **request}
        given: Json = self.client("sts", self.base).assume_role(**requested)["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    @cached_property
    def session(self) -> Json:
        """A shared session: its role's permissions are evaluated for each request."""
        return self.assume(ExternalId=EXTERNAL_ID)

    def create_user(self, policy: str) -> Json:
        """The keys of a new user with this policy."""
        name = f"somebody-{next(_numbers)}"
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    @property
    def base(self) -> Json:
        return {
            "aws_access_key_id": self.store.access_key_id,
            "aws_secret_access_key": self.store.secret_access_key,
        }

    def client(self, service: str, credentials: Mapping[str, str]) -> Any:
        """Cached for each key and service: clients are slow to create."""
        known = (service, credentials["aws_access_key_id"])
        if known not in self._clients:
            made = _BOTO3.client(
                service,
                endpoint_url=self.store.endpoint_url,
                region_name=self.store.region,
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
                **credentials,
            )
            self._clients[known] = self._stack.enter_context(closing(made))
        return self._clients[known]

    def _names(self) -> dict[str, str]:
        """All operations, in an order in which none undoes another."""
        return {
            SERVICE: f"arn:aws:iam::{ACCOUNT}:user/{self.user}",
            KEY: self.kms_key,
            f"role/{ROLE}": f"role/{self.role}",
            BUCKET: self.store.bucket,
            ACCOUNT: MINISTACKS_ACCOUNT,
        }


@contextmanager
def deployment(ministack: Store) -> Iterator[Deployment]:
    """MiniStack with the policies of `deploy/iam`, and a versioned bucket."""
    name = f"presign-deployed-{next(_numbers)}"
    with ExitStack() as stack:
        client = partial(stores._client, url=ministack.endpoint_url)
        iam, kms = (stack.enter_context(closing(client(each))) for each in ("iam", "kms"))
        _make_bucket(ministack.admin_client(), name, ministack.region)
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        store = replace(
            ministack,
            bucket=name,
            versioned_bucket=name,
            access_key_id=key["AccessKeyId"],
            secret_access_key=key["SecretAccessKey"],
            role_arn=f"arn:aws:iam::{MINISTACKS_ACCOUNT}:role/{name}",
        )
        kms_key = kms.create_key()["KeyMetadata"]["Arn"]
        deployed = Deployment(
            store=store, role=name, user=name, kms_key=kms_key, iam=iam, _stack=stack
        )
        trust = deployed.here(TRUST)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        deployed.put_role(ROLE_POLICY)
        deployed.put_identity(IDENTITY)
        yield deployed


def _make_bucket(admin: Any, name: str, region: str) -> None:
    admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    admin.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
