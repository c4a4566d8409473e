"""A client of docs/object-urls.md, and one way to give it the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.clients.toolchains import GENERATORS, tool

PYTHON: Final = str(GENERATORS / "python")
ACTIONS: Final = ("GET", "Range", "HEAD", "PUT", "create", "DELETE")
Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A client, and one way to give it the key.

    `key_at_store` is "not sent", "sent", or "-" if no request reaches the store. `fails` are the
    actions that do not work. `package` is Debian's, if the client is from there.
    """

    name: str
    key: str
    key_at_store: str
    commands: Mapping[str, Command]
    fails: frozenset[str] = frozenset()
    package: str | None = None
    netrc: bool = False  # it finds the key in its home
    wheel: bool = False  # it reads nothing else

    def __str__(self) -> str:
        return f"{self.name}, {self.key}"

    def command(self, action: str, **values: str) -> list[str]:
        program, *arguments = (each.format(**values) for each in self.commands[action])
        found = program if self.package is None else tool(program, self.package)
        return [found, *arguments]

    def actions(self) -> tuple[str, str]:
        """Return what works and what does not, as the page's table says it."""
        requests = [action for action in ACTIONS if action in self.commands and action != "create"]
        fails = [action for action in requests if action in self.fails]
        works = [action for action in requests if action not in self.fails]
        return "all" if len(works) == len(ACTIONS) - 1 else ", ".join(works), ", ".join(fails)
