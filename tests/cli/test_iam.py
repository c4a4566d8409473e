"""`presign iam`: its options, and what it prints. `tests/operations/setup` has the documents."""

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from tests.cli.invoking import GOOD

ON_EKS: Final = f"server: {{web_identity_token_file: /token}}\n{GOOD}".replace(
    "region: eu-west-1", "region: eu-west-1, credentials: web_identity"
)


def iam(directory: Path, *arguments: str, text: str = GOOD) -> Result:
    path = directory / "presign.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["iam", str(path), *arguments])


def test_it_prints_one_json_document(tmp_path: Path) -> None:
    done = iam(tmp_path, "--origin", "https://app.example.com", "--network", "192.0.2.0/24")
    made = json.loads(done.stdout)
    assert list(made) == ["roles", "service_identity", "users", "buckets", "notes"]
    [bucket] = made["buckets"]
    assert bucket["cors"]["CORSRules"][0]["AllowedOrigins"] == ["https://app.example.com"]
    assert bucket["policy"]["Statement"][-1]["Sid"] == "OnlyFromOurNetworks"


def test_terraform_is_an_option(tmp_path: Path) -> None:
    done = iam(tmp_path, "--terraform")
    assert {*json.loads(done.stdout)["resource"]} == {
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_s3_bucket_policy",
    }


def test_a_web_identity_needs_the_clusters_issuer(tmp_path: Path) -> None:
    refused = iam(tmp_path, text=ON_EKS)
    assert refused.exit_code == 2
    assert "web_identity needs --oidc-provider; `aws eks describe-cluster" in refused.stderr
    issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/E"
    account = "--service-account=files:signer"
    made = json.loads(iam(tmp_path, "--oidc-provider", issuer, account, text=ON_EKS).stdout)
    [statement] = made["roles"][0]["trust_policy"]["Statement"]
    assert statement["Principal"]["Federated"].endswith(
        ":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E"
    )
    assert "system:serviceaccount:files:signer" in str(statement["Condition"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--network", "office"), "write a network such as 192.0.2.0/24"),
        (("--network", "192.0.2.1/24"), "write a network such as 192.0.2.0/24"),
        (("--principal", "presign-service"), "write the ARN of a role or user"),
        (("--service-account", "presign"), "write NAMESPACE:NAME"),
        (("--origin", "app.example.com"), "write an origin such as https://app.example.com"),
        (("--origin", "https://app.example.com/"), "write an origin such as"),
    ],
)
def test_a_wrong_option_says_what_to_write(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    refused = iam(tmp_path, *arguments)
    assert refused.exit_code == 2
    assert message in " ".join(refused.stderr.split())


def test_an_invalid_configuration_prints_no_policy(tmp_path: Path) -> None:
    refused = iam(tmp_path, text=GOOD.replace("region:", "regoin:"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "did you mean region?" in refused.stderr


def test_an_external_id_of_only_some_buckets_has_its_place(tmp_path: Path) -> None:
    role = "role_arn: 'arn:aws:iam::111122223333:role/presign'"
    other = f"  other: {{region: eu-west-1, {role}, external_id: a-1}}\ncallers:"
    text = GOOD.replace("callers:", other)
    refused = iam(tmp_path, text=text)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{tmp_path / 'presign.yaml'}:3: buckets.reports: assumes arn:" in refused.stderr
