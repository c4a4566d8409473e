"""Who may use a protocol, and for what, computed from what each use needs. Pure.

A protocol has targets, such as its roots, and a target has uses. `presign check` learns from them
what each caller may do, and what nobody may.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from service.access.callers import CallerEntry, pointers, without_placeholders
from service.access.claims import named_claims
from service.access.grants import Grant, Operation
from service.access.key_prefixes import caller_prefix
from service.access.prefix_coverage import covers_some, may_cover
from service.access.prefixes import subtrees_of
from service.errors import ConfigurationProblem, Location

_SUBJECT = "/sub"


@dataclass(frozen=True, slots=True)
class Use:
    """Something that a caller may do: `what`, as words that follow `may`.

    - `needs`: what grants must allow for it, one grant or several
    - `in_part`: the words if they cover only a part of the target. None: it is then impossible
    - `of_grants_with`: an operation that each of these grants must allow too
    - `overwrites`: grants with `upload` must have `allow_overwrite`
    - `creates`: the bucket must have conditional writes
    - `list_depth`: the most folders between the target and the prefix of a grant with `list`
    """

    what: str
    needs: frozenset[Operation]
    in_part: str | None = None
    of_grants_with: Operation | None = None
    overwrites: bool = False
    creates: bool = False
    list_depth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """All keys of a bucket that begin with `prefix`. Without a bucket: all that grants cover.

    Each caller has its own values of the prefix's placeholders. `where` follows the words of a use,
    and `description` precedes the bucket. `location` is the setting that is in vain if nobody may
    use it; None if it never is.
    """

    uses: Sequence[Use]
    where: str
    location: Location | None
    bucket: str | None = None
    prefix: str = ""
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """Something that a caller may do: `what`, as words that follow `may`, and `where` or how."""

    what: tuple[str, ...]
    where: str

    def __str__(self) -> str:
        return f"{', '.join(self.what)} {self.where}"


class _Reach(NamedTuple):
    """A grant that covers keys of a target, maybe all of them.

    `depth` are the folders between the target and the grant's prefix.
    """

    grant: Grant
    is_everywhere: bool
    depth: int


def describe(target: Target) -> Iterator[str]:
    """Yield a line that says where the target is."""
    if target.description is not None:
        yield f"{target.description} in {target.bucket}/{target.prefix}"


def rights(target: Target, entry: CallerEntry, conditional: Container[str]) -> Iterator[Right]:
    """Yield what a matching caller may do, if its claims suit the grants.

    `conditional` are the buckets with conditional writes.
    """
    if found := tuple(_found(target, [*_reached(target, entry)], conditional)):
        yield Right(found, target.where)


def warnings(
    target: Target, entries: Sequence[CallerEntry], conditional: Container[str]
) -> Iterator[ConfigurationProblem]:
    """Yield what nobody may do."""
    if target.location is None:
        return
    possible = _possible(target, conditional)
    if not _is_used(target, entries, conditional):
        cover = "" if target.bucket is None else f" that cover {target.bucket}/{target.prefix}"
        ways = ", or ".join(f"with {_needed(use)} to {use.what}" for use in possible)
        text = f"nobody may use it; a caller needs grants{cover} {ways}"
        yield ConfigurationProblem(text, target.location)
    if lost := [use.what for use in target.uses if use not in possible]:
        text = f"bucket {target.bucket} has no conditional writes, so nobody may"
        yield ConfigurationProblem(f"{text} {' or '.join(lost)}", (*target.location, "bucket"))


def _is_used(target: Target, entries: Sequence[CallerEntry], conditional: Container[str]) -> bool:
    """Whether some caller may use a part of the target.

    A token may match several entries of its issuer, whose grants add up. Which ones depends on its
    claims, so here all of an issuer do.
    """
    by_issuer = defaultdict[str, set[_Reach]](set)
    for entry in entries:
        reached = [*_reached(target, entry)]
        if any(_found(target, reached, conditional)):
            return True
        if entry.issuer is not None:
            by_issuer[entry.issuer].update(reached)
    return any(any(_found(target, [*each], conditional)) for each in by_issuer.values())


def _found(target: Target, reached: Sequence[_Reach], conditional: Container[str]) -> Iterator[str]:
    """Yield the words of the uses that these grants allow together."""
    for use in _possible(target, conditional) if reached else ():
        if (words := _words(use, reached)) is not None:
            yield words


def _possible(target: Target, conditional: Container[str]) -> list[Use]:
    """Return the uses that the bucket's store allows."""
    creates = target.bucket is None or target.bucket in conditional
    return [use for use in target.uses if creates or not use.creates]


def _own_prefix(template: str, entry: CallerEntry) -> str | None:
    """Return the prefix of a caller that matches, or None if it lacks a claim of the template."""
    if "{" not in template:
        return template
    example = entry.example()
    if entry.issuer is not None:  # an API key has no claims
        named = set(pointers(template))
        claims = dict.fromkeys(named - {_SUBJECT}, "x")
        claims |= named_claims({"sub": example.caller.subject}, named & {_SUBJECT})
        example = replace(example, claims=claims)
    return caller_prefix(template, example)


def _reached(target: Target, entry: CallerEntry) -> Iterator[_Reach]:
    """Yield the grants of a matching caller that cover keys of the target."""
    if (prefix := _own_prefix(target.prefix, entry)) is None:
        return
    for grant in entry.grants:
        if target.bucket in {None, grant.bucket}:
            is_everywhere = may_cover(grant, prefix)
            if is_everywhere or covers_some(grant, prefix):
                depth = _filled(grant.prefix).count("/", len(prefix))
                yield _Reach(grant, is_everywhere, depth)


def _words(use: Use, reached: Sequence[_Reach]) -> str | None:
    by_operation = [
        [each for each in reached if _serves(each, use, operation)] for operation in use.needs
    ]
    if all(any(each.is_everywhere for each in serving) for serving in by_operation):
        return use.what
    return use.in_part if use.in_part is not None and _share_keys(by_operation) else None


def _serves(reach: _Reach, use: Use, operation: Operation) -> bool:
    grant = reach.grant
    if operation not in grant.allow or use.of_grants_with not in {None, *grant.allow}:
        return False
    if operation is Operation.UPLOAD and use.overwrites:
        return grant.allow_overwrite
    if operation is Operation.LIST:
        is_deep = use.list_depth is not None and reach.depth > use.list_depth
        return grant.covers_subtree and not is_deep
    return True


def _share_keys(by_operation: Sequence[Sequence[_Reach]]) -> bool:
    """Whether all operations are allowed on some keys.

    The narrowest of the grants that a use needs is a part that the others cover too.
    """
    prefixes = [{each.grant.prefix for each in serving} for serving in by_operation]
    templates = [
        {each.grant for each in serving if pointers(each.grant.prefix)} for serving in by_operation
    ]

    def is_covered(part: str) -> bool:
        filled = _filled(part)
        wider = {part, *subtrees_of(filled)}
        return all(
            not wider.isdisjoint(own) or any(may_cover(each, filled) for each in with_claims)
            for own, with_claims in zip(prefixes, templates, strict=True)
        )

    return all(prefixes) and any(map(is_covered, set[str]().union(*prefixes)))


def _filled(prefix: str) -> str:
    return without_placeholders(prefix, lambda _: "x")


def _needed(use: Use) -> str:
    operations = use.needs | ({use.of_grants_with} - {None})
    named = [each for each in Operation if each in operations]
    settings = [*named, "allow_overwrite"] if use.overwrites else named
    together = " in one grant" if use.of_grants_with else ""
    return " and ".join(f"`{each}`" for each in settings) + together
