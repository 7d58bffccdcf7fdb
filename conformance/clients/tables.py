"""Cells of files with an inside, which clients read by ranges: Parquet tables and tensors."""

import json
import struct
from pathlib import Path

from conformance.clients.bench import MIB, Bench, Cell, Mismatch, equal

ROWS = Path(__file__).with_name("rows.parquet")
ROWS_AND_SUM = (20_000, 199_990_000)
"""rows.parquet: `n` counts from 0, in four row groups."""
SMALL_ROWS, LARGE_ROWS = 20_000, 3_000_000
_FOLDER = ("day=1/a.parquet", "day=2/b c.parquet", "day=2/d+é.parquet")
TENSOR_BYTES = {"embed": 9 * MIB, "layers.0.weight": 4096, "layers.0.bias": 64, "head": 12 * MIB}
"""Above and below the part sizes of those that read in parallel; multiples of four."""
_PARQUET_MAGIC = b"PAR1"


def _parquet(bench: Bench) -> None:
    key = bench.key("rows.parquet")
    bench.witness.put(key, ROWS.read_bytes())
    for time in ("cold", "warm"):
        _same(time, bench.client.read_parquet(key), ROWS_AND_SUM)


def _parquet_folder(bench: Bench) -> None:
    prefix = bench.key("table/")
    for name in _FOLDER:
        bench.witness.put(f"{prefix}{name}", ROWS.read_bytes())
    wanted = (len(_FOLDER) * ROWS_AND_SUM[0], len(_FOLDER) * ROWS_AND_SUM[1])
    for time in ("cold", "warm"):
        _same(time, bench.client.read_parquet_folder(prefix), wanted)


def _parquet_written(bench: Bench) -> None:
    _written(bench, "written.parquet", SMALL_ROWS)


def _parquet_large(bench: Bench) -> None:
    if (size := _written(bench, "large.parquet", LARGE_ROWS)) < 10 * MIB:
        raise Mismatch(f"it has {size} bytes: too few to be written in parts")


def _written(bench: Bench, name: str, rows: int) -> int:
    """Have a table written, prove what the origin keeps, and return its size."""
    bench.client.write_parquet(bench.key(name), rows)
    kept = bench.witness.find(bench.key(name)) or b""
    if not kept.startswith(_PARQUET_MAGIC) or not kept.endswith(_PARQUET_MAGIC):
        raise Mismatch(f"the origin keeps {len(kept)} bytes that are no Parquet")
    # What the origin keeps, under a key that the client has never seen.
    again = bench.key(f"again {name}")
    bench.witness.put(again, kept)
    for key in (bench.key(name), again):
        _same("read back", bench.client.read_parquet(key), (rows, rows * (rows - 1) // 2))
    return len(kept)


def _same(time: str, seen: tuple[int, int], wanted: tuple[int, int]) -> None:
    if seen != wanted:
        raise Mismatch(f"{time}: rows and sum are {seen}, not {wanted}")


def _tensors(bench: Bench) -> None:
    key = bench.key("model.safetensors")
    tensors = _made_tensors(bench)
    bench.witness.put(key, _packed(tensors))
    for time in ("cold", "warm"):
        _equal_tensors(time, bench.client.read_tensors(key), tensors)


def _tensors_written(bench: Bench) -> None:
    key = bench.key("written.safetensors")
    tensors = _made_tensors(bench)
    bench.client.write_tensors(key, bench.file(_packed(tensors)))
    _equal_tensors("the origin's object", _unpacked(bench.witness.find(key) or b""), tensors)


def _made_tensors(bench: Bench) -> dict[str, bytes]:
    return {name: bench.content(size) for name, size in TENSOR_BYTES.items()}


def _equal_tensors(what: str, seen: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    if seen.keys() != wanted.keys():
        raise Mismatch(f"{what}: the tensors are {sorted(seen)}")
    for name, content in wanted.items():
        equal(f"{what}: {name}", seen[name], content)


def _packed(tensors: dict[str, bytes]) -> bytes:
    """Return them as one file. https://github.com/huggingface/safetensors#format."""
    described, start = {}, 0
    for name, content in tensors.items():
        stop = start + len(content)
        described[name] = {
            "dtype": "U8",
            "shape": [len(content) // 4, 4],
            "data_offsets": [start, stop],
        }
        start = stop
    header = json.dumps(described).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + b"".join(tensors.values())


def _unpacked(content: bytes) -> dict[str, bytes]:
    (size,) = struct.unpack_from("<Q", content)
    described = json.loads(content[8 : 8 + size])
    described.pop("__metadata__", None)
    body = memoryview(content)[8 + size :]
    return {name: bytes(body[slice(*one["data_offsets"])]) for name, one in described.items()}


TABLE_CELLS = (
    Cell("parquet", ("read_parquet",), _parquet),
    Cell("parquet folder", ("read_parquet_folder",), _parquet_folder),
    Cell("parquet written", ("write_parquet", "read_parquet"), _parquet_written),
    Cell("parquet large", ("write_parquet", "read_parquet"), _parquet_large),
    Cell("tensors", ("read_tensors",), _tensors),
    Cell("tensors written", ("write_tensors",), _tensors_written),
)
