"""What `presign check` says about the STS door. Who gets what, it says of credentials."""

from collections.abc import Iterator
from typing import Final, Literal

from service.access.grants import Operation
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, CheckedConfiguration


def describe(_: Literal[True]) -> Iterator[str]:
    yield "at /sts: AssumeRoleWithWebIdentity, for callers with `credentials`"


def warnings(
    is_on: Literal[True] | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if is_on and all(Operation.CREDENTIALS not in grant.allow for _, grant in checked.grants()):
        text = "no grant allows `credentials`, so nobody gets any at /sts"
        yield ConfigurationProblem(text, ("sts",), grave=True)


CHECK: Final = Check(describe=describe, warnings=warnings)
