"""Archives whose bytes depend on names, contents and one time only."""

import gzip
import io
import tarfile
from pathlib import Path


def write_tgz(files: dict[str, bytes], out: Path, epoch: int) -> None:
    """Write the files, by name, each with mode 644 and the time `epoch`."""
    out.write_bytes(gzip.compress(tar(files, epoch), compresslevel=9, mtime=epoch))


def tar(files: dict[str, bytes], epoch: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
