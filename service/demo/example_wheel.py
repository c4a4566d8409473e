"""A package that the demo's index has from its start."""

from io import BytesIO
from typing import Final
from zipfile import ZipFile

KEY: Final = "pypi/hello-presign/hello_presign-1.0-py3-none-any.whl"
_INFO: Final = "hello_presign-1.0.dist-info"
_FILES: Final = {
    "hello_presign.py": 'print("Hello from a package that pip found in the demo.")\n',
    f"{_INFO}/METADATA": "Metadata-Version: 2.1\nName: hello-presign\nVersion: 1.0\n",
    f"{_INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def example_wheel() -> bytes:
    """Return the wheel, whose file name is the last part of `KEY`."""
    record = f"{_INFO}/RECORD"
    listed = "".join(f"{name},,\n" for name in (*_FILES, record))
    content = BytesIO()
    with ZipFile(content, "w") as wheel:
        for name, text in {**_FILES, record: listed}.items():
            wheel.writestr(name, text)
    return content.getvalue()
