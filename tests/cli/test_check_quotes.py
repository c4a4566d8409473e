"""`presign check` quotes wrong values but never a secret; --offline reads no certificates."""

from pathlib import Path

import pytest

from tests.cli.test_commands import DIGEST, GOOD, checked, presign

KEY = "sentinelsentinelsentinelsentinelsentinel43"
ISSUER = """\
issuers:
  cluster:
    issuer: https://kubernetes.default.svc
    audience: presign
    jwks_url: https://kubernetes.default.svc/openid/v1/jwks
    ca_file: {ca_file}
"""


@pytest.mark.parametrize(
    ("old", "new", "quoted"),
    [
        ("bucket: reports, prefix", "bucket: report, prefix", 'no bucket "report"'),
        ("invoices/", '"in*/"', '(found "in*/")'),
        ("eu-west-1", "EU", '(found "EU")'),
        ("arn:aws:iam::111122223333:role/presign", "presign", '(found "presign")'),
        ("[download", "[downlaod", '(found "downlaod")'),
        ("max_expires_in: 900", "max_expires_in: 0", '(found "0")'),
        ("api_key: billing", "issuer: clutser\n    subject: a", 'no issuer "clutser"'),
    ],
)
def test_a_wrong_value_is_quoted(tmp_path: Path, old: str, new: str, quoted: str) -> None:
    text = GOOD.replace(old, new, 1)
    if "issuer:" in new:
        text = text.replace(f"sha256: [{DIGEST}]", "rate_limit: 9/minute")
    assert quoted in checked(tmp_path, text).stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DIGEST, f"{DIGEST[:40]}XYZ"),
        (DIGEST, KEY),
        ("eu-west-1", KEY),
        ("invoices/", f"/{KEY}/*"),
        ("region: eu-west-1", f"region: eu-west-1, endpoint_url: 'https://u:{KEY}@h'"),
        ("\nbuckets:", f"\nserver: {{rate_limit_url: 'redis//:{KEY}@h'}}\nbuckets:"),
    ],
)
def test_a_secret_is_never_quoted(tmp_path: Path, old: str, new: str) -> None:
    done = checked(tmp_path, GOOD.replace(old, new, 1))
    assert done.exit_code == 1
    assert KEY not in done.output
    assert DIGEST[:40] not in done.output


def test_offline_needs_no_certificates(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    ca_file = tmp_path / "of-the-pod.pem"
    path.write_text(ISSUER.format(ca_file=ca_file) + GOOD)
    done = presign("check", "--config", str(path))
    assert (done.returncode, "ca_file: write the path of a" in done.stderr) == (1, True)
    done = presign("check", "--offline", "--config", str(path))
    assert done.returncode == 0
    assert f"not checked: issuers.cluster.ca_file {ca_file}" in done.stdout


def test_offline_finds_other_errors(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(ISSUER.format(ca_file="/none.pem") + GOOD.replace("region:", "regoin:"))
    done = presign("check", "--offline", "--config", str(path))
    assert (done.returncode, "did you mean region?" in done.stderr) == (1, True)
