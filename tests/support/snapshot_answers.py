"""What S3's answers about a bucket say: errors, and the rows of listings."""

from urllib.parse import quote
from xml.etree.ElementTree import Element

from gateway.protocol.s3.documents import find_document
from tests.support.signed_client import Reply, SignedClient


def error_of(reply: Reply) -> tuple[int, str, str]:
    root = find_document(reply.body)
    assert root is not None
    return reply.status, root.findtext("Code") or "", root.findtext("Message") or ""


def listed(reply: Reply) -> list[tuple[str, ...]]:
    """Return all that a listing says of its rows and prefixes, in order."""
    assert reply.status == 200, reply.body
    root = find_document(reply.body)
    assert root is not None
    return [
        (found.tag, *sorted(f"{one.tag}={_text(one)}" for one in found))
        for found in root
        if found.tag in {"Contents", "CommonPrefixes"}
    ]


def _text(element: Element) -> str:
    return "".join(element.itertext())


async def pages(client: SignedClient, bucket: str, query: str) -> list[tuple[str, ...]]:
    """Return the rows of all pages."""
    found: list[tuple[str, ...]] = []
    cursor = ""
    while True:
        reply = await client.ask("GET", f"/{bucket}", query=f"list-type=2&{query}{cursor}")
        found += listed(reply)
        root = find_document(reply.body)
        assert root is not None
        token = root.findtext("NextContinuationToken")
        if not token:
            return found
        cursor = f"&continuation-token={quote(token, safe='')}"
