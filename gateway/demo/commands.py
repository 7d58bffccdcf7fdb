"""Commands to paste while the demo stays up."""

import shlex
import sys
from pathlib import Path

from gateway.demo.load import REGION, Endpoint
from gateway.demo.samples import BUCKET, MODEL_PATH, TABLE_PATH

_MODEL_KEY = MODEL_PATH.removeprefix(f"/{BUCKET}/")


def commands(gateway: Endpoint, admin_port: int, config: Path) -> str:
    """Return what to paste into a shell, for aws, curl, boto3, DuckDB and the cache at hand."""
    clients = [_aws(gateway), _curl(gateway), _boto3(gateway), _duckdb(gateway)]
    return "\n".join([*clients, _cache(config), _metrics(admin_port)])


def _aws(gateway: Endpoint) -> str:
    return f"""\
# aws-cli (boto3 below reads these too)
export AWS_ACCESS_KEY_ID={gateway.access_key} AWS_SECRET_ACCESS_KEY={gateway.secret_key}
export AWS_DEFAULT_REGION={REGION} AWS_ENDPOINT_URL={gateway.url}
aws s3 ls s3://{BUCKET}/
aws s3 cp s3:/{MODEL_PATH} /tmp/model.bin
"""


def _curl(gateway: Endpoint) -> str:
    return f"""\
# curl: the headers say how the answer was made
curl -sS -o /dev/null -D - --aws-sigv4 aws:amz:{REGION}:s3 \\
  -u {gateway.access_key}:{gateway.secret_key} -H 'x-forebay-explain: 1' \\
  {gateway.url}{MODEL_PATH}
"""


def _boto3(gateway: Endpoint) -> str:
    return f"""\
# boto3
python3 - <<'END'
import boto3
s3 = boto3.client("s3", endpoint_url="{gateway.url}", region_name="{REGION}",
                  aws_access_key_id="{gateway.access_key}",
                  aws_secret_access_key="{gateway.secret_key}")
print(s3.head_object(Bucket="{BUCKET}", Key="{_MODEL_KEY}")["ETag"])
END
"""


def _duckdb(gateway: Endpoint) -> str:
    return f"""\
# DuckDB
duckdb -c "INSTALL httpfs; LOAD httpfs;
CREATE SECRET (TYPE s3, KEY_ID '{gateway.access_key}', SECRET '{gateway.secret_key}',
  REGION '{REGION}', ENDPOINT '{gateway.host}', URL_STYLE 'path', USE_SSL false);
SELECT station, avg(temperature) FROM 's3:/{TABLE_PATH}'
GROUP BY station ORDER BY station LIMIT 5"
"""  # noqa: S608 - printed for people, run by nobody here


def _cache(config: Path) -> str:
    forebay = shlex.join([sys.executable, "-m", "gateway", "cache"])
    settings = f"--config {shlex.quote(str(config))}"
    return f"""\
# what is on flash; out with the images, and back before anyone reads them
{forebay} status {settings}
{forebay} drop s3://{BUCKET}/photos/ {settings}
{forebay} warm s3://{BUCKET}/photos/ {settings}
"""


def _metrics(admin_port: int) -> str:
    return f"""\
# what the gateway counted
curl -s http://127.0.0.1:{admin_port}/metrics
"""
