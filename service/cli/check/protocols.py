"""What `presign check` says about the protocols: each has its own words."""

from collections.abc import Iterator, Mapping

from service.access.callers import CallerEntry
from service.app import builders
from service.app.protocol_values import is_on, values_without_keys
from service.app.settings import Settings
from service.errors import ConfigurationProblem
from service.protocols import rights
from service.protocols.checked import CheckedConfiguration
from service.protocols.rights import Right
from service.signing.signer import Address


class CheckedProtocols:
    """The protocols of a configuration, with the values and the buckets that they work with."""

    def __init__(
        self,
        settings: Settings,
        addresses: Mapping[str, Address],
        entries: tuple[CallerEntry, ...],
    ) -> None:
        self._entries, self._values = entries, values_without_keys(settings)
        on = [each for each in settings.protocols if is_on(each, settings)]
        self._checked = CheckedConfiguration(
            buckets=builders.buckets(settings, addresses),
            session_seconds={name: each.session_seconds for name, each in settings.buckets.items()},
            callers=[*zip(settings.caller_locations(), entries, strict=True)],
            sections=frozenset(each.section for each in on if each.section is not None),
            cors_origins=settings.server.cors_origins,
        )
        buckets = self._checked.buckets
        self._conditional = {name for name, each in buckets.items() if each.conditional_writes}
        self._targets = {
            each: [*each.check.targets(self._values[each], self._checked)] for each in on
        }

    def describe(self) -> Iterator[str]:
        for protocol, targets in self._targets.items():
            yield from protocol.check.describe(self._values[protocol])
            for target in targets:
                yield from rights.describe(target)

    def rights(self, entry: CallerEntry) -> Iterator[Right]:
        """Yield what a caller of this entry may do, if its claims suit the grants."""
        for protocol, targets in self._targets.items():
            for target in targets:
                yield from rights.rights(target, entry, self._conditional)
            yield from protocol.check.rights(self._values[protocol], entry, self._checked)

    def warnings(self) -> Iterator[ConfigurationProblem]:
        for protocol, values in self._values.items():
            for target in self._targets.get(protocol, ()):
                yield from rights.warnings(target, self._entries, self._conditional)
            yield from protocol.check.warnings(values, self._checked)
