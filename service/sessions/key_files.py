"""Files with one key each. Apart from the SDK, so that reading the settings does not import it."""

from pathlib import Path


def read_key_file(path: Path) -> str:
    """Return the text of a file, without white space at its ends.

    Raises ValueError, which repeats neither the content nor the path: that may be a key by mistake.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):  # ValueError: other characters, or a path with a null character
        text = ""
    if not text.isprintable() or len(text.split()) != 1:
        raise ValueError("write the path of a readable file with the key and nothing else")
    return text
