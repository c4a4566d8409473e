"""Coalesces writes: responses of one iteration of the event loop are sent together.

To write wakes a client that sleeps. On one machine, where a mesh's proxy asks for it, that costs three
times what a signature does, for each answer; while whoever is awake takes the next ones for nothing.
Nobody waits long: the first answer of a turn goes out after some others, or when nothing else is ready.
"""

import asyncio
from typing import Final

_MOST: Final = 16  # answers that wait for each other: about 1 ms


class WriteBatcher:
    """The wires on which something is to be sent."""

    def __init__(self) -> None:
        self._wires: list[CoalescingTransport] = []

    def add(self, wire: "CoalescingTransport") -> None:
        if not self._wires:
            asyncio.get_running_loop().call_soon(self._empty)
        self._wires.append(wire)
        if len(self._wires) >= _MOST:
            self._empty()

    def _empty(self) -> None:
        wires, self._wires = self._wires, []
        for wire in wires:
            wire.flush()


class CoalescingTransport:
    """A transport. What is posted is sent soon, and in any case before whatever else is done with it."""

    def __init__(self, transport: asyncio.Transport, outbox: WriteBatcher) -> None:
        self._transport = transport
        self._outbox = outbox
        self._posted: list[bytes] = []
        self._is_ended = False  # nothing more may be said
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.is_closing = transport.is_closing

    def post(self, pieces: list[bytes]) -> None:
        if self._is_ended:
            return
        is_first = not self._posted
        self._posted += pieces
        if is_first:
            self._outbox.add(self)

    def flush(self) -> None:
        pieces, self._posted = self._posted, []
        if pieces and not self._transport.is_closing():
            self._transport.writelines(pieces)

    def write(self, data: bytes) -> None:
        self.flush()
        self._transport.write(data)

    def write_eof(self) -> None:
        self.flush()
        self._is_ended = True
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size() + sum(map(len, self._posted))

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._posted = []
        self._transport.abort()
