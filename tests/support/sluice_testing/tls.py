"""Certificates for a test: an authority, and what it signed."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Authority:
    """Made anew in `folder`; its certificates hold for a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca_file, self._ca_key = folder / "ca.pem", folder / "ca.key"
        self._run("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "1",
                  "-subj", "/CN=authority", "-keyout", str(self._ca_key), "-out", str(self.ca_file))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and private key for 127.0.0.1."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        self._run("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "1",
                  "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                  "-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(self.ca_file), "-CAkey",
                  str(self._ca_key), "-keyout", str(key), "-out", str(certificate))
        return certificate, key

    def server(self) -> ssl.SSLContext:
        """Of a server that wants a certificate of this authority from its clients."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("server"))
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    @staticmethod
    def _run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
