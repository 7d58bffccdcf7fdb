"""The command line: exit codes, one sentence for what is wrong, help that teaches."""

import pytest

from gateway.__main__ import main

GOOD = """
[flash]
path = "cache"
size = "1GiB"
[origin]
access_key = "origin-key"
secret_key = "origin-secret"
[[identities]]
name = "demo"
access_key = "demo-key"
secret_key = "demo-secret"
policy = [{ Effect = "Allow", Action = "s3:Get*", Resource = ["a/*", "b/*"] }]
[[rules]]
match = "models/*"
freshness = "bounded(30s)"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "forebay.toml"
    path.write_text(GOOD)
    return path


def usage_error(capsys, *argv: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_good_file_is_said_to_be_good(config, capsys):
    assert main(["config", "check", str(config)]) == 0
    assert "is good: 1 identities, 1 rules" in capsys.readouterr().out


def test_a_file_without_identities_is_good_and_warned_of(tmp_path, capsys):
    path = tmp_path / "empty.toml"
    path.write_text("")
    assert main(["config", "check", str(path)]) == 0
    assert "every request will be refused" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["config", "check"], ["config", "show", "--config"]])
def test_a_bad_setting_exits_2_with_one_sentence(config, capsys, command):
    config.write_text(GOOD.replace("size", "sise"))
    assert main([*command, str(config)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "flash.sise" in output.err
    assert "flash.size" in output.err


def test_serve_refuses_a_bad_setting_before_it_starts_anything(config, capsys):
    config.write_text(GOOD.replace("1GiB", "lots"))
    assert main(["serve", "--config", str(config)]) == 2
    assert "flash.size cannot be 'lots'" in capsys.readouterr().err


def test_show_prints_settings_that_read_back_with_secrets_masked(config, capsys, tmp_path):
    assert main(["config", "show", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "demo-secret" not in shown
    assert "origin-secret" not in shown
    assert 'freshness = "bounded(30s)"' in shown
    again = tmp_path / "shown.toml"
    again.write_text(shown)
    assert main(["config", "show", "--config", str(again)]) == 0
    assert capsys.readouterr().out == shown


def test_the_default_file_is_read_where_it_exists(config, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(config.parent)
    assert main(["config", "show"]) == 0
    assert "demo-key" in capsys.readouterr().out
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["config", "show"]) == 0
    assert "demo-key" not in capsys.readouterr().out


def test_the_environment_counts(config, capsys, monkeypatch):
    monkeypatch.setenv("FOREBAY_ORIGIN__REGION", "eu-north-1")
    assert main(["config", "show", "--config", str(config)]) == 0
    assert 'region = "eu-north-1"' in capsys.readouterr().out


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert "the nearest is 'serve'" in usage_error(capsys, "sevre")
    assert "--help" in usage_error(capsys, "demo", "--prot", "1")
    assert "is not a port" in usage_error(capsys, "demo", "--port", "70000")


def test_no_command_is_a_usage_error_in_one_line(capsys):
    assert usage_error(capsys).count("\n") == 1


def test_an_unexpected_failure_is_a_sentence_not_a_traceback(config, capsys, monkeypatch):
    def fail(_settings):
        raise RuntimeError("the disk\nfell off")

    monkeypatch.setattr("gateway.cli.commands.as_toml", fail)
    assert main(["config", "show", "--config", str(config)]) == 1
    assert capsys.readouterr().err.startswith("forebay: the disk fell off (")
    with pytest.raises(RuntimeError):
        main(["--traceback", "config", "show", "--config", str(config)])


@pytest.mark.parametrize("words", ["forebay demo", "[[identities]]", "SIGHUP", "docs/", "FOREBAY_"])
def test_help_teaches(capsys, words):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"] if words != "SIGHUP" else ["serve", "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert words in shown
    assert "worker " not in shown.replace("workers ", "")


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("forebay ")
