"""The command `presign`. A command's module is imported when it runs."""

import sys

# httpx imports its own command line if it can, with rich and pygments: 35 of the 200 ms in which
# `presign get` begins.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
