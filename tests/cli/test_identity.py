"""`forebay identity`: what it prints once, what it never prints, and what it refuses in words."""

import base64
import io
import json
import logging

import pytest

from gateway.__main__ import main

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
SETTINGS = """
[state]
key_file = "state.key"
[[groups]]
name = "readers"
policy = "read-only"
[[identities]]
name = "settled"
access_key = "settled-key"
secret_key = "settled-secret"
policy = "admin"
"""
POLICY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a/*"}


@pytest.fixture(autouse=True)
def root_log():
    """Give the log back as it was: a command sends it to its own stderr."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "forebay.toml").write_text(SETTINGS)
    (tmp_path / "state.key").write_text(KEY)
    (tmp_path / "state.key").chmod(0o600)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    def ran(*words, command="identity"):
        # Between the command and its subcommand stands nothing, hence `--config` at the end.
        code = main([command, *words, "--config", str(folder / "forebay.toml")])
        output = capsys.readouterr()
        return code, output.out, output.err

    return ran


def added(run, name="ann", *words):
    code, out, _ = run("add", name, *(words or ("--policy", "read-only")), "--json")
    assert code == 0
    return json.loads(out)


def listed(run):
    return {one["name"]: one for one in json.loads(run("list", "--json")[1])["identities"]}


def test_add_prints_the_keys_and_nothing_else_ever_does(run):
    code, out, err = run("add", "ann", "--policy", "read-only")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == 'identity "ann" added; this is the only time that the secret key is shown'
    access_key, secret_key = (line.split("  ")[1] for line in lines[1:])
    assert (len(access_key), len(secret_key)) == (20, 40)
    assert "was added by cli (user " in err
    for words in (("list",), ("list", "--json"), ("show", "ann"), ("disable", "ann")):
        code, out, more = run(*words)
        assert code == 0
        assert secret_key not in out + more + err


def test_a_policy_is_a_name_a_file_or_json(run, folder):
    (folder / "policy.json").write_text(json.dumps([POLICY]))
    added(run, "ann", "--policy", str(folder / "policy.json"))
    added(run, "ben", "--policy", json.dumps({"Version": "2012-10-17", "Statement": POLICY}))
    added(run, "cay", "--group", "readers", "--group", "readers")
    found = listed(run)
    assert found["ann"]["policy"] == [POLICY]
    assert found["ben"]["policy"]["Statement"] == POLICY
    assert (found["cay"]["policy"], found["cay"]["groups"]) == (None, ["readers"])


def test_list_shows_both_sources(run):
    added(run)
    found = listed(run)
    assert [found[name]["source"] for name in ("ann", "settled")] == ["state", "settings"]
    assert "settled-secret" not in str(found)
    shown = run("list")[1]
    assert found["ann"]["access_key"] in shown
    assert "settled-key" in shown


def test_show_rotate_disable_enable_remove(run):
    first = added(run)
    second = json.loads(run("rotate", "ann", "--json")[1])
    assert second["access_key"] != first["access_key"]
    assert second["secret_key"] != first["secret_key"]
    assert f"access_key: {second['access_key']}" in run("show", "ann")[1]
    assert json.loads(run("disable", "ann", "--json")[1])["enabled"] is False
    assert json.loads(run("show", "ann", "--json")[1])["enabled"] is False
    assert run("enable", "ann")[1] == 'identity "ann" is enabled\n'
    assert listed(run)["ann"]["enabled"] is True
    assert run("remove", "ann")[0] == 0
    assert list(listed(run)) == ["settled"]


@pytest.mark.parametrize("source", ["stdin", "env"])
def test_own_keys_come_from_where_nobody_reads_them(run, monkeypatch, source):
    if source == "env":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    else:
        monkeypatch.setattr("sys.stdin", io.StringIO("own-key\nown-secret\n"))
    code, out, err = run("add", "ann", "--policy", "admin", "--keys", source)
    assert (code, out) == (0, 'identity "ann" added: access key own-key\n')
    assert "own-secret" not in err
    assert listed(run)["ann"]["access_key"] == "own-key"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "ann"), "neither policy nor groups"),
        (("add", "ann", "--policy", "amdin"), '"amdin" is not a policy'),
        (("add", "ann", "--policy", "{"), "the policy is not JSON"),
        (("add", "ann", "--policy", '{"Sid": 1, "Sid": 2}'), "Sid stands twice"),
        (("add", "ann", "--group", "reders"), 'the nearest is "readers"'),
        (("add", "a b", "--policy", "admin"), "is no name"),
        (("add", "settled", "--policy", "admin"), "stands in the settings"),
        (("remove", "settled"), "change it there"),
        (("show", "nobody"), 'no identity "nobody"'),
        (("rotate", "nobody"), 'no identity "nobody"'),
        (("add", "ann", "--policy", "admin", "--keys", "env"), "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence_with_2(run, monkeypatch, words, sentence):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_without_a_key_it_says_how_to_make_one(run, folder):
    (folder / "forebay.toml").write_text("")
    code, _, err = run("add", "ann", "--policy", "admin")
    assert code == 2
    assert "openssl rand -base64 32" in err
    assert "state.key_file" in err
    assert not (folder / "state").exists()


def test_a_key_is_replaced_step_by_step(run, folder):
    added(run)
    (folder / "state.key").write_text(f"{OTHER}\n{KEY}\n")
    assert run("reseal")[1].startswith("1 secrets were sealed anew")
    (folder / "state.key").write_text(OTHER)
    assert run("reseal")[1].startswith("0 secrets")
    (folder / "state.key").write_text(KEY)
    code, _, err = run("reseal")
    assert code == 2
    assert "add that key to state.key_file" in err


def test_policy_check_knows_the_states_identities(run):
    added(run, "ann", "--group", "readers")
    code, out, err = run("check", "--as", "ann", "s3:GetObject", "a/k", command="policy")
    assert (code, out, err) == (0, 'allowed by group "readers", read-only: statement 1\n', "")
    assert run("check", "--as", "ann", "s3:PutObject", "a/k", command="policy")[0] == 1
    run("disable", "ann")
    err = run("check", "--as", "ann", "s3:GetObject", "a/k", command="policy")[2]
    assert "is disabled: all is refused" in err
    assert run("check", "--as", "x/y", "s3:GetObject", "a/k", command="policy")[0] == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "state.key").write_text(OTHER), "sealed with another key"),
        (
            lambda folder: rewrite(folder, "key_file", "# key_file"),
            "1 identities, and no key is set",
        ),
        (lambda folder: rewrite(folder, '"settled"', '"ann"'), "stands in the settings too"),
        (lambda folder: rewrite(folder, '"readers"', '"writers"'), 'no group "readers"'),
        (lambda folder: (folder / "state" / "data.mdb").write_bytes(b"x" * 9999), "backup"),
    ],
)
def test_a_gateway_that_could_not_judge_them_does_not_start(run, folder, change, sentence, capsys):
    added(run, "ann", "--group", "readers")
    change(folder)
    assert main(["serve", "--config", str(folder / "forebay.toml")]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def rewrite(folder, old, new):
    path = folder / "forebay.toml"
    path.write_text(path.read_text().replace(old, new))


def test_the_states_identities_are_identities(run, folder, capsys):
    rewrite(folder, "[[identities]]", "[[rules]]\nmatch = 'a/*'\n[[nobodies]]")
    path = folder / "forebay.toml"
    path.write_text(path.read_text().partition("[[nobodies]]")[0])
    assert main(["config", "check", str(path)]) == 0
    assert "forebay identity add" in capsys.readouterr().err
    added(run)
    assert main(["config", "check", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_change_gives_other_rights_and_rates_and_takes_them_away(run):
    before = added(run)
    words = ("--policy", "none", "--group", "readers", "--bytes-per-second", "2MiB")
    code, out, _ = run("change", "ann", *words, "--requests-per-second", "7.5")
    assert (code, out) == (0, 'identity "ann" is changed, from the next request on\n')
    ann = listed(run)["ann"]
    assert (ann["policy"], ann["groups"]) == (None, ["readers"])
    assert (ann["requests_per_second_max"], ann["bytes_per_second_max"]) == (7.5, 2 * 2**20)
    assert ann["access_key"] == before["access_key"]
    words = ("--policy", "admin", "--group", "none", "--bytes-per-second", "0")
    assert run("change", "ann", *words)[0] == 0
    ann = listed(run)["ann"]
    assert (ann["policy"], ann["groups"]) == ("admin", [])
    assert (ann["requests_per_second_max"], ann["bytes_per_second_max"]) == (7.5, None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "there is nothing to change"),
        (("--policy", "none"), "neither policy nor groups"),
        (("--bytes-per-second", "1KiB"), "at least 65536"),
        (("--bytes-per-second", "much"), "is not a number with a unit"),
    ],
)
def test_a_change_that_makes_no_sense_is_one_sentence(run, capsys, words, sentence):
    added(run)
    try:
        code, _, err = run("change", "ann", *words)
    except SystemExit as exit_:
        code, err = exit_.code, capsys.readouterr().err
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
