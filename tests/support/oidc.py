"""An OpenID Connect provider: its keys, its tokens, and its JWK set by file or over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import algorithms

ISSUER = "https://idp.test/cluster"
AUDIENCE = "forebay"
SUBJECT = "system:serviceaccount:ml:trainer"
NOW = 1_800_000_000


@cache
def private_key(name: str) -> Any:
    """Return the key of that name: `RSA`, `P-256`, ..., with a digit behind it another one."""
    kind = name.rstrip("0123456789") if name.startswith(("RSA", "Ed")) else name[:5]
    if kind == "RSA":
        return rsa.generate_private_key(65537, 1024 if name == "RSA1024" else 2048)
    if kind == "Ed":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
    return ec.generate_private_key(curves[kind]())


def jwk(name: str, **more: Any) -> dict[str, Any]:
    """Return the public key as a JWK, called as it is."""
    public = private_key(name).public_key()
    kinds: dict[str, Any] = {
        "R": algorithms.RSAAlgorithm,
        "P": algorithms.ECAlgorithm,
        "E": algorithms.OKPAlgorithm,
    }
    written = kinds[name[0]].to_jwk(public, as_dict=True)
    written.pop("key_ops", None)
    return {**written, "kid": name, **more}


def key_set(*keys: dict[str, Any]) -> bytes:
    """Return a JWK set."""
    return json.dumps({"keys": list(keys)}).encode()


def claims(now: float = NOW, **changes: Any) -> dict[str, Any]:
    """Return the claims of a token that is good at `now`; None takes one away."""
    whole = {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "sub": SUBJECT,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + 600,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def token(of: dict[str, Any], key: str = "RSA", algorithm: str = "RS256", **headers: Any) -> str:
    """Return signed claims."""
    written = {name: one for name, one in {"kid": key, **headers}.items() if one is not None}
    return jwt.api_jws.encode(json.dumps(of).encode(), private_key(key), algorithm, written)


class KeyServer:
    """A JWK set behind a URL; what it answers may be changed, what it is asked is counted."""

    def __init__(self) -> None:
        self.url = ""
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def serving_keys() -> AsyncIterator[KeyServer]:
    """Serve a JWK set on a port of its own."""
    keys = KeyServer()
    application = web.Application()
    application.router.add_get("/{path:.*}", keys.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        keys.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
        yield keys
    finally:
        await runner.cleanup()
