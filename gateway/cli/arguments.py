"""The command line: what it accepts, and the help that teaches it."""

import argparse
import difflib
import re
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from gateway.cli.cache_arguments import CACHE_TEXT, WARM_LINE, fill_cache, fill_warm
from gateway.cli.identity_arguments import fill_identity
from gateway.cli.mount_arguments import MOUNT_TEXT, fill_mount, fill_umount
from gateway.cli.simulate_arguments import fill_simulate
from gateway.cli.snapshot_arguments import SNAPSHOT_TEXT, fill_snapshot

DEFAULT_CONFIG: Final = Path("forebay.toml")
PORT_MAX: Final = 65535
HIDDEN: Final = "worker"

DESCRIPTION: Final = """\
Forebay stands in front of an S3 bucket and keeps its hot objects on local flash.
Clients point their endpoint URL at it; what they read is never staler than the bucket.
"""

EXAMPLES: Final = """\
start here:
  forebay demo                             an origin, a gateway and sample data, to look at
  forebay serve --config forebay.toml      a gateway for your bucket

a forebay.toml that works:
  [origin]
  endpoint = "https://s3.eu-central-1.amazonaws.com"
  region = "eu-central-1"
  [flash]
  path = "/var/cache/forebay"
  size = "200GiB"
  [[identities]]
  name = "me"
  access_key = "my-access-key"
  secret_key = "a long secret of your own"
  policy = "admin"

then, with that key pair:
  aws --endpoint-url http://127.0.0.1:9000 s3 ls s3://my-bucket/
  curl --aws-sigv4 aws:amz:us-east-1:s3 -u my-access-key:... http://127.0.0.1:9000/my-bucket/key

look at a running one:
  curl http://127.0.0.1:9090/ready         are all workers up?
  curl http://127.0.0.1:9090/metrics       for Prometheus
  kill -HUP PID                            read rules and identities again
  kill -TERM PID                           finish what is in flight, then stop

every setting may also be in the environment: FOREBAY_ORIGIN__ENDPOINT is origin.endpoint.
exit codes: 0 done, 1 failed, 2 a setting or the command line is wrong.

where to go next: docs/CONFIGURATION.md for every setting, docs/SEMANTICS.md for what is
promised, docs/OPERATIONS.md for running it.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence, with the nearest word it knows."""

    def error(self, message: str) -> NoReturn:
        """Write the sentence to stderr and exit with 2."""
        self.exit(2, f"forebay: {_with_nearest(message)}; see {self.prog} --help\n")


def _with_nearest(message: str) -> str:
    found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
    if found is None:
        return message
    known = [name for name in re.findall(r"[\w-]+", found[2]) if name != HIDDEN]
    nearest = difflib.get_close_matches(found[1], known, n=1, cutoff=0.0)
    return f"there is no command {found[1]!r}, the nearest is {' '.join(nearest)!r}"


def make_parser() -> Parser:
    """Return the parser; the chosen command's name is in `command`, joined by a space."""
    parser = Parser(
        prog="forebay",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"forebay {installed_version()}")
    parser.add_argument(
        "--traceback",
        action="store_true",
        help="show where in the program an unexpected failure came from",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_demo(commands)
    _add_config(commands)
    _add_flash(commands)
    _add_cache(commands)
    _add_mount(commands)
    _add_snapshot(commands)
    _add_policy(commands)
    _add_identity(commands)
    _add_doctor(commands)
    _add_simulate(commands)
    # Spawned by `serve` with a control channel on its standard input; of no use to people.
    commands.add_parser(HIDDEN, add_help=False)
    return parser


def installed_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("forebay")
    except PackageNotFoundError:
        return "(not installed)"


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse's only name for it


def _add(commands: Commands, name: str, help_line: str, text: str = "") -> Parser:
    return commands.add_parser(
        name,
        help=help_line,
        description=f"{help_line[0].upper()}{help_line[1:]}.\n\n{textwrap.dedent(text)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_config_option(parser: Parser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"the settings file (default: {DEFAULT_CONFIG} where it exists)",
    )


def _add_serve(commands: Commands) -> None:
    text = """\
        Prints one line when all workers are ready. SIGTERM finishes what is in flight and
        stops; SIGHUP reads rules and identities again.
        """
    parser = _add(commands, "serve", "run the gateway", text)
    _add_config_option(parser)
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="FILE",
        help='once ready, write {"s3": URL, "admin": URL} here (for ports that are 0)',
    )


def _add_demo(commands: Commands) -> None:
    text = """\
        Measures direct, cold and warm reads, prints them side by side, and stays up with
        commands to paste until Ctrl-C.
        """
    parser = _add(commands, "demo", "see it work, with an origin and data of its own", text)
    parser.add_argument("--once", action="store_true", help="exit after the table")
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="the gateway's port (default: 9000, or the next that is free)",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to {PORT_MAX})")
    return int(text)


def _add_config(commands: Commands) -> None:
    parser = _add(commands, "config", "check or show settings")
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    check = _add(below, "check", "say whether a settings file is good, and if not, why")
    check.add_argument("config", type=Path, metavar="FILE")
    show = _add(below, "show", "print the settings that apply, defaults included, secrets masked")
    _add_config_option(show)


def _add_flash(commands: Commands) -> None:
    parser = _add(commands, "flash", "look after the cache on flash")
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    check = _add(below, "check", "verify every chunk and the index; a gateway may run meanwhile")
    _add_config_option(check)
    check.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the cache's folder")


def _add_cache(commands: Commands) -> None:
    parser = _add(
        commands, "cache", "see what is on flash, bring it there, verify it and take it out"
    )
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)

    def add(name: str, line: str) -> argparse.ArgumentParser:
        made = _add(below, name, line, CACHE_TEXT)
        _add_config_option(made)
        return made

    fill_cache(add)
    warm = _add(commands, "warm", f"the same as cache warm: {WARM_LINE}", CACHE_TEXT)
    _add_config_option(warm)
    fill_warm(warm)


def _add_mount(commands: Commands) -> None:
    parser = _add(commands, "mount", "show a bucket as a file system", MOUNT_TEXT)
    _add_config_option(parser)
    fill_mount(parser)
    fill_umount(_add(commands, "umount", "take a mounted bucket away"))


def _add_snapshot(commands: Commands) -> None:
    parser = _add(commands, "snapshot", "read-only buckets of what was there at one moment")
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)

    def add(name: str, line: str) -> argparse.ArgumentParser:
        made = _add(below, name, line, SNAPSHOT_TEXT)
        _add_config_option(made)
        return made

    fill_snapshot(add)


def _add_doctor(commands: Commands) -> None:
    text = """\
        Asks the origin some thirty small questions in a scratch prefix (.forebay-doctor/) and
        removes what it wrote. Exit code 1: a setting should be another.
        """
    parser = _add(
        commands, "doctor", "show what the origin can do, and what it only pretends", text
    )
    _add_config_option(parser)
    parser.add_argument("--bucket", metavar="NAME", help="where to write (default: the only one)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")


def _add_simulate(commands: Commands) -> None:
    text = """\
        Replays a trace through the gateway's own decisions, without a disk: Forebay's access log,
        or lines of time,bucket/key,size[,first-last]. The rules of the settings file hold.

          forebay simulate --trace access.log --size 100GiB 200GiB 400GiB
        """
    parser = _add(commands, "simulate", "say what a cache of another size would have hit", text)
    _add_config_option(parser)
    fill_simulate(parser)


def _add_identity(commands: Commands) -> None:
    parser = _add(commands, "identity", "add, list, rotate, disable and remove who may use it")
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)

    def add(name: str, help_line: str) -> Parser:
        made = _add(below, name, help_line)
        _add_config_option(made)
        return made

    fill_identity(parser, add)


def _add_policy(commands: Commands) -> None:
    text = """\
        Prints which statement decides. Exit code 0: allowed, 1: denied. Conditions are judged by
        what --context gives, for example aws:SourceIp=10.0.0.7 s3:prefix=home/, and by who asks
        and when; other keys are judged as not in the request.
        """
    parser = _add(commands, "policy", "ask what a policy says")
    below = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    check = _add(below, "check", "say whether an identity may do something, and why", text)
    _add_config_option(check)
    check.add_argument("--as", dest="name", required=True, metavar="NAME", help="who asks")
    check.add_argument("action", metavar="ACTION", help="such as s3:GetObject")
    check.add_argument("resource", metavar="RESOURCE", help="bucket, bucket/key or * (the service)")
    check.add_argument(
        "--context",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="what conditions may ask of the request",
    )
