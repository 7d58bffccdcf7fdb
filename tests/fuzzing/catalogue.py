"""Every fuzz target, by name."""

from tests.fuzzing import (
    answer_targets,
    chunked_targets,
    document_targets,
    form_targets,
    http_targets,
    kept_targets,
    listing_targets,
    policy_targets,
    session_targets,
    signing_targets,
    token_targets,
    web_identity_targets,
)
from tests.fuzzing.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for part in (
        answer_targets,
        chunked_targets,
        document_targets,
        form_targets,
        http_targets,
        kept_targets,
        listing_targets,
        policy_targets,
        session_targets,
        token_targets,
        web_identity_targets,
        signing_targets,
    )
    for target in part.TARGETS
}
