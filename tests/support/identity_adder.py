"""Adds identities to a state for ever, and prints each once it was acknowledged, to be killed.

python -m tests.support.identity_adder PATH
"""

import itertools
import sys
from pathlib import Path

from gateway.access.identity_ledger import Wanted
from tests.support.kept import BY, Kept

with Kept(Path(sys.argv[1])) as kept:
    for number in itertools.count():
        _, keys = kept.ledger.add(Wanted(f"user{number}", "read-only"), by=BY)
        sys.stdout.write(f"{keys.access_key} {keys.secret_key}\n")
        sys.stdout.flush()
