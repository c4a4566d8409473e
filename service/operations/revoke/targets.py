"""Find the sessions that `presign revoke CALLER` ends, from the settings.

A caller has its own session on each role of its buckets. A bucket without scoped sessions has one
session instead, so revoking it affects all callers of the bucket.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import assert_never

from service.access.callers import CallerEntry, caller_name, is_anonymous
from service.access.grants import Caller
from service.app import builders
from service.app.settings import Settings
from service.errors import ConfigurationError
from service.operations.revoke.policy import Revocation, Target
from service.sessions.refresh_policy import MIN_VENDED_SECONDS
from service.sessions.source import Owner

_SUGGESTIONS = 5


def revocation_of(text: str, settings: Settings) -> Revocation:
    """Return the revocation of the caller that an operator names.

    Raises ConfigurationError for a pattern of subjects, and if no entry matches the caller.
    """
    entries = builders.caller_entries(settings)
    named = [each for each in entries if not is_anonymous(each)]
    caller = _parse(text)
    matching = [each for each in named if each.may_match(caller)]
    if not matching:
        raise ConfigurationError([_unknown(text, named)])
    buckets = sorted({grant.bucket for each in matching for grant in each.grants})
    with_role = [name for name in buckets if settings.buckets[name].kind.role_trusts is not None]
    scoped = [name for name in with_role if settings.buckets[name].is_scoped]
    own = _targets((caller.issuer, caller.subject), scoped, settings)
    shared = _targets(None, [name for name in with_role if name not in scoped], settings)
    warnings = [
        *([] if buckets else ["this caller has no grants, so it has no sessions"]),
        *_shared_warnings(shared, entries, settings),
        *_other_warnings(buckets, settings),
        *_delivered_warnings(buckets, settings),
    ]
    return Revocation(
        caller=caller_name(caller),
        targets=(*own, *shared),
        entry=tuple(_entry(caller, matching)) if scoped else (),
        warnings=tuple(warnings),
    )


def _parse(text: str) -> Caller:
    """Read `ISSUER:SUBJECT` or an API key's name. Names of issuers and keys have no colon."""
    issuer, colon, subject = text.partition(":")
    if "*" in subject:
        problem = (
            "name one subject, without `*`; the audit trail has the subjects of a pattern. To end "
            "all sessions of a role, use IAM"
        )
        raise ConfigurationError([problem])
    return Caller(issuer=issuer, subject=subject) if colon else Caller(issuer=None, subject=text)


def _unknown(text: str, entries: Sequence[CallerEntry]) -> str:
    subjects = [(e.issuer, e.subject or "SUBJECT") for e in entries]
    names = [subject if issuer is None else f"{issuer}:{subject}" for issuer, subject in subjects]
    near = get_close_matches(text, names, n=_SUGGESTIONS, cutoff=0.4) or names[:_SUGGESTIONS]
    return (
        f"no such caller is configured; there are: {', '.join(near) or 'none'}. Use an API key's "
        "name or ISSUER:SUBJECT; for a caller that was removed, use --config with the earlier file"
    )


def _targets(owner: Owner, buckets: Sequence[str], settings: Settings) -> list[Target]:
    """Return one target for each role of `buckets`."""
    by_role = defaultdict[str, list[str]](list)
    for name in buckets:
        by_role[settings.buckets[name].role_arn or ""].append(name)
    targets = []
    for role_arn, names in by_role.items():
        of_role = [each for each in settings.buckets.values() if each.role_arn == role_arn]
        target = Target(
            role_arn=role_arn,
            owner=owner,
            buckets=tuple(names),
            region=of_role[0].region,
            seconds=max(MIN_VENDED_SECONDS, *(each.session_seconds for each in of_role)),
            is_at_aws=all(each.is_at_aws for each in of_role),
        )
        targets.append(target)
    return targets


def _entry(caller: Caller, matching: Sequence[CallerEntry]) -> Iterator[str]:
    """Yield the lines of the configuration that precede `revoked_before`."""
    subject = json.dumps(caller.subject, ensure_ascii=False)
    if any(each.subject == caller.subject for each in matching):
        key = f"api_key: {caller.subject}" if caller.issuer is None else f"subject: {subject}"
        yield f"On the caller with `{key}`, replacing an earlier one:"
    else:
        yield "As a new entry of `callers`; the grants of all matching entries still apply:"
        yield f"  - issuer: {caller.issuer}"
        yield f"    subject: {subject}"


def _shared_warnings(
    targets: Sequence[Target], entries: Sequence[CallerEntry], settings: Settings
) -> Iterator[str]:
    """Name everybody who is affected because all callers share one session."""
    for target in targets:
        buckets = {
            name
            for name, bucket in settings.buckets.items()
            if bucket.role_arn == target.role_arn and not bucket.is_scoped
        }
        affected = [
            caller_name(each)
            for each in entries
            if any(grant.bucket in buckets for grant in each.grants)
        ]
        yield (
            f"bucket {', '.join(sorted(buckets))}: all callers share one session (scoped_sessions: "
            f"false), so all of them are affected: {', '.join(affected)}. revoked_before has no "
            "effect on it: restart the replicas one at a time after the policy is in place"
        )


def _other_warnings(buckets: Sequence[str], settings: Settings) -> Iterator[str]:
    """Say what ends the URLs of a bucket that no role signs for."""
    for name in buckets:
        match credentials := settings.buckets[name].credentials:
            case "assume_role" | "web_identity":
                pass  # the policy of the role
            case "static":
                yield (
                    f"bucket {name}: static keys have no sessions, so they cannot be revoked here. "
                    "To end all URLs, replace the keys. To end old URLs only, deny s3:* in the "
                    "bucket policy where s3:signatureAge (milliseconds) is NumericGreaterThan an "
                    "age"
                )
            case "r2":
                yield (
                    f"bucket {name}: a token of R2 cannot be revoked, so the caller's URLs and "
                    "credentials work until they end. To end all tokens of the bucket, delete "
                    "their parent, the R2 API token, and write another one's keys into the files. "
                    "To end what comes after this, remove the caller's grants"
                )
            case _:
                assert_never(credentials)


def _delivered_warnings(buckets: Sequence[str], settings: Settings) -> Iterator[str]:
    for name in buckets:
        if (cloudfront := settings.buckets[name].cloudfront) is not None:
            keys = " or ".join(each.id for each in cloudfront.keys)
            yield (
                f"CloudFront URLs and cookies of bucket {name} do not end: they belong to no "
                f"session. Only the removal of the key that signed, {keys}, from its key group "
                "ends them, for all callers. `key_pair_id` in an audit line names it"
            )
