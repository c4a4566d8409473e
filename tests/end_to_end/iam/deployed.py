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
from functools import cached_property
from itertools import count
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.end_to_end.operators import actions_of, document
from tests.support.stores import Store, client, keys_of, new_user

ACCOUNT: Final = "111122223333"
BUCKET: Final = "acme-reports-prod"
ROLE: Final = "presign-reports"
SERVICE: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-service"
EXTERNAL_ID: Final = "presign-acme-reports"
TAGS: Final = {"presign-issuer": "{issuer}", "presign-subject": "{subject}"}
KEY: Final = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MINISTACKS_ACCOUNT: Final = "000000000000"
_numbers = count()

Json = dict[str, Any]


def only(policy: Json, *sids: str) -> Json:
    return {**policy, "Statement": [each for each in policy["Statement"] if each["Sid"] in sids]}


def without(policy: Json, action: str) -> Json:
    """Return the policy without this action."""
    changed = copy.deepcopy(policy)
    for statement in changed["Statement"]:
        statement["Action"] = [each for each in actions_of(statement) if each != action]
    changed["Statement"] = [each for each in changed["Statement"] if each["Action"]]
    assert changed != policy
    return changed


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
    """`store` has the bucket and the service's keys; role and user have the same name."""

    store: Store
    name: str
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
        self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=self.here(policy))

    def put_role(self, policy: Json) -> None:
        given = {"RoleName": self.name, "PolicyName": "sign"}
        self.iam.put_role_policy(**given, PolicyDocument=self.here(policy))

    def put_identity(self, policy: Json) -> None:
        given = {"UserName": self.name, "PolicyName": "assume"}
        self.iam.put_user_policy(**given, PolicyDocument=self.here(policy))

    @contextmanager
    def bucket_policy(self, policy: Json) -> Iterator[None]:
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/*"
        text = json.dumps(policy).replace(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", session)
        text = text.replace(f"assumed-role/{ROLE}", f"assumed-role/{self.name}")
        admin, bucket = self.store.admin_client(), self.store.bucket
        admin.put_bucket_policy(Bucket=bucket, Policy=self.here(json.loads(text)))
        try:
            yield
        finally:
            admin.delete_bucket_policy(Bucket=bucket)

    def assume(self, **request: Any) -> dict[str, str]:
        """A session like the service's, but without a session policy."""
        requested = {"RoleArn": self.store.role_arn, "RoleSessionName": "presign", **request}
        sts = self.client("sts", self.store.credentials)
        return keys_of(sts.assume_role(**requested)["Credentials"])

    @cached_property
    def session(self) -> dict[str, str]:
        """A shared session: its role's permissions are evaluated for each request."""
        return self.assume(ExternalId=EXTERNAL_ID)

    def create_user(self, policy: str) -> dict[str, str]:
        """The keys of a new user with this policy."""
        return new_user(self.store, f"somebody-{next(_numbers)}", policy)

    def client(self, service: str, credentials: Mapping[str, str]) -> Any:
        """Cached for each key and service: clients are slow to create."""
        known = (service, credentials["aws_access_key_id"])
        if known not in self._clients:
            made = client(service, self.store.endpoint_url, credentials)
            self._clients[known] = self._stack.enter_context(closing(made))
        return self._clients[known]

    def _names(self) -> dict[str, str]:
        """All operations, in an order in which none undoes another."""
        return {
            SERVICE: f"arn:aws:iam::{ACCOUNT}:user/{self.name}",
            KEY: self.kms_key,
            f"role/{ROLE}": f"role/{self.name}",
            BUCKET: self.store.bucket,
            ACCOUNT: MINISTACKS_ACCOUNT,
        }


@contextmanager
def deployment(ministack: Store) -> Iterator[Deployment]:
    """MiniStack with the policies of `deploy/iam`, and a versioned bucket."""
    name = f"presign-deployed-{next(_numbers)}"
    with ExitStack() as stack:
        iam, kms = (
            stack.enter_context(closing(client(each, ministack.endpoint_url)))
            for each in ("iam", "kms")
        )
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
        deployed = Deployment(store=store, name=name, kms_key=kms_key, iam=iam, _stack=stack)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=deployed.here(TRUST))
        deployed.put_role(ROLE_POLICY)
        deployed.put_identity(IDENTITY)
        yield deployed


def _make_bucket(admin: Any, name: str, region: str) -> None:
    admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    admin.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
