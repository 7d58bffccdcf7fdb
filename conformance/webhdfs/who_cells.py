"""Who one may be at Forebay's door, by plain HTTP: passwords, tokens, names, nobody."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from conformance.webhdfs.asking import PREFIX, Answer, ask, ask_url
from conformance.webhdfs.bench import Bench, Mismatch, equal, same
from conformance.webhdfs.forebay import trusting
from conformance.webhdfs.target import Secure


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the door behind TLS, which believes no names."""

    bench: Bench
    secure: Secure

    def ask(
        self, method: str, name: str, query: str, secret: str = "", *, is_plain: bool = False
    ) -> Answer:
        """Ask with a password, or without one where `secret` is ''."""
        target = f"{PREFIX}{quote(self.bench.root)}/{quote(name)}?{query}"
        pair = f"{self.secure.access_key}:{secret}".encode()
        headers = {"Authorization": f"Basic {b64encode(pair).decode()}"} if secret else {}
        tls = None if is_plain else trusting(self.secure.ca_file)
        authority = self.bench.target.door.authority if is_plain else self.secure.authority
        return ask(authority, method, target, headers, tls=tls)

    def follow(self, first: Answer, method: str, body: bytes | None = None) -> Answer:
        """Do the second step with the URL alone, as Hadoop's client does."""
        if not first.next_url:
            raise Mismatch(f"it was not sent on: {first.status} {first.body[:200]!r}")
        return ask_url(first.next_url, method, body, tls=trusting(self.secure.ca_file))

    def token(self, more: str = "") -> str:
        """Return a delegation token, got by password."""
        got = self.ask("GET", "", f"op=GETDELEGATIONTOKEN{more}", self.secure.secret_key)
        told = got.json().get("Token")
        if not isinstance(told, dict):
            raise Mismatch(f"no token: {got.status} {got.body[:200]!r}")
        return str(told["urlString"])


def _password(asker: Asker) -> None:
    content = asker.bench.content(5000)
    secret = asker.secure.secret_key
    first = asker.ask("PUT", "basic", "op=CREATE", secret)
    same("created", asker.follow(first, "PUT", content).status, 201)
    asker.bench.holds("basic", content)
    opened = asker.ask("GET", "basic", "op=OPEN", secret)
    read = asker.follow(opened, "GET") if opened.next_url else opened
    equal("read", read.body, content)


def _wrong_password(asker: Asker) -> None:
    refused = asker.ask("GET", "", "op=GETFILESTATUS", "guessed")
    same("status", refused.status, 401)
    same("exception", refused.exception, "AccessControlException")
    same("challenge", refused.header("WWW-Authenticate")[:5], "Basic")


def _nobody(asker: Asker) -> None:
    same("no name", asker.ask("GET", "", "op=GETFILESTATUS").status in {401, 403}, wanted=True)


def _mere_name(asker: Asker) -> None:
    refused = asker.ask("GET", "", "op=GETFILESTATUS&user.name=alice")
    same("status", refused.status in {401, 403}, wanted=True)


def _token(asker: Asker) -> None:
    token = asker.token("&renewer=alice")
    content = asker.bench.content(5000)
    first = asker.ask("PUT", "token", f"op=CREATE&delegation={token}")
    same("created", asker.follow(first, "PUT", content).status, 201)
    asker.bench.holds("token", content)
    listed = asker.ask("GET", "", f"op=LISTSTATUS&delegation={token}")
    same("listed", listed.status, 200)
    secret = asker.secure.secret_key
    renewed = asker.ask("PUT", "", f"op=RENEWDELEGATIONTOKEN&token={token}", secret)
    same("renewed", isinstance(renewed.json().get("long"), int), wanted=True)
    again = asker.ask("GET", "", f"op=GETDELEGATIONTOKEN&delegation={token}")
    same("a token gets no token", again.status in {401, 403}, wanted=True)
    cancelled = asker.ask("PUT", "", f"op=CANCELDELEGATIONTOKEN&token={token}", secret)
    same("cancelled", cancelled.status, 200)
    refused = asker.ask("GET", "", f"op=LISTSTATUS&delegation={token}")
    same("after it", refused.status in {401, 403}, wanted=True)


def _bent_token(asker: Asker) -> None:
    token = asker.token()
    middle = len(token) // 2
    bent = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    refused = asker.ask("GET", "", f"op=LISTSTATUS&delegation={bent}")
    same("status", refused.status in {401, 403}, wanted=True)


def _borrowed_url(asker: Asker) -> None:
    content = asker.bench.content(100)
    first = asker.ask("PUT", "mine", "op=CREATE", asker.secure.secret_key)
    bent = first.next_url.replace("/mine?", "/theirs?")
    if bent == first.next_url:
        raise Mismatch(f"the URL does not name the path: {first.next_url}")
    answer = ask_url(bent, "PUT", content, tls=trusting(asker.secure.ca_file))
    same("status", answer.status in {401, 403}, wanted=True)
    same("nothing is written", asker.bench.is_there("theirs"), wanted=False)


WHO_CELLS: dict[str, Callable[[Asker], None]] = {
    "HTTP Basic over TLS": _password,
    "a wrong password": _wrong_password,
    "nobody": _nobody,
    "a mere name where no network is trusted": _mere_name,
    "a delegation token: used, renewed, cancelled": _token,
    "a token with one letter changed": _bent_token,
    "a redirect's URL for another path": _borrowed_url,
}
"""What is tried -> how it must end."""
