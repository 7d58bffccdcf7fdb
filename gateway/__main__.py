"""The program `forebay`: run a command, turn every failure into one sentence and an exit code."""

import sys
from collections.abc import Sequence
from typing import Final

from gateway.cli.arguments import make_parser
from gateway.cli.commands import run_command
from gateway.processes.failing import words_of
from gateway.settings.reading import SettingsError

EXIT_FAILED: Final = 1
EXIT_MISUSED: Final = 2
EXIT_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 misused."""
    arguments = make_parser().parse_args(argv)
    try:
        return run_command(arguments)
    except SettingsError as error:
        return _say(str(error), EXIT_MISUSED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if arguments.traceback:
            raise
        return _say(f"{words_of(error)} (forebay --traceback shows where)", EXIT_FAILED)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"forebay: {' '.join(sentence.split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
