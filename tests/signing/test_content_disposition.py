"""Every parser reads the file name back from the header."""

from email.message import Message
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from service.errors import InvalidRequest
from service.signing.content_disposition import Disposition, content_disposition
from service.signing.validation import check_header_value
from tests.support.examples import examples

NAMES: Final = st.text(
    st.sampled_from("\"\\%;,='* \u00e9\u20ac\U0001f600")
    | st.characters(exclude_categories=["Cc", "Cs"]),
    max_size=20,
)


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b;c=d,'e'.txt", "attachment; filename=\"a b;c=d,'e'.txt\""),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        ("a\\b.txt", "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%5Cb.txt"),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("%41.txt", "attachment; filename=\"_41.txt\"; filename*=UTF-8''%2541.txt"),
        ("caf\u00e9.txt", "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt"),
        ("\u20ac rates", "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"),
        ("\U0001f600", "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%98%80"),
        ("(a)'*\u00e9", "attachment; filename=\"(a)'*_\"; filename*=UTF-8''%28a%29%27%2A%C3%A9"),
        (
            "!#$&+-.^_`|~\u00e9",
            "attachment; filename=\"!#$&+-.^_`|~_\"; filename*=UTF-8''!#$&+-.^_`|~%C3%A9",
        ),
    ],
)
def test_names_that_need_it_are_also_sent_in_utf_8(filename: str, header: str) -> None:
    assert content_disposition("attachment", filename) == header


@pytest.mark.parametrize("disposition", ["attachment", "inline"])
def test_the_name_is_optional(disposition: Disposition) -> None:
    assert content_disposition(disposition, None) == disposition
    assert content_disposition(disposition, "a") == f'{disposition}; filename="a"'


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, 0x80, 0x85, 0x9F, 0xD800, 0xDFFF])
@pytest.mark.parametrize("form", ["{}", "a{}", "{}b", "a{}b"])
def test_control_characters_and_surrogates_are_refused(code: int, form: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        content_disposition("attachment", form.format(chr(code)))
    assert list(refusal.value.pointers) == ["#/filename"]


@examples(500)
@given(filename=NAMES)
def test_an_independent_parser_reads_the_name_back(filename: str) -> None:
    disposition, options = parse_options_header(content_disposition("inline", filename))
    assert disposition == "inline"
    assert options == {"filename": filename}


@examples(300)
@given(filename=NAMES)
def test_the_parser_for_mail_reads_the_extended_name_back(filename: str) -> None:
    _, found, extended = content_disposition("attachment", filename).partition("; filename*=")
    if found:
        message = Message()
        message["Content-Disposition"] = f"attachment; filename*={extended}"
        assert message.get_filename() == filename.strip()  # it strips spaces


@examples(300)
@given(filename=NAMES)
def test_the_plain_name_is_one_quoted_string(filename: str) -> None:
    plain = content_disposition("attachment", filename).split('"')
    assert [plain[0], plain[2][:12]] in (
        ["attachment; filename=", end] for end in ("", "; filename*=")
    )
    assert len(plain) == 3
    assert len(plain[1]) == len(filename)


@examples(500)
@given(filename=NAMES)
def test_a_disposition_can_always_be_sent_as_a_header(filename: str) -> None:
    check_header_value(content_disposition("attachment", filename), pointer="#/filename")
