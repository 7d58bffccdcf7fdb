"""Row D4: what modes and policies deny at one door is denied at the other, by a real gateway.

Every pair of modes x owner, group, other, superuser x policy x operation, asked by WebHDFS (HTTP
Basic) and by S3, of files that are seeded anew for each case. Both doors are held against a third
judgement, written down from POSIX's words (tests/support/mode_matrix).
"""

import argparse
import asyncio
import json
import tempfile
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from gateway.demo.origin import running_origin
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import gateway_tables
from tests.support.mode_matrix import (
    CASES,
    POLICIES,
    READS,
    SECRET_BODY,
    USERS,
    WRITES,
    Case,
    access_tables,
    keys_of,
    seed,
)
from tests.support.origins import new_origin
from tests.support.signed_client import SignedClient

_RESULTS = Path(__file__).resolve().parents[2] / "conformance" / "results"
_TELLING = ("ETag", "Last-Modified", "x-amz-meta-colour")


@dataclass(frozen=True)
class FileOperation:
    """One way to ask at the WebHDFS door, and the S3 operation that it must agree with."""

    name: str
    twin: str
    expected: Callable[[Case], bool]
    method: str
    path: str
    query: str
    body: bytes | None = None


FILES = (
    FileOperation("OPEN", "GetObject", lambda c: c.reaches("r"), "GET", "{key}", "op=OPEN"),
    FileOperation(
        "GETXATTRS",
        "HeadObject",
        lambda c: c.reaches("r"),
        "GET",
        "{key}",
        "op=GETXATTRS&encoding=TEXT",
    ),
    FileOperation(
        "LISTSTATUS",
        "ListObjectsV2 of the directory",
        lambda c: c.has("rx", c.directory_mode),
        "GET",
        "{place}",
        "op=LISTSTATUS",
    ),
    FileOperation(
        "CREATE over it",
        "PutObject over it",
        lambda c: c.reaches("w"),
        "PUT",
        "{key}",
        "op=CREATE&overwrite=true&data=true",
        b"new",
    ),
    FileOperation(
        "CREATE of a new one",
        "PutObject of a new one",
        lambda c: c.alters(is_own_entry=True),
        "PUT",
        "{place}/new",
        "op=CREATE&overwrite=true&data=true",
        b"new",
    ),
    FileOperation("DELETE", "DeleteObject", lambda c: c.alters(), "DELETE", "{key}", "op=DELETE"),
)


class Doors:
    """Both doors of one gateway, and what came of asking."""

    def __init__(self, session: aiohttp.ClientSession, s3: str, webhdfs: str) -> None:
        self._session, self._s3, self._webhdfs = session, s3, webhdfs
        self.root = self.client("root", "allow")
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def client(self, user: str, policy: str) -> SignedClient:
        return SignedClient(self._session, self._s3, *keys_of(user, policy))

    async def judge(self, case: Case) -> None:
        """Ask everything of one case at both doors."""
        client, verdicts = self.client(case.user, case.policy), {}
        for operation in (*READS, *WRITES):
            await seed(self.root, case)
            reply = await operation.ask(client, case)
            shown = (*(reply.headers.get(name, "") for name in _TELLING), str(reply.body))
            is_told = "secret-blue" in str(shown) or SECRET_BODY in reply.body or any(shown[:2])
            expected = case.policy_allows() and operation.expected(case)
            verdicts[operation.name] = reply.status < 400
            self._note(
                ("S3", operation.name), case, reply.status, expected=expected, is_told=is_told
            )
        for file in FILES:
            await seed(self.root, case)
            status, body = await self._ask(file, case)
            is_told = SECRET_BODY in body or b"secret-blue" in body or b'"length"' in body
            expected = case.policy_allows() and file.expected(case)
            self._note(("WebHDFS", file.name), case, status, expected=expected, is_told=is_told)
            if (status < 400) is not verdicts[file.twin]:
                self.counts["doors that disagree"] += 1
                self.wrong.append(f"{file.name} and {file.twin} disagree: {case}")

    async def _ask(self, file: FileOperation, case: Case) -> tuple[int, bytes]:
        path = file.path.format(key=case.key, place=case.place)
        pair = ":".join(keys_of(case.user, case.policy))
        headers = {
            "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "Content-Type": "application/octet-stream",
        }
        url = URL(f"{self._webhdfs}/webhdfs/v1/bucket/{path}?{file.query}", encoded=True)
        async with self._session.request(
            file.method, url, headers=headers, data=file.body, allow_redirects=False
        ) as answer:
            return answer.status, await answer.read()

    def _note(
        self, where: tuple[str, str], case: Case, status: int, *, expected: bool, is_told: bool
    ) -> None:
        door, name = where
        verdict = "allowed" if status < 400 else "denied" if status in (401, 403) else "other"
        self.counts[f"{door} {verdict}"] += 1
        if verdict != ("allowed" if expected else "denied"):
            self.counts[f"{door} wrong"] += 1
            self.wrong.append(f"{door} {name}: {status}, expected {expected}: {case}")
        if verdict != "allowed" and is_told:
            self.counts[f"{door} leaked"] += 1
            self.wrong.append(f"{door} {name} tells something: {case}")


def cases(step: int) -> list[Case]:
    """Return every `step`th case of the whole matrix; under `some` once where it may, once not."""
    found = []
    for policy in POLICIES:
        for user in USERS:
            for place in ("some", "other") if policy == "some" else ("x",):
                for number, (directory, file) in enumerate(CASES):
                    name = f"{policy}-{place}-{user}-{number}".replace("some-other", "only-other")
                    found.append(Case(directory, file, user, policy, name))
    return found[::step]


async def measured(folder: Path, step: int) -> Doors:
    """Run a gateway and ask it everything."""
    modes = {"permissions": "modes", "directory_mode": "0777"}
    async with running_origin(new_origin()) as origin:
        for bucket in ("bucket", "other"):
            origin.make_bucket(bucket)
        tables = gateway_tables(
            origin.endpoint,
            folder / "flash",
            filesystem=modes,
            webhdfs={"listen": "127.0.0.1:0"},
            **access_tables(),
        )
        timeout = aiohttp.ClientTimeout(total=60)
        running = gateway_process(tables, folder)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
                doors = Doors(session, gateway.s3, gateway.webhdfs or "")
                for case in cases(step):
                    await doors.judge(case)
                return doors
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


def main(words: Sequence[str]) -> int:
    """Ask the matrix, write the scorecard, and return 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="conformance/run.py permissions", description=__doc__)
    parser.add_argument("--out", type=Path, default=_RESULTS)
    parser.add_argument("--step", type=int, default=1, help="only every STEPth case")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        doors = asyncio.run(measured(Path(folder), chosen.step))
    card = {
        "cases": len(cases(chosen.step)),
        "step": chosen.step,
        "counts": dict(sorted(doors.counts.items())),
        "wrong": doors.wrong,
    }
    (chosen.out / "permissions.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card["counts"], indent=1), *doors.wrong[:20], sep="\n")
    return 1 if doors.wrong else 0
