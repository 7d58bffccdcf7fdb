"""`forebay policy check`: the verdict, the statement that decided, and the exit code."""

import pytest

from gateway.__main__ import main

SETTINGS = """
[[groups]]
name = "readers"
policy = [{ Effect = "Allow", Action = "s3:Get*", Resource = "a/*", Sid = "Read" }]
[[identities]]
name = "ann"
access_key = "ann-key"
secret_key = "ann-secret"
groups = "readers"
policy = '''{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::a/secret/*"},
    {"Sid": "Home", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::a",
     "Condition": {"StringLike": {"s3:prefix": "home/${aws:username}/*"},
                   "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
  ]
}'''
"""


@pytest.fixture
def check(tmp_path, capsys):
    path = tmp_path / "forebay.toml"
    path.write_text(SETTINGS)

    def checked(*words: str, name: str = "ann"):
        code = main(["policy", "check", "--config", str(path), "--as", name, *words])
        output = capsys.readouterr()
        return code, output.out.strip(), output.err.strip()

    return checked


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("s3:GetObject", "a/k"), 0, 'allowed by group "readers", statement 1 "Read"'),
        (("S3:getobject", "arn:aws:s3:::a/k"), 0, 'allowed by group "readers", statement 1 "Read"'),
        (("s3:GetObject", "a/secret/k"), 1, "denied by statement 1"),
        (("s3:GetObject", "b/k"), 1, "denied: nothing allows it"),
        (("s3:ListBucket", "a"), 1, "denied: nothing allows it"),
        (
            ("s3:ListBucket", "a", "--context", "s3:prefix=home/ann/x", "aws:SourceIp=10.1.2.3"),
            0,
            'allowed by statement 2 "Home"',
        ),
        (
            ("s3:ListBucket", "a", "--context", "S3:Prefix=home/ben/x", "aws:SourceIp=10.1.2.3"),
            1,
            "denied: nothing allows it",
        ),
    ],
)
def test_the_statement_that_decides_is_named(check, words, code, sentence):
    assert check(*words)[:2] == (code, sentence)


def test_what_was_not_given_is_said(check):
    said = check("s3:ListBucket", "a")[2]
    assert said.endswith("judged as not in the request: aws:SourceIp, s3:prefix")


@pytest.mark.parametrize(
    ("words", "name", "sentence"),
    [
        (
            ("s3:GetObject", "a/k"),
            "anne",
            'there is no identity "anne" in the settings: the nearest is "ann"',
        ),
        (("s3:GetObjct", "a/k"), "ann", "the nearest is s3:GetObject"),
        (("s3:GetObject", "a/k", "--context", "s3:prefx=x"), "ann", "the nearest is s3:prefix"),
        (("s3:GetObject", "a/k", "--context", "s3:prefix"), "ann", "key=value"),
    ],
)
def test_what_nobody_could_ask_is_refused_with_2(check, words, name, sentence):
    code, verdict, said = check(*words, name=name)
    assert (code, verdict) == (2, "")
    assert sentence in said
