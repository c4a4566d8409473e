"""Which entries of the configuration match a caller. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from service.access.callers import CallerEntry, Identity
from service.access.claims import Fact
from service.access.subject_patterns import Patterns


class Entries:
    """An index of caller entries: matching thousands one by one takes milliseconds per caller."""

    def __init__(self, entries: Iterable[CallerEntry]) -> None:
        self._of = defaultdict[tuple[str | None, str | Fact], list[tuple[int, CallerEntry]]](list)
        patterns = defaultdict[str | None, set[str]](set)
        for position, entry in enumerate(entries):
            # Without a subject it has claims, and a caller that matches has a fact of the first.
            keys = entry.claims[0] if entry.subject is None else (entry.subject,)
            for key in keys:
                self._of[entry.issuer, key].append((position, entry))
            if entry.subject is not None and "*" in entry.subject:
                patterns[entry.issuer].add(entry.subject)
        self.patterns = {issuer: Patterns(subjects) for issuer, subjects in patterns.items()}

    def of(self, identity: Identity) -> list[CallerEntry]:
        """The entries that match, in the configuration's order."""
        caller = identity.caller
        keys: set[str | Fact] = {caller.subject, *identity.facts}
        if (patterns := self.patterns.get(caller.issuer)) is not None:
            keys.update(patterns.matching(caller.subject))
        found = {
            position: entry
            for key in keys
            for position, entry in self._of.get((caller.issuer, key), ())
        }
        return [found[position] for position in sorted(found) if found[position].matches(identity)]
