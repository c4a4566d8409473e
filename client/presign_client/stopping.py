"""Ends the work of threads whose results nobody waits for any more."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from socket import SHUT_RDWR, socket
from threading import Event, Lock
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")
STEP_SECONDS = 0.1  # of a pause

# A file of a folder has two: that of the folder's transfer, and its own.
_events: ContextVar[tuple[Event, ...]] = ContextVar("events", default=())
# By socket, those of the thread that waits at it. A server may be silent for a minute.
_users = WeakKeyDictionary[socket, tuple[Event, ...]]()
_lock = Lock()


class StoppedError(Exception):
    """Another thread has failed, or the caller waits no longer."""


def stopped_by(event: Event, work: Callable[P, T]) -> Callable[P, T]:
    """Return `work`, for any thread. It ends soon after the event is set, or one of this thread."""
    events = (*_events.get(), event)

    def run(*arguments: P.args, **named: P.kwargs) -> T:
        before = _events.set(events)
        try:
            return work(*arguments, **named)
        finally:
            _events.reset(before)

    return run


def stop(event: Event) -> None:
    """Set the event, and wake its threads that wait for a server."""
    event.set()
    with _lock:  # so none of the sockets goes to another thread meanwhile
        for each in [used for used, events in _users.items() if event in events]:
            with suppress(OSError):  # it is closed already
                # Not that of an SSLSocket: it forgets its keys first, and then sends what is plain.
                socket.shutdown(each, SHUT_RDWR)


def uses(connected: socket) -> None:
    """Say at which socket this thread is going to wait. Raises StoppedError if it is to end."""
    with _lock:
        _users[connected] = _events.get()
    check_wanted()


def unused(connected: socket) -> None:
    """Say that no thread waits at a socket now. The next one that uses it may be any other."""
    with _lock:
        _users.pop(connected, None)


def check_wanted() -> None:
    """Raise StoppedError if this thread is to end. Each loop that moves bytes calls it."""
    for event in _events.get():
        if event.is_set():
            raise StoppedError


def is_of_client() -> bool:
    """Whether the client has made this thread, for a transfer, and not the program."""
    return bool(_events.get())


def pause(seconds: float) -> None:
    """Sleep, until this thread is to end at most."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check_wanted()
        time.sleep(min(left, STEP_SECONDS))


def _forget_users() -> None:
    """In a forked process: it has the sockets of its parent, which still uses them."""
    _users.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget_users
    )
