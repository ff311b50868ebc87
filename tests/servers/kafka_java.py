"""Apache Kafka itself: KRaft nodes, each broker and controller at once, on ports of 127.0.0.1."""

import base64
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.servers.processes import Leash, free_ports, tail

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / ".servers" / "kafka"
"""Where `make servers` puts what tests/kafka/pom.xml names."""
ARCHIVE = JARS / "classes.jsa"
"""What a JVM loaded and checked before, as tests/servers/prepare.py left it: a start takes half as long with it."""
LOGGING = ROOT / "tests" / "kafka" / "log4j2.properties"

_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
"""A test's broker does little: starting soon matters more than what the second compiler would win later."""
_BROKER_JVM = ["-Xms64m", "-Xmx256m"]
_FORMAT_SECONDS = 60
_STOP_SECONDS = 60
_ADMIN_SECONDS = 30

_SESSION_MS, _HEARTBEAT_MS = 3_000, 500
"""A dead node's partitions get another leader after this long without its heartbeat (9 s as delivered)."""
_LONE_SESSION_MS, _LONE_HEARTBEAT_MS = 1_500, 300
"""Without others there is none to lead instead; but a killed node is let in again only after its old session."""


def lacking() -> str | None:
    """Why Apache Kafka cannot be started here, if it cannot."""
    if shutil.which("java") is None:
        return "there is no java on PATH (make servers installs one on Debian)"
    if version() is None:
        return "Apache Kafka is not in .servers/kafka (make servers puts it there, with Maven)"
    return None


def version() -> str | None:
    """Which Apache Kafka lies ready, if one does."""
    if not (JARS / ".resolved").exists():  # a fetch that was interrupted leaves half of the jars
        return None
    jars = sorted(JARS.glob("kafka_2.13-*.jar"))
    return jars[-1].stem.removeprefix("kafka_2.13-") if jars else None


class JavaBrokers:
    """One JVM per node. Data and logs lie below a folder; a node that starts again finds its ports and data."""

    is_real = True

    def __init__(self, *, folder: Path, nodes: int, java_options: Sequence[str] = ()) -> None:
        ports = free_ports(2 * nodes)
        self._folder = folder
        self._java_options = [*_BROKER_JVM, *java_options]
        self._leash = Leash()
        self._broker_ports, self._controller_ports = ports[:nodes], ports[nodes:]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.addresses = [f"127.0.0.1:{port}" for port in self._broker_ports]

    def open(self) -> None:
        """Format the storage of all nodes and start them; they do not answer yet when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        nodes = range(len(self.addresses))
        for node in nodes:
            self._settings(node).write_text(self._properties(node), encoding="utf-8")
        for node in nodes:
            settings = ["-t", cluster, "-c", str(self._settings(node))]
            self._processes[node] = self._java(node, "kafka.tools.StorageTool", "format", *settings)
        for node in nodes:
            code = self._processes[node].wait(_FORMAT_SECONDS)
            if code != 0:
                raise RuntimeError(f"the storage of Kafka's node {node} was not formatted; {self.log_of(node)}")
        for node in nodes:
            self.start(node)

    def close(self) -> None:
        """Kill all nodes and remove their data; the logs stay."""
        for node in list(self._processes):
            self.kill(node)
        self._leash.close()
        for node in range(len(self.addresses)):
            shutil.rmtree(self._data(node), ignore_errors=True)

    def start(self, node: int) -> None:
        """Start the process; it does not answer yet when this returns."""
        self._processes[node] = self._java(node, "kafka.Kafka", str(self._settings(node)), options=self._java_options)

    def kill(self, node: int) -> None:
        """SIGKILL."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def stop(self, node: int) -> None:
        """SIGTERM: it hands its partitions to others, if there are others, and closes its files."""
        process = self._processes[node]
        process.terminate()
        process.wait(_STOP_SECONDS)
        del self._processes[node]

    def pause(self, node: int) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        self._processes[node].send_signal(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """SIGCONT."""
        self._processes[node].send_signal(signal.SIGCONT)

    def create_topic(
        self, name: str, partitions: int, replicas: int, config: Mapping[str, str], *, client: AdminClient
    ) -> None:
        """Make a topic, by way of a client."""
        topic = NewTopic(name, partitions, replicas, config=dict(config))
        made = client.create_topics([topic], request_timeout=_ADMIN_SECONDS)
        made[name].result(_ADMIN_SECONDS)

    def check(self, node: int) -> None:
        """Raise RuntimeError, with the log, if the process of a node has ended by itself."""
        code = self._processes[node].poll()
        if code is not None:
            raise RuntimeError(f"Kafka's node {node} ended with {code}; {self.log_of(node)}")

    def log_of(self, node: int) -> str:
        """The end of what a node wrote."""
        return tail(self._folder / f"node-{node}.out", self._folder / f"node-{node}.log")

    def node_of(self, broker: int) -> int:
        """The node that clients know by this id: the same."""
        return broker

    def pids(self) -> list[int]:
        """The ids of the processes that run."""
        return [process.pid for process in self._processes.values()]

    def _java(self, node: int, *arguments: str, options: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        logging = [f"-Dlog4j2.configurationFile={LOGGING}", f"-Dbaton.test.log={self._folder / f'node-{node}.log'}"]
        shared = [f"-XX:SharedArchiveFile={ARCHIVE}"] if ARCHIVE.exists() else []
        command = ["java", *_JVM, *shared, *options, *logging, "-cp", f"{JARS}/*", *arguments]
        return self._leash.popen(command, output=self._folder / f"node-{node}.out")

    def _settings(self, node: int) -> Path:
        return self._folder / f"node-{node}.properties"

    def _data(self, node: int) -> Path:
        return self._folder / f"node-{node}"

    def _properties(self, node: int) -> str:
        broker = f"BROKER://{self.addresses[node]}"
        voters = ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in enumerate(self._controller_ports))
        copies = min(len(self.addresses), 3)
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "listeners": f"{broker},CONTROLLER://127.0.0.1:{self._controller_ports[node]}",
            "advertised.listeners": broker,
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._data(node),
            "auto.create.topics.enable": "false",
            # Made at the first use, partition by partition: few of them make the first group's start short.
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": min(copies, 2),
            "group.initial.rebalance.delay.ms": 0,  # 3 s, to gather the members of a big group
            "broker.session.timeout.ms": _SESSION_MS if copies > 1 else _LONE_SESSION_MS,
            "broker.heartbeat.interval.ms": _HEARTBEAT_MS if copies > 1 else _LONE_HEARTBEAT_MS,
            # A replica that is behind leaves the in-sync set after this long (30 s as delivered).
            "replica.lag.time.max.ms": 5000,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,  # of the heap; 128 MiB as delivered
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())
