"""An IAM simulator that others wrote, as a process: what it decides, and what it knows of AWS.

`@cloud-copilot/iam-simulate` is under the AGPL. It is a tool of the tests, runs in a process of its
own, and nothing of it ships.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.examples import node

HERE: Final = Path(__file__).parent
ACCOUNT: Final = "111122223333"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-reports"
SESSION: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/presign-reports/presign"
EVERYTHING: Final[dict[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}

Json = dict[str, Any]
Context = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class IamRequest:
    """What AWS authorizes: an action on a resource of `account`, with its condition keys.

    `resource_policy` replaces the one of `Policies`: a KMS key has its own.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    principal: str = SESSION
    account: str = ACCOUNT
    resource_policy: Json | None = None

    def having(self, **context: str | Sequence[str] | None) -> "IamRequest":
        """Return the request with changed keys, named like `aws_userid`; None removes one."""
        changed = {name.replace("_", ":", 1): value for name, value in context.items()}
        both = {**self.context, **changed}
        return replace(self, context={k: v for k, v in both.items() if v is not None})

    def as_json(self) -> Json:
        request = {
            "principal": self.principal,
            "action": self.action,
            "resource": {"resource": self.resource, "accountId": self.account},
            "contextVariables": dict(self.context),
        }
        own = {} if self.resource_policy is None else {"resourcePolicy": self.resource_policy}
        return {"request": request, **own}


@dataclass(frozen=True, kw_only=True)
class Policies:
    """`session` is the text that STS gets, `identity` are the policies of the role or user.

    `resource` is the policy of the bucket, the key or the role that the request is about.
    """

    session: str | None = None
    identity: Sequence[Json] = (EVERYTHING,)
    resource: Json | None = None

    def as_json(self) -> Json:
        attached = [{"name": f"p{i}", "policy": each} for i, each in enumerate(self.identity)]
        session = {} if self.session is None else {"sessionPolicy": json.loads(self.session)}
        resource = {} if self.resource is None else {"resourcePolicy": self.resource}
        return {"identityPolicies": attached, **session, **resource}


class Simulator:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.decisions = 0
        self.seconds = 0.0

    def results(self, policies: Policies, requests: Sequence[IamRequest]) -> list[str]:
        """Return `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied` for each request.

        A condition key that AWS does not have for the action is an error.
        """
        started = time.monotonic()
        asked = [each.as_json() for each in requests]
        answers = self._ask(do="simulate", policies=policies.as_json(), requests=asked)
        self.decisions += len(asked)
        self.seconds += time.monotonic() - started
        for request, answer in zip(requests, answers, strict=True):
            assert not answer["ignored"], f"{request.action} has no {answer['ignored']}"
        return [answer["result"] for answer in answers]

    def allows(self, policies: Policies, request: IamRequest) -> bool:
        [result] = self.results(policies, [request])
        assert not result.startswith("error"), result
        return result == "Allowed"

    def check(self, policies: Policies, expected: Sequence[tuple[IamRequest, bool]]) -> None:
        """Fail with the first request that is not decided as expected."""
        __tracebackhide__ = True
        results = self.results(policies, [request for request, _ in expected])
        for result, (request, allowed) in zip(results, expected, strict=True):
            if result.startswith("error") or (result == "Allowed") is not allowed:
                asked = f"{request.action} {request.resource} {dict(request.context)}"
                wanted = "allowed" if allowed else "denied"
                pytest.fail(f"{result}, not {wanted}: {asked} by {policies.session}")

    def actions(self, service: str) -> list[str]:
        """Return the names of all actions of a service."""
        return [str(each) for each in self._ask(do="actions", service=service)]

    def context_keys(self, action: str, resource: str) -> set[str]:
        """Return the condition keys of an action on this resource, in lower case.

        A name after a slash is a variable.
        """
        return set(self._ask(do="keys", action=action, resource=resource))

    def problems(self, kind: str, policy: Json) -> list[Any]:
        """Return what is wrong with a policy; `kind` is Session, Identity, Resource or Trust."""
        return list(self._ask(do="problems", kind=kind, policy=policy))

    def _ask(self, **asked: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{json.dumps(asked)}\n")
        stdin.flush()
        line = stdout.readline()
        assert line, "the simulator ended: its standard error says why"
        return json.loads(line)


@contextmanager
def run_simulator() -> Iterator[Simulator]:
    assert (HERE / "node_modules").exists(), "the simulator is missing: `make iam` installs it"
    command = [node(), str(HERE / "simulator.mjs")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8") as process:
        try:
            yield Simulator(process)
        finally:
            process.kill()
