"""Gives each user of a page a token for presign, which works for five minutes.

    ORIGIN=http://127.0.0.1:8088 uvicorn token_backend:app --port 8088

It needs FastAPI, uvicorn, PyJWT with cryptography, and these variables: `ORIGIN`, which is the
`iss` of the tokens, `APP_PASSWORD`, and `SITE`, the folder with the page. presign gets the public
key from `/jwks.json`.
"""

import os
import secrets
import time
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from fastapi.staticfiles import StaticFiles
from jwt.algorithms import ECAlgorithm

ORIGIN = os.environ["ORIGIN"]
PASSWORD = os.environ["APP_PASSWORD"].encode()
KEY = generate_private_key(SECP256R1())  # replicas need the same one, from a file
KEY_ID = secrets.token_hex(8)  # presign asks for the keys again when it reads another id
LIFETIME = 300  # seconds

app = FastAPI()


def signed_in(user: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    """Return the user's name. Your own login goes here."""
    is_known = secrets.compare_digest(user.password.encode(), PASSWORD)
    if not (is_known and user.username.isalnum()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return user.username


@app.get("/token")
def token(user: Annotated[str, Depends(signed_in)]) -> PlainTextResponse:
    now = int(time.time())
    claims = {
        "iss": ORIGIN,
        "aud": "presign",
        "sub": f"user-{user}",
        "iat": now,
        "exp": now + LIFETIME,
    }
    text = jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": KEY_ID})
    return PlainTextResponse(text, headers={"Cache-Control": "no-store"})


@app.get("/jwks.json")
def keys() -> dict[str, Any]:
    public = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return {"keys": [{**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}]}


app.mount("/", StaticFiles(directory=os.environ["SITE"], html=True))
