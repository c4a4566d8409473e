"""How the body of DeleteObjects is read. What must be refused is in `hostile_bodies.py`."""

import time
from typing import Final
from xml.etree.ElementTree import Element

import pytest

from service.errors import InvalidRequest
from service.protocols.remote_signing import deletions
from service.protocols.remote_signing.deletions import MAX_OBJECTS, DeletedObject, deleted_objects

OBJECT: Final = (
    "<Object><Key>wh/a</Key><VersionId>v</VersionId><ETag>e</ETag>"
    "<LastModifiedTime>t</LastModifiedTime><Size>1</Size></Object>"
)
LARGE: Final = 2_000_000  # characters: close to what a sign request may have


@pytest.mark.parametrize(
    "declaration",
    [
        "",
        '<?xml version="1.0"?>',
        "<?xml version='1.0' encoding='utf-8'?>",
        '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n',
    ],
)
def test_a_declaration_of_utf_8_is_read(declaration: str) -> None:
    body = f"{declaration}<Delete><Object><Key>wh/\u00e9</Key></Object></Delete>"
    assert deleted_objects(body) == [DeletedObject("wh/\u00e9", is_version=False)]


def test_the_most_objects_with_all_elements_are_read() -> None:
    body = f'<?xml version="1.0"?><Delete>{OBJECT * MAX_OBJECTS}<Quiet>true</Quiet></Delete>'
    assert deleted_objects(body) == [DeletedObject("wh/a", is_version=True)] * MAX_OBJECTS


@pytest.mark.parametrize(
    "body",
    [
        " " * LARGE + "<!",
        "<?xml " + " " * LARGE,
        "<?xml version='1.0'" + " " * LARGE + "?>",
        f"<Delete>{'<a/>' * (LARGE // 4)}</Delete>",
        "<a>" * (LARGE // 3),
        "<" * LARGE,
        f"<Delete>{'&#10;' * (LARGE // 5)}",
    ],
    ids=["spaces", "a declaration", "spaces in it", "elements", "nesting", "brackets", "lines"],
)
def test_no_body_takes_long(body: str) -> None:
    """Spaces before `<!` once took time that grew with their square: a minute for 64 KiB."""
    began = time.process_time()
    with pytest.raises(InvalidRequest):
        deleted_objects(body)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("more", ["<Key/>" * 2500, f"<Object {'a=b ' * 4000}/>", "<a:Object/>"])
def test_more_than_the_objects_need_is_not_parsed(
    monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    """The parser would take some milliseconds of the event loop to refuse it."""

    def never(*_: object, **__: object) -> Element:
        raise AssertionError

    monkeypatch.setattr(deletions, "fromstring", never)
    with pytest.raises(InvalidRequest):
        deleted_objects(f"<Delete><Object><Key>a</Key></Object>{more}</Delete>")


@pytest.mark.parametrize("quote", ['"', "'"])
def test_spaces_and_signs_in_the_usual_places_are_read(quote: str) -> None:
    namespace = f"xmlns={quote}http://s3.amazonaws.com/doc/2006-03-01/{quote}"
    body = f"<Delete {namespace} >\n<Object ><Key>day=1/a:b/</Key\n></Object><Quiet/></Delete>"
    assert deleted_objects(body) == [DeletedObject("day=1/a:b/", is_version=False)]
