"""What `presign check` says about the protocols: each has its own words."""

from collections.abc import Iterator, Mapping

from service.access.callers import CallerEntry
from service.app import builders
from service.app.protocol_values import is_on, values_without_keys
from service.app.settings import Settings
from service.errors import ConfigurationProblem
from service.protocols.checked import Checked, Right
from service.signing.signer import Address


class CheckedProtocols:
    """The protocols of a configuration, with the values and the buckets that they work with."""

    def __init__(
        self,
        settings: Settings,
        addresses: Mapping[str, Address],
        entries: tuple[CallerEntry, ...],
    ) -> None:
        self._values = values_without_keys(settings)
        self._on = [each for each in settings.protocols if is_on(each, settings)]
        self._checked = Checked(
            buckets=builders.buckets(settings, addresses),
            session_seconds={name: each.session_seconds for name, each in settings.buckets.items()},
            callers=[*zip(settings.caller_locations(), entries, strict=True)],
            sections=frozenset(each.section for each in self._on if each.section is not None),
            cors_origins=settings.server.cors_origins,
        )

    def describe(self) -> Iterator[str]:
        for each in self._on:
            yield from each.check.describe(self._values[each])

    def rights(self, entry: CallerEntry) -> Iterator[Right]:
        """Yield what a caller of this entry may do, if its claims suit the grants."""
        for each in self._on:
            yield from each.check.rights(self._values[each], entry, self._checked)

    def warnings(self) -> Iterator[ConfigurationProblem]:
        for each, values in self._values.items():
            yield from each.check.warnings(values, self._checked)
