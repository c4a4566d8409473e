"""Upload a file with presign-client, which sends large files in parallel parts.

    PRESIGN_URL=https://presign.example.com PRESIGN_TOKEN=… python upload.py FILE BUCKET KEY

It needs Python 3.10, presign-client, and a grant of `multipart`, `upload` and `check`. If a run is
interrupted, the next one sends only the parts that the store lacks. Each part has a SHA-256, which
the store compares, and at the end the object is checked. docs/client.md has the rest.
"""

import sys

from presign_client import Presign, PresignError


def show(sent: int, size: int | None) -> None:
    print(f"{sent / size:4.0%}" if size else f"{sent} bytes", end="\r", file=sys.stderr)


def main(file: str, bucket: str, key: str) -> None:
    on_progress = show if sys.stderr.isatty() else None
    try:
        with Presign() as presign:  # address and token are in the environment
            stored = presign.upload(file, bucket, key, on_progress=on_progress)
    except (PresignError, OSError, ValueError) as error:
        sys.exit(str(error))
    print(f"{bucket}/{key} is uploaded: {stored.size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python upload.py FILE BUCKET KEY")
    main(*sys.argv[1:])
