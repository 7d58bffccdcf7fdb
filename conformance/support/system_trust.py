"""For clients that trust only the system's certificates: a system of their own, as far as they see.

The command runs in a mount namespace in which the suite's authority lies over the system's bundle;
nothing outside that process changes. https://man7.org/linux/man-pages/man7/mount_namespaces.7.html
"""

import shlex
import shutil

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def with_system_trust(command: list[str], ca_file: str | None) -> list[str]:
    """Return the command such that its system trusts `ca_file`.

    Raises LookupError where no namespaces can be made.
    """
    if ca_file is None:
        return command
    if shutil.which("unshare") is None:
        raise LookupError("it trusts the system's certificates only, and there is no unshare")
    mount = shlex.join(["mount", "--bind", ca_file, SYSTEM_BUNDLE])
    script = f'{mount} && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *command]
