"""Keeps what a broker's JVM loaded and checked, for the next starts (`make servers` runs it once)."""

import tempfile
from pathlib import Path

from confluent_kafka import Producer

from tests.servers import kafka_java
from tests.servers.kafka import KafkaCluster


def main() -> None:
    """Start a broker, use it, and have its JVM write the archive when it stops. Without Java there is none to make."""
    if kafka_java.lacking() is not None or kafka_java.ARCHIVE.exists():
        return
    unfinished = kafka_java.ARCHIVE.with_suffix(".part")
    options = ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:ArchiveClassesAtExit={unfinished}"]  # a JVM before 13 has none
    with tempfile.TemporaryDirectory() as folder, KafkaCluster(Path(folder), java_options=options) as cluster:
        cluster.create_topic("used")
        with Producer({"bootstrap.servers": cluster.bootstrap}) as producer:
            producer.produce("used", b"a record")
        cluster.stop(0)
    if unfinished.exists():
        unfinished.rename(kafka_java.ARCHIVE)


if __name__ == "__main__":
    main()
