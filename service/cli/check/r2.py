"""What `presign check` says about buckets of Cloudflare R2: what tokens do, and cannot do."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry, caller_name
from service.access.grants import Operation
from service.app.settings import Settings
from service.cli.check.policies import widest_callers
from service.config.buckets import BucketSettings
from service.errors import ConfigurationProblem, InvalidRequest
from service.protocols.vended_credentials import CredentialsRequest, policy_for

_NOT_THERE: Final = {
    Operation.FORM: (
        "allows `form`, but R2 takes no forms and answers 501; grant `upload` instead: docs/r2.md"
    ),
    Operation.VERSIONS: "allows `versions`, but R2 keeps none, so it has no effect: docs/r2.md",
}


def describe(name: str, bucket: BucketSettings) -> Iterator[str]:
    if bucket.kind.has_tokens:
        yield (
            f"bucket {name}: each URL has a token of its own, signed without a call, which allows "
            "one action on one key until the URL ends. It cannot be revoked: the end of the "
            "parent, an R2 API token, ends all of them"
        )
        yield (
            f"bucket {name}: anyone who has an upload URL can sign others for its key until it "
            "ends; size, type, checksum and create-only do not bind them"
        )


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    for location, grant in settings.located_grants():
        if settings.buckets[grant.bucket].kind.has_tokens:
            for operation in sorted(_NOT_THERE.keys() & grant.allow):
                yield ConfigurationProblem(_NOT_THERE[operation], (*location, "allow"))
    for i, caller in enumerate(settings.callers):
        names = dict.fromkeys(grant.bucket for grant in caller.grants)
        at_r2 = [name for name in names if settings.buckets[name].kind.has_tokens]
        if caller.revoked_before is not None and at_r2:
            text = (
                f"does not end the tokens that the caller has of {', '.join(at_r2)}: R2 revokes "
                "none of them before its end, unless you delete their parent"
            )
            yield ConfigurationProblem(text, ("callers", i, "revoked_before"))


def errors(settings: Settings, entries: tuple[CallerEntry, ...]) -> Iterator[ConfigurationProblem]:
    """Yield a problem for each caller whose credentials no one token can have."""
    at_r2 = {name for name, each in settings.buckets.items() if each.kind.has_tokens}
    if not at_r2:
        return
    locations = dict(zip(map(id, entries), settings.caller_locations(), strict=True))
    for entry, grants in widest_callers(entries):
        for name in sorted(at_r2.intersection(grant.bucket for grant in grants)):
            try:
                policy_for(grants, CredentialsRequest(bucket=name), None)
            except InvalidRequest:
                text = (
                    f"{caller_name(entry)}: its grants with `credentials` on bucket {name} have "
                    "different operations, but a token of R2 has the same ones on all its paths; "
                    "give them the same, or leave `credentials` out of all but one kind"
                )
                yield ConfigurationProblem(text, locations[id(entry)])
