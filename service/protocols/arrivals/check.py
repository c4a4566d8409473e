"""What `presign check` says about arrivals: what hooks are notified of, and who may push."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import CallerEntry
from service.access.grants import Operation
from service.errors import ConfigurationProblem
from service.protocols.arrivals.hooks import ArrivalsValues
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.rights import Right

_SECTION: Final = "arrivals"


def describe(arrivals: ArrivalsValues) -> Iterator[str]:
    source = "pushes" if arrivals.queue is None else "a queue and pushes"
    for name, hook in arrivals.hooks.items():
        what = " and ".join(sorted(hook.events))
        where = f"{hook.bucket}/{hook.prefix}"
        # Path and query may be secret.
        host = urlsplit(hook.url).netloc
        yield f"{_SECTION}: hook {name} at {host} is notified of what is {what} in {where}"
    yield f"{_SECTION}: events come by {source}"


def rights(_: ArrivalsValues, entry: CallerEntry, __: CheckedConfiguration) -> Iterator[Right]:
    for grant in entry.grants:
        if Operation.NOTIFY in grant.allow:
            yield Right(("push events",), f"of {grant.bucket}/{grant.prefix}")


def warnings(
    arrivals: ArrivalsValues | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    pushing = [at for at, grant in checked.grants() if Operation.NOTIFY in grant.allow]
    if arrivals is None:
        for location in pushing:
            text = "allows `notify`, but there is no section `arrivals`, so it has no effect"
            yield ConfigurationProblem(text, location)
        return
    if arrivals.queue is None and not pushing:
        text = (
            "no event arrives: there is no queue_url, and nobody may `notify`; only in Lambda may "
            "a queue be the function's event source"
        )
        yield ConfigurationProblem(text, (_SECTION,))
    for location in pushing:
        if location[0] == "unsafe_anonymous_caller":
            text = "anybody who can reach the service may notify the hooks of what never happened"
            yield ConfigurationProblem(text, location, grave=True)
    for name, hook in arrivals.hooks.items():
        if checked.buckets[hook.bucket].s3_bucket.startswith("arn:"):
            text = (
                "is an access point, but events name the bucket behind it: add that bucket, and "
                "give the hook its name"
            )
            yield ConfigurationProblem(text, (_SECTION, "hooks", name, "bucket"))


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
