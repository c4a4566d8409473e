"""What only a Lambda reads from the environment."""

import os


def base_path() -> str:
    """Return the path at which a custom domain serves the API, such as `/signing`, or nothing."""
    path = os.environ.get("PRESIGN_BASE_PATH", "").strip("/")
    return f"/{path}" if path else ""


def trace_header() -> str:
    """Return X-Ray's header of the current invocation, which the runtime client sets."""
    return os.environ.get("_X_AMZN_TRACE_ID", "")
