"""Caches beside the gateway: what a TOML tells of one, and that it is run as told."""

import sys
from pathlib import Path

import pytest

from conformance.performance.caches import Cache, CacheTroubleError, read_cache
from conformance.performance.origins import ACCESS_KEY, Server
from conformance.performance.suite import main
from conformance.performance.workplace import Workplace, caches_beside

SERVER = """
import http.server, pathlib, sys
class Always(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(pathlib.Path(sys.argv[2]).read_bytes())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Always).serve_forever()
"""
TOLD = """
command = ["PYTHON", "{folder}/server.py", "{port}", "{folder}/said"]
says = "a server that says what it was told"
ready = "/"
keeps_host = true
proof = "header"

[files]
"said" = "{ {access_key} } {origin_port}"
"server.py" = '''SCRIPT'''
"""


def told(folder: Path, text: str) -> Path:
    path = folder / "peer.toml"
    path.write_text(text.replace("PYTHON", sys.executable).replace("SCRIPT", SERVER))
    return path


def test_a_cache_runs_as_its_toml_tells(tmp_path: Path) -> None:
    cache = read_cache("Echo", told(tmp_path, TOLD))
    origin = Server(1234)
    with cache.running(tmp_path / "run", origin) as server:
        assert (server.proof, server.authority) == ("header", "127.0.0.1:1234")
        assert (tmp_path / "run" / "said").read_text() == f"{{ {ACCESS_KEY} }} 1234"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("command = 1", "command must be of type list"),
        ("says = 'x'", "command is missing"),
        ("command = ['x']", "says is missing"),
        ("comand = ['x']", "unknown key comand"),
        ("command = ['x']\nsays = 'x'\nproof = 'none of these'", "proof must be one of any, link"),
        ("command", "cannot be read"),
    ],
)
def test_a_toml_that_tells_of_no_cache_is_refused_in_a_sentence(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CacheTroubleError, match=words):
        read_cache("x", told(tmp_path, text))
    with pytest.raises(SystemExit):
        main(["--peer", f"x={told(tmp_path, text)}", "P1"])
    assert words in capsys.readouterr().err


def test_a_cache_that_does_not_start_is_left_out_and_it_is_said(tmp_path: Path) -> None:
    broken = Cache("Broken", (sys.executable, "-c", "raise SystemExit(3)"), "never mind")
    place = Workplace(tmp_path, is_quick=True, caches=(broken,))
    with caches_beside(place, Server(1)) as beside:
        assert beside.servers == {}
        assert "Broken is left out: RuntimeError" in beside.notes[0]
        assert "ended with 3" in beside.notes[0]
