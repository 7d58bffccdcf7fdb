"""The clients' scorecard: a loss is found and named, and what differs by scheme stands apart."""

from pathlib import Path

from conformance.clients.scorecard import Scorecard, write


def outcome(cell: str, verdict: str) -> dict[str, str]:
    return {"cell": cell, "outcome": verdict, "words": f"why {verdict}"}


def card_of(http: tuple[str, str], https: tuple[str, str]) -> Scorecard:
    card = Scorecard("embedded")
    for scheme, (direct, forebay) in (("http", http), ("https", https)):
        card.take("client", scheme, "direct", outcome("put", direct))
        card.take("client", scheme, "forebay", outcome("put", forebay))
    return card


def test_what_works_at_the_origin_only_is_lost():
    card = card_of(("pass", "pass"), ("pass", "fail"))
    assert card.lost() == [("client", "https", "put")]
    assert card.summary() == "embedded: 1 ok, 1 LOST"


def test_the_table_has_a_column_a_client_and_says_where_the_schemes_differ(tmp_path: Path):
    card = card_of(("pass", "pass"), ("fail", "pass"))
    card.absent["other"] = "there is no cargo on the path"
    table = write(card, tmp_path).read_text("utf-8")
    assert "| | client | other |" in table
    assert "| put | ✓ / ✓ (+) | n/a |" in table
    assert "- gained: client: put: why fail (https)" in table
    assert "- absent: other: there is no cargo on the path\n" in table
