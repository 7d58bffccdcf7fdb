"""STS with a real aws-cli: roles, profiles and web identities, then S3 with what they give.

Every command is a process of its own, hence any of the gateway's two workers answers it.
"""

import argparse
import json
import os
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time

from conformance.clients.environments import python_of
from conformance.support.servers import running_origin
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import ADMIN, READER, gateway_tables
from tests.support.oidc import AUDIENCE, ISSUER, claims, jwk, key_set, token

_ROLE = "arn:aws:iam::123456789012:role/training"
_RESULTS = Path(__file__).resolve().parents[2] / "conformance" / "results"
_ONLY_A = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/a"}],
}


class Cli:
    """aws-cli in an environment of its own; each answer is noted."""

    def __init__(self, program: Path, endpoint: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        self.outcomes: dict[str, bool] = {}

    def run(self, words: str, who: Mapping[str, str]) -> tuple[int, str]:
        """Return exit code and all output of `aws WORDS`."""
        ran = subprocess.run(
            [str(self._program), *words.split()],
            cwd=self._folder,
            env=self._environment | who,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def check(self, name: str, words: str, who: Mapping[str, str], expected: str = "") -> str:
        """Note whether a command succeeds and says what is expected; return its output."""
        code, output = self.run(words, who)
        self._note(name, output, is_good=code == 0 and expected in output)
        return output

    def refuse(self, name: str, words: str, who: Mapping[str, str], expected: str) -> None:
        """Note whether a command is refused in the words that are expected."""
        code, output = self.run(words, who)
        self._note(name, output, is_good=code != 0 and expected in output)

    def _note(self, name: str, output: str, *, is_good: bool) -> None:
        self.outcomes[name] = is_good
        print(f"{'ok  ' if is_good else 'LOST'} {name}" + ("" if is_good else f": {output}"))


def main(words: Sequence[str]) -> int:
    """Run every command, write what came of it, and return 1 where one is lost."""
    parser = argparse.ArgumentParser(prog="conformance/run.py sts", description=__doc__)
    parser.add_argument("--out", type=Path, default=_RESULTS)
    chosen = parser.parse_args(words)
    program = python_of("aws-cli").with_name("aws")
    with tempfile.TemporaryDirectory() as name, running_origin("embedded") as origin:
        folder = Path(name)
        (folder / "jwks.json").write_bytes(key_set(jwk("RSA")))
        with gateway_process(_tables(origin, folder), folder) as gateway:
            cli = Cli(program, gateway.s3, folder)
            _play(cli, folder)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "sts.json").write_text(json.dumps(cli.outcomes, indent=2) + "\n")
    return 0 if all(cli.outcomes.values()) else 1


def _tables(origin, folder: Path) -> dict:
    keys = {"access_key": origin.access_key, "secret_key": origin.secret_key}
    role = {
        "name": "training",
        "policy": [{"Effect": "Allow", "Action": "s3:*", "Resource": ["bucket", "bucket/*"]}],
        "trust": ["reader"],
        "oidc": "cluster",
        "subjects": ["system:serviceaccount:ml:*"],
    }
    provider = {"name": "cluster", "issuer": ISSUER, "audiences": AUDIENCE, "jwks": "jwks.json"}
    return gateway_tables(origin.endpoint, folder / "flash", origin=keys) | {
        "state": {"key": b64encode(os.urandom(32)).decode()},
        "roles": [role],
        "oidc": [provider],
    }


def _play(cli: Cli, folder: Path) -> None:
    admin, reader = _keys(*ADMIN), _keys(*READER)
    (folder / "file").write_text("body")
    (folder / "policy.json").write_text(json.dumps(_ONLY_A))
    cli.check("a bucket", "s3 mb s3://bucket", admin)
    cli.check("who am I", "sts get-caller-identity", reader, "user/reader")
    assume = f"sts assume-role --role-arn {_ROLE} --role-session-name run-1 --output json"
    played = _temporary(cli.check("assume-role", assume, reader, "FBSK"))
    cli.check("who is it", "sts get-caller-identity", played, "assumed-role/training/run-1")
    cli.check("s3 cp", "s3 cp file s3://bucket/a", played)
    cli.check("s3 ls", "s3 ls s3://bucket/", played, " a\n")
    cli.check("s3 cp back", "s3 cp s3://bucket/a -", played, "body")
    cli.refuse("another bucket", "s3 ls s3://other/", played, "AccessDenied")
    cli.refuse("a role of a role", assume, played, "AccessDenied")
    cli.refuse("without trust", assume, admin, "AccessDenied")
    cli.refuse("without the token", "s3 ls", played | {"AWS_SESSION_TOKEN": ""}, "AccessKeyId")
    narrowed = _temporary(cli.check("a policy", f"{assume} --policy file://policy.json", reader))
    cli.check("what it allows", "s3 cp s3://bucket/a -", narrowed, "body")
    cli.refuse("what it does not", "s3 cp file s3://bucket/b", narrowed, "AccessDenied")
    session = _temporary(cli.check("get-session-token", "sts get-session-token", admin, "FBSK"))
    cli.check("as oneself", "s3 ls", session, "bucket")
    _play_configured(cli, folder)


def _play_configured(cli: Cli, folder: Path) -> None:
    (folder / ".aws").mkdir()
    (folder / ".aws/config").write_text(
        f"[profile source]\naws_access_key_id = {READER[0]}\naws_secret_access_key = {READER[1]}\n"
        f"[profile training]\nrole_arn = {_ROLE}\nsource_profile = source\n"
    )
    cli.check("a profile", "s3 ls s3://bucket/ --profile training", {}, " a\n")
    (folder / "token").write_text(token(claims(time())))
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"), "AWS_ROLE_ARN": _ROLE}
    cli.check("a web identity", "s3 ls s3://bucket/", web, " a\n")
    (folder / "token").write_text(token(claims(time() - 3600)))
    cli.refuse("an expired web identity", "s3 ls", web, "ExpiredToken")


def _keys(access_key: str, secret_key: str, session_token: str = "") -> dict[str, str]:
    found = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    return found | ({"AWS_SESSION_TOKEN": session_token} if session_token else {})


def _temporary(output: str) -> dict[str, str]:
    """Return the keys in an answer of STS; none where it is no answer."""
    try:
        given = json.loads(output)["Credentials"]
    except (ValueError, KeyError):
        return _keys("nobody", "nothing")
    return _keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
