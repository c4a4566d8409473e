"""`presign init`: a first configuration, by some questions or by options."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.first_callers import (
    AUDIENCE,
    GITHUB,
    IN_CLUSTER,
    OF_POD,
    CallerKind,
    TokenCaller,
)
from service.cli.options import InvalidConfiguration, as_json, load, print_json, warn

if TYPE_CHECKING:
    from service.cli.first_file import Answers


def _valid(kind: str) -> Callable[..., str | None]:
    """Return the callback of an option with a text of this kind."""

    def check(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
        return None if text is None else _checked(text, kind)

    return check


def _one_member(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> str | None:
    if len(given) > 1:
        raise click.UsageError(
            "the file begins with one caller: give --member once, add the others to it"
        )
    return _valid("Subject")(context, option, given[0] if given else None)


@click.command(
    epilog="""\b
Examples:
  presign init
  presign init --bucket acme-reports --region eu-west-1 --prefix shared/ \\
    --role-arn arn:aws:iam::111122223333:role/presign
  presign init --bucket reports --endpoint-url https://minio.internal:9000
"""
)
@click.argument("path", type=click.Path(path_type=Path), default="presign.yaml", metavar="[FILE]")
@click.option("--bucket", metavar="NAME", callback=_valid("Name"), help="The bucket's real name.")
@click.option(
    "--region", metavar="NAME", callback=_valid("Region"), help="The bucket's region at AWS."
)
@click.option(
    "--endpoint-url",
    metavar="URL",
    callback=_valid("Url"),
    help="The store's URL, if it is not AWS.",
)
@click.option(
    "--role-arn",
    metavar="ARN",
    callback=_valid("RoleArn"),
    help="The role that signs. Another store can use static keys instead.",
)
@click.option(
    "--prefix",
    metavar="PREFIX",
    callback=_valid("Prefix"),
    help="The start of all keys that the caller may use. [default: shared/]",
)
@click.option(
    "--caller",
    "kind",
    type=click.Choice([str(each) for each in CallerKind]),
    help="Who calls: an API key, service accounts, jobs, or people by group. [default: api-key]",
)
@click.option(
    "--issuer",
    "iss",
    metavar="URL",
    callback=_valid("Issuer"),
    help="The `iss` of the tokens of people, or of a cluster. [default: the cluster's own]",
)
@click.option(
    "--jwks-url",
    metavar="URL",
    callback=_valid("KeysUrl"),
    help="Where the issuer's keys are, if presign does not know it.",
)
@click.option(
    "--audience",
    metavar="TEXT",
    callback=_valid("Audience"),
    help="The `aud` of people's tokens. [default: presign]",
)
@click.option(
    "--member",
    metavar="TEXT",
    multiple=True,
    callback=_one_member,
    help="The namespace, the numeric id of the organization at GitHub, or the group.",
)
@as_json
def init(path: Path, *, is_json: bool, **given: str | None) -> None:
    """Write a first configuration, with a caller.

    FILE is presign.yaml by default; an existing file is never changed. Asks for what no option
    says. Without a terminal the options must say all. Prints the caller's API key: the file has
    only its digest, so the key is never shown again. Other callers have tokens and no key.
    """
    from datetime import UTC, datetime, timedelta

    from service.auth.api_keys import digest_of, new_key
    from service.cli.check.report import report
    from service.cli.first_file import CALLER, first_file, next_steps

    if path.exists():
        raise click.ClickException(f"{path} exists; it was not changed. Name another file")
    answers = _answers(given)
    key, now = new_key(), datetime.now(UTC)
    key_ends = (now + timedelta(days=365)).date().isoformat()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(first_file(answers, digest_of(key), key_ends))
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    try:
        loaded = load(path, offline=True)
    except InvalidConfiguration:
        path.unlink()
        raise
    found = report(loaded, now, offline=True, traces=None)
    made = {"issuer": answers.caller.name} if answers.caller else {"api_key": CALLER, "key": key}
    if is_json:
        print_json({"file": str(path), **made, "warnings": found.document()["warnings"]})
        return
    if answers.caller is None:
        text = f"This is the key of the caller `{CALLER}`, shown only now:\n\n  {key}\n"
    else:
        text = f"Callers send a token of issuer `{answers.caller.name}`."
    click.echo(f"{path} is written. {text}")
    for line in found.warning_lines():
        warn(line)
    click.echo("Next:")
    for step in next_steps(answers, str(path)):
        click.echo(f"  {step}")


def _answers(given: dict[str, str | None]) -> "Answers":
    """Return the options, completed by questions if there is a terminal."""
    from service.cli.first_file import Answers

    if given["region"] and given["endpoint_url"]:
        raise click.UsageError("--region is for AWS, --endpoint-url for another store: give one")
    if not _is_terminal() and (missing := _missing(given)):
        raise click.UsageError(f"there is no terminal to ask at: give {'; '.join(missing)}")
    bucket = _ask("Bucket", "Name", given["bucket"])
    where = _ask(
        "Region at AWS, or URL of another store",
        "Place",
        given["region"] or given["endpoint_url"],
    )
    is_aws = "://" not in where
    role = "ARN of the role that signs" + ("" if is_aws else " (empty: static keys)")
    role_arn = _ask(role, "RoleArn", given["role_arn"], None if is_aws else "")
    prefix = _ask("Prefix of the caller's keys", "Prefix", given["prefix"], "shared/")
    kind = _ask(f"Who calls ({', '.join(CallerKind)})", "Kind", given["kind"], CallerKind.API_KEY)
    return Answers(
        bucket=bucket,
        region=where if is_aws else None,
        endpoint_url=None if is_aws else where,
        role_arn=role_arn or None,
        prefix=prefix,
        caller=None if kind == CallerKind.API_KEY else _token_caller(CallerKind(kind), given),
    )


def _token_caller(kind: CallerKind, given: dict[str, str | None]) -> TokenCaller:
    if kind is CallerKind.GITHUB:
        member = _ask("Numeric id of the organization at GitHub", "OwnerId", given["member"])
        claim = ("/repository_owner_id", _checked(member, "OwnerId"))  # names can change hands
        keys = f"{GITHUB}/.well-known/jwks"
        return TokenCaller(name="github", iss=GITHUB, jwks_url=keys, claim=claim)
    if kind is CallerKind.KUBERNETES:
        namespace = _checked(_ask("Namespace", "Name", given["member"]), "Name")
        iss = _ask("Issuer of the cluster", "Issuer", given["iss"], IN_CLUSTER)
        return TokenCaller(
            name="cluster",
            iss=iss,
            jwks_url=_keys(iss, given),
            more=OF_POD if iss == IN_CLUSTER else {},
            subject=f"system:serviceaccount:{namespace}:*",
        )
    iss = _ask("Issuer of people's tokens, such as a realm of Keycloak", "Issuer", given["iss"])
    keys = _keys(iss, given)
    audience = _ask("Audience", "Audience", given["audience"], AUDIENCE)
    claim = ("/groups", _ask("Group", "Subject", given["member"]))
    return TokenCaller(name="people", iss=iss, jwks_url=keys, audience=audience, claim=claim)


def _keys(iss: str, given: dict[str, str | None]) -> str:
    from service.cli.check.known_issuers import keys_url

    question = "URL of its keys, the `jwks_uri` of its /.well-known/openid-configuration"
    return _ask(question, "KeysUrl", given["jwks_url"] or keys_url(iss))


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _missing(given: dict[str, str | None]) -> list[str]:
    """Return the options without a default that are not given. Static keys need no role."""
    from service.cli.check.known_issuers import keys_url

    missing = [] if given["bucket"] else ["--bucket"]
    if given["kind"] not in {None, CallerKind.API_KEY} and not given["member"]:
        missing.append("--member")
    if given["kind"] == CallerKind.PEOPLE and not given["iss"]:
        missing.append("--issuer")
    if given["iss"] and not given["jwks_url"] and keys_url(given["iss"]) is None:
        missing.append("--jwks-url")
    if not given["region"] and not given["endpoint_url"]:
        with_role = "" if given["role_arn"] else " with --role-arn,"
        return [*missing, f"--region{with_role} or --endpoint-url"]
    return missing if given["endpoint_url"] or given["role_arn"] else [*missing, "--role-arn"]


def _ask(text: str, kind: str, given: str | None, default: str | None = None) -> str:
    """Return what the option says, or what a person answers. Wrong answers are asked again.

    Without a terminal there is only the default.
    """
    if given is not None:
        return given
    if default is not None and not _is_terminal():
        return default

    def check(answer: str) -> str:
        return answer if answer == default else _checked(answer, kind)

    answer: str = click.prompt(
        text, default=default, show_default=bool(default), value_proc=check, err=True
    )
    return answer


def _checked(text: str, kind: str) -> str:
    """Return the text. Raises BadParameter, which says what to write.

    `kind` is a type of service/config/types.py, or `Place` for a region or a URL, `Kind` for one of
    `CallerKind`, and `OwnerId` for digits.
    """
    from pydantic import TypeAdapter, ValidationError

    from service.config import types

    if kind == "Kind":
        if text not in [*CallerKind]:
            raise click.BadParameter(f"write one of {', '.join(CallerKind)}")
        return text
    if kind == "OwnerId":
        if not (text.isascii() and text.isdigit()):
            message = "write the id in digits: `gh api orgs/acme --jq .id` prints it"
            raise click.BadParameter(message)
        return text
    if kind == "Place":
        kind = "Url" if "://" in text else "Region"
    try:
        TypeAdapter(getattr(types, kind)).validate_python(text)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise click.BadParameter(message) from None
    return text
