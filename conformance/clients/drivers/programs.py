"""The clients of other languages, and how each is told the suite's certificate authority."""

import subprocess
from typing import ClassVar

from conformance.clients.program import Program
from conformance.clients.toolchains import started_by


class AwsGo(Program):
    """aws-sdk-go-v2; files go by its transfer manager, which asks for parts by number."""

    LANGUAGE: ClassVar = "go"


class AwsJs(Program):
    """@aws-sdk/client-s3 on Node.js, uploads in parts by lib-storage."""

    LANGUAGE: ClassVar = "js"

    def trust(self) -> dict[str, str]:
        return {"NODE_EXTRA_CA_CERTS": self.place.ca_file} if self.place.ca_file else {}


class ObjectStore(Program):
    """Rust's object_store, which delta-rs, DataFusion and polars stand on."""

    LANGUAGE: ClassVar = "rust"

    def trust(self) -> dict[str, str]:
        return {}  # told by the place, as its ClientOptions want it


class AwsJava(Program):
    """aws-sdk-java v2: S3Client, and a trust store made by the JDK's own tool."""

    LANGUAGE: ClassVar = "java"
    WORDS: ClassVar = ("blocking",)

    def command(self) -> list[str]:
        java, *words = super().command()
        if self.place.ca_file is None:
            return [java, *words]
        store, password = self.folder / "trust.p12", "changeit"
        said = ["-keystore", str(store), "-storepass", password, "-file", self.place.ca_file]
        subprocess.run(
            ["keytool", "-importcert", "-noprompt", "-alias", "ca", *said],
            check=True,
            capture_output=True,
        )
        trust = f"-Djavax.net.ssl.trustStore={store}"
        return [java, trust, f"-Djavax.net.ssl.trustStorePassword={password}", *words]


class AwsJavaNetty(AwsJava):
    """S3AsyncClient with multipart enabled, and the transfer manager."""

    WORDS: ClassVar = ("netty",)


class AwsJavaCrt(AwsJava):
    """S3AsyncClient on the AWS Common Runtime, which trusts what the system trusts."""

    WORDS: ClassVar = ("crt",)

    def command(self) -> list[str]:
        return started_by(self.LANGUAGE)
