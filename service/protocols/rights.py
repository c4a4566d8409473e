"""Who may use a protocol, and for what, computed from what each use needs. Pure.

A protocol has targets, such as its roots, and a target has uses. `presign check` learns from them
what each caller may do, and what nobody may.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from service.access.callers import CallerEntry, pointers, without_placeholders
from service.access.claims import named_claims
from service.access.grants import Grant, Operation
from service.access.key_prefixes import caller_prefix
from service.access.prefix_coverage import covers_some, may_cover
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
    """A grant that covers keys of a target, maybe all of them."""

    grant: Grant
    is_everywhere: bool


def describe(target: Target) -> Iterator[str]:
    """Yield a line that says where the target is."""
    if target.description is not None:
        yield f"{target.description} in {target.bucket}/{target.prefix}"


def rights(target: Target, entry: CallerEntry, conditional: Container[str]) -> Iterator[Right]:
    """Yield what a matching caller may do, if its claims suit the grants.

    `conditional` are the buckets with conditional writes.
    """
    if (prefix := _own_prefix(target.prefix, entry)) is None:
        return
    if reached := [*_reached(target, prefix, entry)]:
        words = (_words(use, reached, prefix) for use in _possible(target, conditional))
        if found := tuple(each for each in words if each is not None):
            yield Right(found, target.where)


def warnings(
    target: Target, entries: Iterable[CallerEntry], conditional: Container[str]
) -> Iterator[ConfigurationProblem]:
    """Yield what nobody may do."""
    if target.location is None:
        return
    possible = _possible(target, conditional)
    if not any(True for entry in entries for _ in rights(target, entry, conditional)):
        cover = "" if target.bucket is None else f" that cover {target.bucket}/{target.prefix}"
        ways = ", or ".join(f"with {_needed(use)} to {use.what}" for use in possible)
        text = f"nobody may use it; a caller needs grants{cover} {ways}"
        yield ConfigurationProblem(text, target.location)
    if lost := [use.what for use in target.uses if use not in possible]:
        text = f"bucket {target.bucket} has no conditional writes, so nobody may"
        yield ConfigurationProblem(f"{text} {' or '.join(lost)}", (*target.location, "bucket"))


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


def _reached(target: Target, prefix: str, entry: CallerEntry) -> Iterator[_Reach]:
    for grant in entry.grants:
        if target.bucket in {None, grant.bucket}:
            is_everywhere = may_cover(grant, prefix)
            if is_everywhere or covers_some(grant, prefix):
                yield _Reach(grant, is_everywhere)


def _words(use: Use, reached: Sequence[_Reach], prefix: str) -> str | None:
    by_operation = [
        [each for each in reached if _serves(each, use, operation, prefix)]
        for operation in use.needs
    ]
    if all(any(each.is_everywhere for each in serving) for serving in by_operation):
        return use.what
    if use.in_part is None:
        return None
    # The narrowest of the grants that it needs is a part that the others cover too.
    parts = (each.grant for serving in by_operation for each in serving)
    return use.in_part if any(_is_covered(part, by_operation) for part in parts) else None


def _serves(reach: _Reach, use: Use, operation: Operation, prefix: str) -> bool:
    grant = reach.grant
    if operation not in grant.allow or use.of_grants_with not in {None, *grant.allow}:
        return False
    if operation is Operation.UPLOAD and use.overwrites:
        return grant.allow_overwrite
    if operation is Operation.LIST:
        depth = _filled(grant.prefix).count("/", len(prefix))
        is_deep = use.list_depth is not None and depth > use.list_depth
        return grant.covers_subtree and not is_deep
    return True


def _is_covered(part: Grant, by_operation: Sequence[Sequence[_Reach]]) -> bool:
    prefix = _filled(part.prefix)
    return all(
        any(each.grant.prefix == part.prefix or may_cover(each.grant, prefix) for each in serving)
        for serving in by_operation
    )


def _filled(prefix: str) -> str:
    return without_placeholders(prefix, lambda _: "x")


def _needed(use: Use) -> str:
    operations = use.needs | ({use.of_grants_with} - {None})
    named = [each for each in Operation if each in operations]
    settings = [*named, "allow_overwrite"] if use.overwrites else named
    together = " in one grant" if use.of_grants_with else ""
    return " and ".join(f"`{each}`" for each in settings) + together
