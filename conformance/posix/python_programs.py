"""Programs in Python on a mount: databases, tables, tensors, loaders, an environment of its own."""

from pathlib import Path

from conformance.posix import environment
from conformance.posix.commands import WrongError, run


def sqlite(on_mount: Path, local: Path) -> None:
    """Write a database with a rollback journal, roll back, index, vacuum, and check it."""
    del local
    _python(
        "import sqlite3, sys\n"
        "path = sys.argv[1]\n"
        "c = sqlite3.connect(path, isolation_level=None)\n"
        "assert c.execute('pragma journal_mode=delete').fetchone() == ('delete',)\n"
        "c.execute('create table t (a integer primary key, b text)')\n"
        "for part in range(10):\n"
        "    c.execute('begin')\n"
        "    rows = [(f'{part} {n}' * 5,) for n in range(500)]\n"
        "    c.executemany('insert into t (b) values (?)', rows)\n"
        "    c.execute('rollback' if part % 3 == 2 else 'commit')\n"
        "c.execute('create index i on t (b)')\n"
        "c.execute('delete from t where a % 5 = 0')\n"
        "c.execute('vacuum')\n"
        "assert c.execute('pragma integrity_check').fetchone() == ('ok',)\n"
        "c.close()\n"
        "c = sqlite3.connect(path)\n"
        "assert c.execute('select count(*) from t').fetchone()[0] == 2800\n"
        "assert c.execute('pragma integrity_check').fetchone() == ('ok',)\n",
        on_mount / "base.sqlite",
    )


def duckdb(on_mount: Path, local: Path) -> None:
    """Write Parquet on the mount by DuckDB, partitioned as well, and query both."""
    del local
    _python(
        "import duckdb, sys\n"
        "at = sys.argv[1]\n"
        "c = duckdb.connect()\n"
        "c.execute('create table t as select i, i % 7 as k, i / 2 as v from range(500000) r(i)')\n"
        "c.execute(f\"copy t to '{at}/one.parquet' (format parquet)\")\n"
        "c.execute(f\"copy t to '{at}/parts' (format parquet, partition_by (k))\")\n"
        "want = c.execute('select k, sum(v), count(*) from t group by k order by k').fetchall()\n"
        "for src in (f'{at}/one.parquet', f'{at}/parts/*/*.parquet'):\n"
        "    got = c.execute(f\"select k, sum(v), count(*) from read_parquet('{src}', "
        'hive_partitioning=true) group by k order by k").fetchall()\n'
        "    pairs = zip(got, want, strict=True)\n"
        "    assert all([*map(float, g)] == [*map(float, w)] for g, w in pairs), src\n"
        "d = duckdb.connect(f'{at}/base.duckdb')\n"
        "d.execute('create table u as select * from range(10000) r(i)')\n"
        "d.close()\n"
        "d = duckdb.connect(f'{at}/base.duckdb', read_only=True)\n"
        "assert d.execute('select sum(i) from u').fetchone() == (49995000,)\n",
        on_mount,
    )


def venv(on_mount: Path, local: Path) -> None:
    """Make an environment on the mount, install pytest into it, and run it there."""
    del local
    run(environment.python(), "-m", "venv", "--copies", on_mount / "env")
    python = on_mount / "env" / "bin" / "python"
    wheels = environment.wheels()
    run(python, "-m", "pip", "install", "-q", "--no-index", "-f", wheels, "pytest")
    tests = on_mount / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(50))\n"
        "def test_files(tmp_path, n):\n"
        "    (tmp_path / 'f').write_text(str(n))\n"
        "    assert (tmp_path / 'f').read_text() == str(n)\n"
    )
    said = run(python, "-m", "pytest", "-q", "--basetemp", on_mount / "tmp", tests)
    if "50 passed" not in said:
        raise WrongError(said[-300:])


def loaders(on_mount: Path, local: Path) -> None:
    """Read 400 files at random by eight processes, as a DataLoader's workers do."""
    del local
    _python(
        "import hashlib, multiprocessing, os, random, sys\n"
        "at = sys.argv[1]\n"
        "names = [f'{at}/sample-{n:04d}' for n in range(400)]\n"
        "want = {}\n"
        "for n, name in enumerate(names):\n"
        "    body = hashlib.sha256(str(n).encode()).digest() * (500 + n)\n"
        "    open(name, 'wb').write(body); want[name] = hashlib.sha256(body).digest()\n"
        "def epoch(seed):\n"
        "    order = names[:]; random.Random(seed).shuffle(order)\n"
        "    return all(hashlib.sha256(open(n, 'rb').read()).digest() == want[n] for n in order)\n"
        "with multiprocessing.get_context('fork').Pool(8) as pool:\n"
        "    assert all(pool.map(epoch, range(16)))\n",
        on_mount,
    )


def safetensors(on_mount: Path, local: Path) -> None:
    """Save tensors on the mount and load them by mmap, whole and in slices; numpy.memmap too."""
    del local
    _python(
        "import numpy as np, sys\n"
        "from safetensors.numpy import save_file, load_file\n"
        "from safetensors import safe_open\n"
        "at = sys.argv[1]\n"
        "r = np.random.default_rng(3)\n"
        "t = {f'w{n}': r.standard_normal((256, 1024)).astype('float32') for n in range(12)}\n"
        "save_file(t, f'{at}/m.safetensors')\n"
        "got = load_file(f'{at}/m.safetensors')\n"
        "assert all((got[k] == t[k]).all() for k in t)\n"
        "with safe_open(f'{at}/m.safetensors', 'numpy') as f:\n"
        "    assert (f.get_slice('w5')[10:20] == t['w5'][10:20]).all()\n"
        "np.save(f'{at}/a.npy', t['w1'])\n"
        "assert (np.load(f'{at}/a.npy', mmap_mode='r')[::3] == t['w1'][::3]).all()\n",
        on_mount,
    )


def _python(source: str, at: Path) -> None:
    run(environment.python(), "-c", source, at)
