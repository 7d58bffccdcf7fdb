"""A file's blocks, for schedulers that want to know where bytes are: all at one host (pure).

Blocks are `block_bytes` long and cut at what was asked for, so that input splits are made as on
HDFS; which flash holds them is no scheduler's business, since one Forebay serves them all.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.documents import Json

_POOL: Final = "forebay"
BLOCKS_MAX: Final = 100_000
"""Of one answer; a file has at most 5 TiB, in blocks of 128 MiB 40,960."""


class Host(NamedTuple):
    """Where the client reaches this Forebay."""

    name: str
    port: int


def block_ranges(size: int, block_bytes: int, offset: int, length: int | None) -> list[range]:
    """Return the blocks that a range of a file touches; raises InvalidRequest beyond the bound."""
    stop = size if length is None else min(size, offset + length)
    if offset >= stop:
        return []
    first, last = offset // block_bytes, (stop - 1) // block_bytes
    if last - first >= BLOCKS_MAX:
        raise InvalidRequest(
            f"The range has more than {BLOCKS_MAX} blocks: ask for a part of it, or raise "
            "webhdfs.block_size."
        )
    return [
        range(number * block_bytes, min(size, (number + 1) * block_bytes))
        for number in range(first, last + 1)
    ]


def block_locations(blocks: list[range], host: Host) -> Json:
    """Return the answer of GETFILEBLOCKLOCATIONS."""
    return {"BlockLocations": {"BlockLocation": [_location(block, host) for block in blocks]}}


def located_blocks(blocks: list[range], size: int, block_bytes: int, host: Host) -> Json:
    """Return the answer of GET_BLOCK_LOCATIONS, as older clients ask."""
    last = (size - 1) // block_bytes * block_bytes if size else None
    return {
        "LocatedBlocks": {
            "fileLength": size,
            "isLastBlockComplete": size > 0,
            "isUnderConstruction": False,
            "lastLocatedBlock": None if last is None else _located(range(last, size), host),
            "locatedBlocks": list(_all_located(blocks, host)),
        }
    }


def _all_located(blocks: list[range], host: Host) -> Iterator[Json]:
    for block in blocks:
        yield _located(block, host)


def _location(block: range, host: Host) -> Json:
    address = f"{host.name}:{host.port}"
    return {
        "cachedHosts": [],
        "corrupt": False,
        "hosts": [host.name],
        "length": len(block),
        "names": [address],
        "offset": block.start,
        "storageTypes": ["DISK"],
        "topologyPaths": [f"/default-rack/{address}"],
    }


def _located(block: range, host: Host) -> Json:
    return {
        "block": {
            "blockId": block.start,
            "blockPoolId": _POOL,
            "generationStamp": 0,
            "numBytes": len(block),
        },
        "blockToken": {"urlString": "AAAAAA"},
        "cachedLocations": [],
        "isCorrupt": False,
        "locations": [_datanode(host)],
        "startOffset": block.start,
        "storageTypes": ["DISK"],
    }


def _datanode(host: Host) -> Json:
    return {
        "adminState": "NORMAL",
        "blockPoolUsed": 0,
        "cacheCapacity": 0,
        "cacheUsed": 0,
        "capacity": 0,
        "dfsUsed": 0,
        "hostName": host.name,
        "infoPort": host.port,
        "infoSecurePort": 0,
        "ipAddr": host.name,
        "ipcPort": 0,
        "lastBlockReportMonotonic": 0,
        "lastBlockReportTime": 0,
        "lastUpdate": 0,
        "lastUpdateMonotonic": 0,
        "name": f"{host.name}:{host.port}",
        "networkLocation": "/default-rack",
        "remaining": 0,
        "storageID": "forebay",
        "xceiverCount": 0,
        "xferPort": host.port,
    }
