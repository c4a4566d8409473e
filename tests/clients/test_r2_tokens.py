"""The library of Cloudflare's own example, jose, makes our token of R2, and verifies it."""

import asyncio
import json
import subprocess
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from service.sessions.r2_tokens import R2Address, R2Tokens
from service.signing.sigv4 import Credentials
from tests.clients.toolchains import NODE_MODULES
from tests.end_to_end.examples import node
from tests.support.r2_store import ACCOUNT, PARENT_KEY_ID, PARENT_SECRET
from tests.support.virtual_time import CLOCK_START, FakeClock

HOST: Final = f"{ACCOUNT}.eu.r2.cloudflarestorage.com"
SECONDS: Final = 3600
RIGHTS: Final = {
    "scope": "object-read-only",
    "actions": ["GetObject", "HeadObject"],
    "paths": {"prefixPaths": ["a/"], "objectPaths": ["one.txt"]},
}
# The calls of the page's example, developers.cloudflare.com/r2/examples/authenticate-r2-temp-credentials
SCRIPT: Final = """
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { SignJWT, jwtVerify } from "jose";

const { token, secret, claims, now, seconds } = JSON.parse(readFileSync(0, "utf8"));
const key = new TextEncoder().encode(secret);
const { sub, iss, aud, ...rights } = claims;
const made = await new SignJWT(rights)
  .setProtectedHeader({ alg: "HS256", typ: "JWT" })
  .setSubject(sub).setIssuer(iss).setAudience(aud)
  .setIssuedAt(now).setExpirationTime(now + seconds)
  .sign(key);
const checks = { audience: aud, issuer: iss, subject: sub, currentDate: new Date(now * 1000) };
const verified = await jwtVerify(token, key, { ...checks, algorithms: ["HS256"], typ: "JWT" });
const hash = createHash("sha256").update(made).digest("hex");
console.log(JSON.stringify({ made, hash, session: btoa(`jwt/${made}`), ...verified }));
"""


def test_jose_makes_and_verifies_the_same_token(tmp_path: Path) -> None:
    async def read() -> Credentials:
        return Credentials(access_key_id=PARENT_KEY_ID, secret_access_key=PARENT_SECRET)

    address = R2Address(bucket="acme-media", account_id=ACCOUNT, host=HOST)
    source = R2Tokens(read, address, SECONDS, FakeClock())
    fetch = source.fetch((None, "portal"), json.dumps([RIGHTS]), vended=True)
    with ThreadPoolExecutor() as threads:  # the loop of a browser may run in this thread
        ours = threads.submit(asyncio.run, fetch).result().credentials
    token = b64decode(ours.session_token or "").decode().removeprefix("jwt/")
    claims = {
        "bucket": "acme-media",
        **RIGHTS,
        "sub": ACCOUNT,
        "iss": PARENT_KEY_ID,
        "aud": HOST,
    }
    found = by_jose(
        tmp_path,
        {
            "token": token,
            "secret": PARENT_SECRET,
            "claims": claims,
            "now": int(CLOCK_START),
            "seconds": SECONDS,
        },
    )
    assert found["made"] == token
    assert found["hash"] == ours.secret_access_key
    assert found["session"] == ours.session_token
    assert found["payload"] == {
        **claims,
        "iat": int(CLOCK_START),
        "exp": int(CLOCK_START) + SECONDS,
    }


def by_jose(directory: Path, given: dict[str, Any]) -> dict[str, Any]:
    (directory / "node_modules").symlink_to(NODE_MODULES)
    (directory / "verify.mjs").write_text(SCRIPT)
    done = subprocess.run(
        [node(), "verify.mjs"],
        input=json.dumps(given),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
