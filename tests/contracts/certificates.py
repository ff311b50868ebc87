"""Certificates for tests, made with openssl: an authority, a server on 127.0.0.1, a client."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shared_data import DEMAND_ALL

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """PEM files."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    locked_key: Path
    """The client's, under a passphrase."""


def make_certificates(folder: Path) -> Certificates:
    """Make them all. Skips the test where there is no openssl."""
    if shutil.which("openssl") is None:
        if DEMAND_ALL:
            pytest.fail("openssl is demanded, and not on PATH")
        pytest.skip("there is no openssl on PATH")
    made = Certificates(
        *(
            folder / f"{name}.pem"
            for name in ("authority", "server", "server-key", "client", "client-key", "locked-key")
        )
    )
    authority_key = folder / "authority-key.pem"
    _openssl("req", "-x509", *_KEY, "-subj", "/CN=Test authority", "-keyout", authority_key, "-out", made.authority)
    by = ("-CA", made.authority, "-CAkey", authority_key)
    of_server = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    _openssl("req", "-x509", *_KEY, *by, *of_server, "-keyout", made.server_key, "-out", made.server)
    _openssl("req", "-x509", *_KEY, *by, "-subj", "/CN=client", "-keyout", made.client_key, "-out", made.client)
    _openssl("pkcs8", "-topk8", "-in", made.client_key, "-passout", "pass:secret", "-out", made.locked_key)
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
