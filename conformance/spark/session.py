"""A Spark session as people set one up for an S3 endpoint: only what must be said is said.

Runs in Spark's environment. Retries, pools and sizes are s3a's own defaults, except for a smaller
part, so that small files are written in parts too.
"""

import os
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

_EXTENSIONS = (
    "io.delta.sql.DeltaSparkSessionExtension",
    "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
)
_CLOUD = "org.apache.spark.internal.io.cloud"


def open_session(told: dict[str, Any]) -> SparkSession:
    """Return a session for the sides that the suite tells of."""
    builder = SparkSession.builder.master(told["master"]).appName("forebay")
    for name, value in (_settings(told) | told["settings"]).items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def java_of(session: Any) -> Any:
    """Return the session's Java, in which Hadoop's own classes are."""
    return session._jvm  # noqa: SLF001 - pyspark has no other door to it


def hadoop_of(session: Any) -> Any:
    """Return the session's Hadoop settings."""
    return session.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - nor to these


def cpu_seconds_of(session: Any) -> float:
    """Return how long the session's Java has computed, on all cores (proc(5): utime, stime)."""
    process = session.sparkContext._gateway.proc.pid  # noqa: SLF001 - nor to this
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _settings(told: dict[str, Any]) -> dict[str, str]:
    folder = told["folder"]
    settings = {
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": told["jars"],
        "spark.executor.extraClassPath": told["jars"],
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": f"{folder}/local",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.shuffle.partitions": "2",
        # 50 tasks to read a log of five lines, unless told otherwise.
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": ",".join(_EXTENSIONS),
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.sources.commitProtocolClass": f"{_CLOUD}.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": f"{_CLOUD}.BindingParquetOutputCommitter",
    }
    hadoop = {
        "mapreduce.outputcommitter.factory.scheme.s3a": (
            "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
        ),
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.endpoint.region": "us-east-1",
        "fs.s3a.multipart.size": "5M",
        "fs.s3a.buffer.dir": f"{folder}/buffer",
        # Executors have folders of their own: where they stage must not be relative to one.
        "fs.s3a.committer.staging.tmp.path": f"file:{folder}/staging",
    }
    for side in told["sides"].values():
        place = side["place"]
        hadoop |= {
            f"fs.s3a.bucket.{place['bucket']}.endpoint": place["endpoint"],
            f"fs.s3a.bucket.{place['bucket']}.access.key": place["access_key"],
            f"fs.s3a.bucket.{place['bucket']}.secret.key": place["secret_key"],
        }
        catalog = f"spark.sql.catalog.ice_{place['bucket']}"
        settings |= {
            catalog: "org.apache.iceberg.spark.SparkCatalog",
            f"{catalog}.type": "hadoop",
            f"{catalog}.warehouse": f"s3a://{place['bucket']}/iceberg",
        }
    return settings | {f"spark.hadoop.{name}": value for name, value in hadoop.items()}
