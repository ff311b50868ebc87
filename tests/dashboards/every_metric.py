"""A page with every metric of the table, growing with each look: what services that run apart tell, and CRMs' APIs."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from services.metric_table import Metric, Shape

_VALUES = {"outcome": "ignored"}
_OTHERWISE = "everything"
_PLAIN = "text/plain; version=0.0.4; charset=utf-8"


@contextmanager
def served(metrics: Iterable[Metric]) -> Iterator[str]:
    """The host and port of a server of such a page, which ends with the block."""
    looks = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal looks
            looks += 1
            page = "".join(line + "\n" for metric in metrics for line in _lines(metric, looks)).encode()
            self.send_response(200)
            self.send_header("Content-Type", _PLAIN)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _lines(metric: Metric, value: int) -> Iterator[str]:
    labels = [f'{label}="{_VALUES.get(label, _OTHERWISE)}"' for label in metric.labels]
    yield f"# TYPE {metric.name} {metric.shape}"
    if metric.shape is not Shape.HISTOGRAM:
        yield f"{metric.name}{{{','.join(labels)}}} {value}"
        return
    for bound in (*metric.buckets, "+Inf"):
        bounded = [*labels, f'le="{bound}"']
        yield f"{metric.name}_bucket{{{','.join(bounded)}}} {value}"
    yield f"{metric.name}_count{{{','.join(labels)}}} {value}"
    yield f"{metric.name}_sum{{{','.join(labels)}}} {value}"
