"""`presign revoke` as an operator runs it, on a store that enforces IAM policies.

MiniStack supports `aws:userid` and `aws:TokenIssueTime` as AWS documents them, and applies a policy
at once, while AWS takes minutes. Each test has its own role.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.operations.revoke.policy import written
from service.sessions.source import session_name
from tests.end_to_end.revoking import (
    ALL_ACTIONS,
    CALLERS,
    RevocationSetup,
    credential,
    given_by_web_identity,
    given_to,
    lets_read,
    operator_of,
    pasted,
    revoked_before_in,
    with_rights,
    works,
)
from tests.support.service import run_service
from tests.support.stores import Store

pytestmark = pytest.mark.slow


@pytest.fixture(name="setup")
def _setup(ministack: Store, tmp_path: Path) -> Iterator[RevocationSetup]:
    operator = with_rights(operator_of(ministack, tmp_path), *ALL_ACTIONS)
    key = f"revoke/{operator.role}.txt"
    ministack.put(key)
    with run_service(ministack, tmp_path, callers=CALLERS, role_arn=operator.role_arn) as service:
        yield RevocationSetup(service, operator, key)


def test_only_the_callers_old_urls_die(setup: RevocationSetup) -> None:
    old_of_a, old_of_b = setup.sign("a"), setup.sign("b")
    assert works(old_of_a)
    assert works(old_of_b)

    done = setup.operator.run("a", "--apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert not works(old_of_a)
    assert not works(setup.sign("a"))  # the session is still the old one: hence `revoked_before`
    assert works(old_of_b)
    assert works(setup.sign("b"))

    setup.configure(revoked_before=revoked_before_in(done.stdout))
    assert works(setup.sign("a"))
    assert not works(old_of_a)
    assert works(old_of_b)
    assert credential(setup.sign("b")) == credential(old_of_b)  # nobody else's session was dropped


def test_vended_sessions_are_denied_too(ministack: Store, tmp_path: Path) -> None:
    ann = operator_of(ministack, tmp_path)
    a, b = (given_to(ann, session_name((None, each), vended=True)) for each in "ab")
    assert lets_read(ann, a)
    assert ann.run("a", "--apply", "--yes").returncode == 0
    assert not lets_read(ann, a)
    assert lets_read(ann, b)
    assert ann.run("a", "--lift", "--yes").returncode == 0
    assert lets_read(ann, a)


def test_a_lifted_revocation_allows_again(setup: RevocationSetup) -> None:
    old = setup.sign("a")
    assert setup.operator.run("a", "--apply", "--yes").returncode == 0
    assert not works(old)
    lifted = setup.operator.run("a", "--lift", "--yes")
    assert lifted.returncode == 0, lifted.stderr
    assert "their URLs will work again" in lifted.stdout
    assert works(old)
    assert setup.operator.policies() == {}


def test_the_printed_policy_can_be_applied_by_hand(setup: RevocationSetup) -> None:
    """With `--at`, sessions that were issued later stay valid."""
    old = setup.sign("a")
    done = setup.operator.run("a", "--at", written(int(time.time()) - 3600))
    assert (done.returncode, setup.operator.policies()) == (0, {})
    setup.operator.put("by-hand", pasted(done.stdout))
    assert works(old)
    setup.operator.put("by-hand", pasted(setup.operator.run("a").stdout))
    assert not works(old)
    assert works(setup.sign("b"))


def test_earlier_revocations_are_kept(ministack: Store, tmp_path: Path) -> None:
    ann = operator_of(ministack, tmp_path)
    late, early = written(int(time.time())), written(int(time.time()) - 3600)
    name_of_a = f"presign-revoke-{session_name((None, 'a'))}"
    foreign = {"Sid": "ByHand", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    assert ann.run("a", "--at", late, "--apply", "--yes").returncode == 0
    [first] = ann.policies().values()
    ann.put(name_of_a, {**first, "Statement": [foreign, *first["Statement"]]})
    assert ann.run("b", "--apply", "--yes").returncode == 0
    assert ann.run("a", "--at", early, "--apply", "--yes").returncode == 0
    standing = ann.policies()
    assert len(standing) == 2
    assert standing[name_of_a]["Statement"] == [foreign, *first["Statement"]]
    assert ann.run("a", "--lift", "--yes").returncode == 0
    assert ann.policies()[name_of_a]["Statement"] == [foreign]
    again = ann.run("a", "--lift", "--yes")
    assert (again.returncode, "nothing is revoked" in again.stdout) == (0, True)
    assert len(ann.policies()) == 2


def test_without_confirmation_nothing_changes(ministack: Store, tmp_path: Path) -> None:
    ann = operator_of(ministack, tmp_path)
    for answer in ("", "n\n"):
        done = ann.run("a", "--apply", answer=answer)
        assert (done.returncode, ann.policies()) == (1, {})
        assert '"aws:TokenIssueTime"' in done.stdout
    agreed = ann.run("a", "--apply", answer="y\n")
    assert (agreed.returncode, len(ann.policies())) == (0, 1)


@pytest.mark.parametrize("missing", ALL_ACTIONS)
def test_each_action_of_the_policy_is_needed(
    ministack: Store, tmp_path: Path, missing: str
) -> None:
    anybody = operator_of(ministack, tmp_path)
    assert anybody.run("b", "--apply", "--yes").returncode == 0
    ann = with_rights(anybody, *[each for each in ALL_ACTIONS if each != missing])
    lifts = missing == "iam:DeleteRolePolicy"
    done = ann.run(*(["b", "--lift"] if lifts else ["a", "--apply"]), "--yes")
    assert (done.returncode, len(ann.policies())) == (1, 1)
    assert "IAM refused: AccessDenied" in done.stderr
    for hidden in ("127.0.0.1", ann.key_id, ann.secret):
        assert hidden not in done.stderr + done.stdout


def test_a_web_identity_session_is_denied_too(ministack: Store, tmp_path: Path) -> None:
    ann = operator_of(ministack, tmp_path)
    a = given_by_web_identity(ann, session_name((None, "a")))
    b = given_by_web_identity(ann, session_name((None, "b")))
    assert lets_read(ann, a)
    assert ann.run("a", "--apply", "--yes").returncode == 0
    assert not lets_read(ann, a)
    assert lets_read(ann, b)
