"""What the admin API asks the right for, and on what resource (pure).

Identities are resources with an ARN of their own, so that no pattern that was meant for a bucket
covers one: `identity/ann` is a key in a bucket named `identity` wherever an S3 action stands, and
the identity `ann` where only `forebay:` actions do (access/policy_resources).
"""

from typing import Final

SERVICE: Final = "forebay"
"""What the admin API is called in the scope of a signature."""
IDENTITY_PREFIX: Final = "arn:forebay:::identity/"
ALL_IDENTITIES: Final = "arn:forebay:::*"
"""What a list is about: a policy names it `*`, and no narrower pattern covers it."""
LIST, GET = "forebay:ListIdentities", "forebay:GetIdentity"
CREATE, DELETE = "forebay:CreateIdentity", "forebay:DeleteIdentity"
ROTATE, DISABLE = "forebay:RotateIdentity", "forebay:DisableIdentity"
ENABLE, CHANGE = "forebay:EnableIdentity", "forebay:UpdateIdentity"
ADMIN_ACTIONS: Final = frozenset({LIST, GET, CREATE, CHANGE, DELETE, ROTATE, DISABLE, ENABLE})


def identity_resource(name: str) -> str:
    """Return the resource that policies are judged by for an identity."""
    return IDENTITY_PREFIX + name


def judged_resource(written: str) -> str:
    """Return what requests are judged by for a resource as it is written: `*`, `identity/NAME`."""
    if written == "*":
        return ALL_IDENTITIES
    return identity_resource(written.removeprefix(IDENTITY_PREFIX).removeprefix("identity/"))
