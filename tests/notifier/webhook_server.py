"""A receiver of webhooks on the loopback, which checks signatures with the library of Standard Webhooks."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + "QmF0b24gdGVzdHMgc2lnbiB3aXRoIHRoaXMga2V5ISE="


class WebhookServer:
    """Keeps what is posted to it, all of it and once by id, and answers with `status` and `headers`."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.on_posted: Callable[[], object] = bool
        """Called when a webhook was taken, before it is answered."""
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self.once: dict[str, Any] = {}
        """By webhook-id, the event that came first under it."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(length := int(self.headers["Content-Length"]))
                if len(body) < length:  # who posted it was killed on the way
                    self.close_connection = True
                    return
                server.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(server.status)
                for name, value in {**server.headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/baton"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Check the signature, and keep the event where its id is new and it is taken."""
        self.posted.append((headers, body))
        Webhook(SECRET).verify(body, headers)
        if 200 <= self.status < 300:
            self.once.setdefault(headers["webhook-id"], json.loads(body))
            self.on_posted()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
