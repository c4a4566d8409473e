"""Looks whether the roles of a configuration can be assumed, and at the clock."""

from typing import Final

from service.operations.live.results import Path, Result
from service.sessions.session import Session
from service.sessions.sts import SessionRefused, SessionSource

# Tokens are checked by this machine's clock, with a leeway of seconds. A minute allows for answers
# that are late.
MAX_CLOCK_ERROR: Final = 60.0


async def open_session(
    source: SessionSource, at: Path, probe_policy: str | None
) -> tuple[Session | None, list[Result]]:
    """Return a session with all that the role may do, and what was found.

    With `probe_policy`, which denies everything, the source must accept session policies.
    """
    try:
        if probe_policy is not None:
            await source.fetch(None, probe_policy)
        session = await source.fetch(None, None)
    except SessionRefused as error:
        hint = "; compare its trust policy with what `presign iam` prints" if error.denied else ""
        return None, [Result("error", at, f"there is no session: {error}{hint}")]
    if session.server_time_at_boot is None:
        return session, [Result("works", at, "there are static keys")]
    length = f"{session.length:.0f} s"
    return session, [Result("works", at, f"the role can be assumed, for {length}")]


def check_clock(ahead: float) -> Result:
    """`ahead` is by how many seconds this machine's clock is ahead of the stores' and STS's."""
    if abs(ahead) <= MAX_CLOCK_ERROR:
        return Result("works", (), "the clock agrees with those of STS and the stores")
    direction = "ahead of" if ahead > 0 else "behind"
    return Result(
        "error",
        (),
        f"the clock is {abs(ahead):.0f} s {direction} that of STS or a store; correct it: tokens "
        "are checked by it, and static keys cannot sign with a clock that is 15 minutes wrong",
    )
