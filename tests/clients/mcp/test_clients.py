"""Each released client finds the tools and calls each of them, and curl sends what it was told."""

import base64
from hashlib import sha256
from typing import Final

import httpx
import pytest

from service.protocols.mcp.rights import NEEDS
from tests.clients.mcp.serving import Agents, Client, Refused, Session, Shell, connected
from tests.support.service import API_KEY

BODY: Final = b"a,b\n1,2\n"
CSV: Final = "text/csv"
REFUSED_BY_STORE: Final = 22  # curl's exit code for a status from 400 on


def test_a_client_discovers_the_tools(session: Session, client: Client) -> None:
    about = session.about()
    assert about["revision"] == client.revision
    assert "Begin with show_access" in about["instructions"]
    tools = {each["name"]: each for each in session.tools()}
    assert [*tools] == [*NEEDS]
    assert tools["sign_upload"]["inputSchema"]["required"] == ["bucket", "key", "size"]
    assert tools["sign_delete"]["annotations"]["destructiveHint"] is True


def test_curl_sends_what_each_tool_tells(
    session: Session, client: Client, agents: Agents, shell: Shell
) -> None:
    folder = f"team/{client.name.replace(', ', '-')}/"
    at = {"bucket": "objects", "key": f"{folder}a b.csv"}
    (shell.directory / "new.csv").write_bytes(BODY)
    digest = sha256(BODY)
    upload = session.value("sign_upload", **at, size=len(BODY), sha256=digest.hexdigest())
    assert shell.run(upload["command"], "new.csv").returncode == 0
    again = shell.run(upload["command"], "new.csv")
    assert (again.returncode, "412" in again.stderr) == (REFUSED_BY_STORE, True)
    stored = agents.store.admin_client().head_object(
        Bucket=agents.store.bucket, Key=at["key"], ChecksumMode="ENABLED"
    )
    assert (stored["ContentLength"], stored["ContentType"]) == (len(BODY), CSV)
    assert stored["ChecksumSHA256"] == base64.b64encode(digest.digest()).decode()

    described = session.value("describe_file", **at)
    assert (described["size"], described["content_type"]) == (len(BODY), CSV)
    listed = session.value("list_files", bucket="objects", prefix=folder)
    assert [each["key"] for each in listed["files"]] == [at["key"]]
    found = session.value("find_files", bucket="objects", prefix="team/", pattern="A ?.csv")
    assert at["key"] in [each["key"] for each in found["files"]]

    download = session.call("sign_download", **at)
    assert download["content"][1]["uri"] == download["structuredContent"]["url"]
    assert shell.run(download["structuredContent"]["command"], "got.csv").returncode == 0
    assert (shell.directory / "got.csv").read_bytes() == BODY

    copied = session.value("sign_copy", **at, to_key=f"{folder}copy.csv")
    assert shell.run(copied["command"]).returncode == 0
    assert agents.store.content(f"{folder}copy.csv") == BODY
    moved = session.value("sign_move", **at, to_key=f"{folder}moved.csv")
    assert shell.run(moved["command"]).returncode == 0
    assert agents.store.content(f"{folder}moved.csv") == BODY
    assert session.refusal("describe_file", **at) == "not_found: There is no such file."
    assert shell.run(moved["command"]).returncode != 0  # its source is gone, so nothing is deleted

    link = session.value("create_link", bucket="objects", key=f"{folder}moved.csv", expires_in=60)
    visited = httpx.get(link["url"], follow_redirects=True, trust_env=False, timeout=60)
    assert visited.content == BODY
    assert link["id"] in [each["id"] for each in session.value("list_links")["links"]]
    assert session.value("revoke_link", id=link["id"])["revoked"] is True
    assert httpx.get(link["url"], trust_env=False, timeout=60).status_code == 404

    for name in ("copy.csv", "moved.csv"):
        deleted = session.value("sign_delete", bucket="objects", key=f"{folder}{name}")
        assert shell.run(deleted["command"]).returncode == 0
    assert session.value("list_files", bucket="objects", prefix=folder)["files"] == []


def test_another_content_than_was_told_is_refused(session: Session, shell: Shell) -> None:
    at = {"bucket": "objects", "key": "team/exact.bin", "content_type": "application/x-test"}
    (shell.directory / "longer").write_bytes(b"123456")
    (shell.directory / "other").write_bytes(b"54321")
    exact = session.value("sign_upload", **at, size=5)
    assert shell.run(exact["command"], "longer").returncode == REFUSED_BY_STORE
    digested = session.value("sign_upload", **at, size=5, sha256=sha256(b"12345").hexdigest())
    assert shell.run(digested["command"], "other").returncode == REFUSED_BY_STORE


def test_what_an_agent_can_mend_is_a_result(session: Session) -> None:
    for tool, more, said in (
        ("sign_upload", {"key": "reports/new.csv", "size": 5}, "forbidden: "),
        ("sign_download", {"key": "elsewhere/a"}, "forbidden: "),
        ("sign_upload", {"key": "team/a"}, "invalid_request: `size`: This field is required."),
        ("describe_file", {"key": "team/none"}, "not_found: "),
    ):
        assert session.refusal(tool, bucket="objects", **more).startswith(said)


def test_an_unknown_tool_is_an_error_of_the_client(session: Session) -> None:
    with pytest.raises(Refused, match="no such tool"):
        session.call("format_disk")


def test_a_strangers_key_is_refused(client: Client, agents: Agents) -> None:
    with pytest.raises(AssertionError), connected(client, agents.url, "wrong") as session:
        session.about()


def test_the_audit_names_the_tool_and_the_caller(session: Session, agents: Agents) -> None:
    session.value("sign_download", bucket="objects", key="reports/of-the-audit.csv")
    [*_, line] = [each for each in agents.audit() if each["keys"] == ["reports/of-the-audit.csv"]]
    assert (line["subject"], line["tool"]) == ("agent", "sign_download")
    assert API_KEY not in agents.output.read_text()
    assert "X-Amz-Signature" not in agents.output.read_text()
