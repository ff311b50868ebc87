"""The socket that a service listens on."""

import socket

from services.cli.serving import listening
from services.settings import read_settings


def test_the_end_of_an_answer_is_sent_at_once() -> None:
    """Connections do not hold back a small packet until the one before it was acknowledged, 40 ms later."""
    with (
        listening(read_settings(host="127.0.0.1", port=0)) as sock,
        socket.create_connection(sock.getsockname()),
        sock.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
