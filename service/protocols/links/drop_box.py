"""Drop boxes: the keys of their files, and the uploads that their page asks for.

Rules of this file:
- A file goes to `<prefix><visitor>/<date> <file name>`. The service makes the visitor's id, and the
  page proves with each file which one it has. So no visitor chooses the folder of another.
- Who sends may say a name, which is put before the id: `<date> <name> <visitor>`. It is only words:
  nothing is decided by it, and the id is in each folder. This date is that of the visit, so that a
  visit has one folder after midnight, too.
- Nothing is replaced. The page's uploads only create, and it takes another name if one is taken. A
  file without a page, or in a store without conditional writes, has a folder of its own, of a
  random name that is long enough never to come twice.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import MISSING, Field

from service.access.grants import Operation
from service.access.key_prefixes import sent_object_key, visit_folder
from service.api.schemas import Size, StrictRequest, Text
from service.clock import Clock
from service.errors import InvalidRequest
from service.presigning.requests import PresignRequest
from service.protocols.links.tickets import LinkKeys, LinkTicket
from service.protocols.links.words import NOT_IN_A_LINE, check_words
from service.protocols.redirects import Headers, put_request
from service.sessions.lifetime import Lifetime
from service.signing.redirected_put import RedirectedPut

_VISITOR: Final = 12  # hex digits of the id of a visit
_CREATE_ONLY: Final = (("if-none-match", "*"),)
_SEPARATORS: Final = re.compile(r"[/\\]")
Sender = Annotated[str, Field(min_length=1, max_length=60)]  # as of the page's field
# Pages that were open before 2026-12 have no day, and must be loaded again.
Visit = Annotated[
    str, Field(pattern=r"^[0-9a-f]{12}(\.[0-9]{4}-[0-9]{2}-[0-9]{2})?\.[A-Za-z0-9_-]{16}$")
]


class NewFile(StrictRequest):
    """A file that the page of a drop box is going to upload."""

    name: Text
    content_length: Size
    content_type: Text | MISSING = MISSING
    visit: Visit | MISSING = MISSING
    sender: Sender | MISSING = MISSING

    def sender_name(self) -> str:
        """Return the name of who sends; empty without one. Raises InvalidRequest."""
        if self.sender is MISSING:
            return ""
        check_words(self.sender, "#/sender", NOT_IN_A_LINE)
        if _SEPARATORS.search(self.sender):
            raise InvalidRequest("A name has no slash and no backslash.", pointer="#/sender")
        return self.sender.strip()


class DropBoxes:
    def __init__(self, *, clock: Clock, unique_id: Callable[[], str]) -> None:
        """`unique_id` returns random hex digits."""
        self._clock = clock
        self._unique_id = unique_id

    def new_visit(self, keys: LinkKeys, link_id: str) -> str:
        """Return what the page of a new visitor sends along with each file."""
        return keys.visit_of(link_id, f"{self._unique_id()[:_VISITOR]}.{self._date()}")

    def put(
        self, ticket: LinkTicket, name: str, headers: Headers, lifetime: Lifetime
    ) -> PresignRequest:
        """Return the upload of a program that sends one file."""
        key = sent_object_key(ticket.link.key, self._unique_id(), self._date(), name)
        return put_request(ticket.link.bucket, key, headers, lifetime, new_key=True)

    def page_put(
        self,
        keys: LinkKeys,
        ticket: LinkTicket,
        file: NewFile,
        lifetime: Lifetime,
        *,
        create_only: bool,
    ) -> PresignRequest:
        """Return the upload of the page. Raises InvalidRequest for a wrong visit or sender.

        Without `create_only` the store has no conditional writes: the file gets its own folder.
        """
        visitor, day = self._visited(keys, ticket, file)
        if not create_only:
            visitor = self._unique_id()
        date, prefix = self._date(), ticket.link.key
        folder = visit_folder(prefix, visitor, day, file.sender_name())
        sent = () if file.content_type is MISSING else (("content-type", file.content_type),)
        return PresignRequest(
            operation=Operation.UPLOAD,
            bucket=ticket.link.bucket,
            key=sent_object_key(prefix, folder, date, file.name),
            action=RedirectedPut(
                content_length=file.content_length,
                sent=(*sent, *_CREATE_ONLY) if create_only else sent,
                new_key=True,
            ),
            lifetime=lifetime,
        )

    def _visited(self, keys: LinkKeys, ticket: LinkTicket, file: NewFile) -> tuple[str, str]:
        """Return the visitor's id, and the day of the visit."""
        if file.visit is MISSING:
            return self._unique_id(), self._date()
        visitor, _, day = (keys.visitor_of(ticket.id, file.visit) or "").partition(".")
        if not day:
            raise InvalidRequest("Load the page of the drop box again.", pointer="#/visit")
        return visitor, day

    def _date(self) -> str:
        return datetime.fromtimestamp(self._clock.wall(), UTC).date().isoformat()
