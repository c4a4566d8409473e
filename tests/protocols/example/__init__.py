"""An example of a protocol, for tests: a shelf is a name for a place, and its files are redirects.

With this folder, one field of the settings and one line in the list of protocols, it is complete.
"""

from typing import Final

from service.protocols.protocol import Protocol
from service.protocols.roots import Roots
from tests.protocols.example.check import CHECK
from tests.protocols.example.settings import Named, buckets, restart, values

PROTOCOL: Final[Protocol[Named, Roots]] = Protocol(
    routes=f"{__name__}.routes",
    section="shelves",
    settings=dict,
    values=values,
    check=CHECK,
    buckets=buckets,
    restart=restart,
)
