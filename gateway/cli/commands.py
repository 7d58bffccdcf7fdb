"""What each command does; a room is imported when its command runs, so that `--help` is quick."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.cli.arguments import DEFAULT_CONFIG
from gateway.cli.cache_arguments import CACHE_COMMANDS
from gateway.cli.identity_arguments import IDENTITY_COMMANDS
from gateway.cli.shown import as_toml
from gateway.cli.snapshot_arguments import SNAPSHOT_COMMANDS
from gateway.model.rules import Rules
from gateway.settings.reading import SettingsError, read_settings
from gateway.settings.tree import Settings


def serve(arguments: argparse.Namespace) -> int:
    """Run the supervisor until it is told to stop."""
    from gateway.assembly.state import open_store, refuse_unfit
    from gateway.processes.supervisor import run_supervisor

    path = config_path(arguments)
    settings = read_settings(path, os.environ)
    with open_store(settings) as store:
        refuse_unfit(settings, store)
    warn_without_identities(settings)
    return run_supervisor(
        settings,
        reread=lambda: read_settings(path, os.environ),
        ready_file=arguments.ready_file,
    )


def worker(_arguments: argparse.Namespace) -> int:
    """Run one worker, which the supervisor feeds through standard input's socket."""
    from gateway.processes.worker import run

    return run()


def demo(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    from gateway.demo.run import main

    return main(once=arguments.once, port=arguments.port)


def check_config(arguments: argparse.Namespace) -> int:
    """Say that a settings file is good; what is wrong with it is raised."""
    settings = read_settings(arguments.config, os.environ)
    warn_without_identities(settings)
    counted = f"{len(settings.identities)} identities, {len(settings.rules)} rules"
    say(f"{arguments.config} is good: {counted}")
    return 0


def show_config(arguments: argparse.Namespace) -> int:
    """Print the settings that apply."""
    sys.stdout.write(as_toml(read_settings(config_path(arguments), os.environ)))
    return 0


def check_flash(arguments: argparse.Namespace) -> int:
    """Verify the cache on flash; 1 when something is wrong with it."""
    from gateway.cli import flash_check

    settings = read_settings(config_path(arguments), os.environ).flash
    return flash_check.check_flash(arguments.path or settings.path, settings)


def look_at_cache(arguments: argparse.Namespace) -> int:
    """Show what is on flash, or take it out; 1 where what was asked for is not there."""
    from gateway.cli import cache

    settings = read_settings(config_path(arguments), os.environ)
    rules = Rules(rule.as_rule() for rule in settings.rules)
    return cache.run_cache(settings.flash, rules, arguments)


def warm_cache(arguments: argparse.Namespace) -> int:
    """Bring objects onto flash; 1 where something is not there in the end."""
    from gateway.cli import cache_warm

    return cache_warm.run_warm(read_settings(config_path(arguments), os.environ), arguments)


def verify_cache(arguments: argparse.Namespace) -> int:
    """Verify what is held under a prefix; 1 where something was not right."""
    from gateway.cli import cache_verify

    return cache_verify.run_verify(read_settings(config_path(arguments), os.environ), arguments)


def check_policy(arguments: argparse.Namespace) -> int:
    """Say whether an identity may do something; 1 when it may not."""
    from gateway.cli import policy_check

    settings = read_settings(config_path(arguments), os.environ)
    return policy_check.check_policy(
        settings, arguments.name, arguments.action, arguments.resource, arguments.context
    )


def doctor(arguments: argparse.Namespace) -> int:
    """Probe the origin; 1 when a setting does not fit it."""
    from gateway.cli import doctor as probing

    settings = read_settings(config_path(arguments), os.environ)
    return probing.examine(settings, arguments.bucket, as_json=arguments.json)


def simulate(arguments: argparse.Namespace) -> int:
    """Replay a trace through the cache's decisions."""
    from gateway.cli import simulate as simulating

    settings = read_settings(config_path(arguments), os.environ)
    rules = Rules(rule.as_rule() for rule in settings.rules)
    return simulating.simulate(settings.flash, rules, arguments)


def change_identities(arguments: argparse.Namespace) -> int:
    """Change or show who may use Forebay."""
    from gateway.cli import identity

    return identity.change_identities(read_settings(config_path(arguments), os.environ), arguments)


def change_snapshots(arguments: argparse.Namespace) -> int:
    """Take, show or remove snapshots."""
    from gateway.cli import snapshot

    return snapshot.run_snapshot(read_settings(config_path(arguments), os.environ), arguments)


def mount(arguments: argparse.Namespace) -> int:
    """Show a bucket as a file system."""
    from gateway.cli import mount as mounting
    from gateway.cli.mount_arguments import apply_options

    try:
        apply_options(arguments)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    path = config_path(arguments)
    settings = read_settings(path, os.environ)
    return mounting.run(settings, arguments, lambda: read_settings(path, os.environ))


def umount(arguments: argparse.Namespace) -> int:
    """Take a mounted bucket away."""
    from gateway.cli import mount as mounting

    return mounting.unmount(arguments)


COMMANDS: Final[Mapping[tuple[str, str | None], Callable[[argparse.Namespace], int]]] = {
    ("serve", None): serve,
    ("worker", None): worker,
    ("demo", None): demo,
    ("mount", None): mount,
    ("umount", None): umount,
    ("config", "check"): check_config,
    ("config", "show"): show_config,
    ("flash", "check"): check_flash,
    ("doctor", None): doctor,
    ("simulate", None): simulate,
    ("policy", "check"): check_policy,
    **{("cache", name): look_at_cache for name in CACHE_COMMANDS},
    ("cache", "warm"): warm_cache,
    ("cache", "verify"): verify_cache,
    ("warm", None): warm_cache,
    **{("snapshot", name): change_snapshots for name in SNAPSHOT_COMMANDS},
    **{("identity", name): change_identities for name in IDENTITY_COMMANDS},
}


def run_command(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed and return its exit code."""
    return COMMANDS[arguments.command, getattr(arguments, "subcommand", None)](arguments)


def config_path(arguments: argparse.Namespace) -> Path | None:
    """Return the settings file: the one named, else the default where it exists."""
    named: Path | None = arguments.config
    if named is not None:
        return named
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def warn_without_identities(settings: Settings) -> None:
    """Say on stderr that nobody may use a gateway that knows nobody."""
    from gateway.assembly.state import count_kept

    if not settings.identities and not count_kept(settings):
        sys.stderr.write(
            "forebay: no [[identities]] are set, so every request will be refused; "
            "add one with name, access_key, secret_key and policy, or with forebay identity add\n",
        )


def say(line: str) -> None:
    """Write one line for people to stdout."""
    sys.stdout.write(f"{line}\n")
