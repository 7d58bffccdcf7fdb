"""What differs from run to run and from server to server, taken out of answers (pure).

Hosts, ports, moments, numbers of inodes and blocks, tokens: each becomes a word in angle brackets,
so that a golden file tells its form and nothing else.
"""

import re
from collections.abc import Callable

_TIME_MIN = 1_700_000_000_000
"""Milliseconds: what the scenes themselves set lies before it."""
_TIMES = {"modificationTime", "accessTime"}
_WORDS = {
    "fileId": "<ID>",
    "blockId": "<ID>",
    "blockPoolId": "<POOL>",
    "generationStamp": "<STAMP>",
    "storageID": "<STORAGE>",
    "urlString": "<TOKEN>",
    "capacity": "<BYTES>",
    "used": "<BYTES>",
    "remaining": "<BYTES>",
    "dfsUsed": "<BYTES>",
    "blockPoolUsed": "<BYTES>",
    "cacheCapacity": "<BYTES>",
    "cacheUsed": "<BYTES>",
    "nonDfsUsed": "<BYTES>",
    "nonDfsUsedSpace": "<BYTES>",
    "lastUpdate": "<MOMENT>",
    "lastUpdateMonotonic": "<MOMENT>",
    "lastBlockReportTime": "<MOMENT>",
    "lastBlockReportMonotonic": "<MOMENT>",
    "xceiverCount": "<COUNT>",
    "hostName": "<HOST>",
    "ipAddr": "<HOST>",
    "infoPort": "<PORT>",
    "ipcPort": "<PORT>",
    "xferPort": "<PORT>",
    "infoSecurePort": "<PORT>",
}
_IN_TEXT = (
    (re.compile(r"(localhost|127\.0\.0\.1)(/127\.0\.0\.1)?:\d+"), "<HOST>:<PORT>"),
    (re.compile(r"namenoderpcaddress=[^&]+"), "namenoderpcaddress=<NAMENODE>"),
    (re.compile(r"(delegation|token)=[A-Za-z0-9_.-]{20,}"), r"\1=<TOKEN>"),
    (re.compile(r"DS-[0-9a-f-]{36}"), "<STORAGE>"),
    (re.compile(r"inode=\"?[^\\s]*"), "inode=<INODE>"),
    (re.compile(r"BP-\d+-[\d.]+-\d+:blk_\d+_\d+"), "<BLOCK>"),
    (re.compile(r"\(inode \d+\)"), "(inode <ID>)"),
    (re.compile(r"INodeFile@[0-9a-f]+"), "INodeFile@<ID>"),
)


def normal_document(value: object, name: str = "") -> object:
    """Return a JSON document with words in place of what differs."""
    if isinstance(value, dict):
        return {key: normal_document(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [normal_document(inner, name) for inner in value]
    return _normal_value(value, name)


def _normal_value(value: object, name: str) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if name in _WORDS:
        return _WORDS[name]
    if name in _TIMES and isinstance(value, int) and value >= _TIME_MIN:
        return "<TIME>"
    return normal_text(value) if isinstance(value, str) else value


def normal_text(text: str) -> str:
    """Return a sentence or URL without hosts, ports, tokens, numbers of inodes, stack traces."""
    text = text.partition("\n\tat ")[0]
    for pattern, word in _IN_TEXT:
        text = pattern.sub(word, text)
    return text


normal_location: Callable[[str], str] = normal_text
