"""A certificate authority of the test run's own, and one server certificate by it. Keys are made by openssl, used by every server."""
import subprocess
from pathlib import Path

from .proxy import have


class Authority:
    """cert is what a client is told to trust; server_cert and server_key are what a server of one of the names shows."""

    def __init__(self, folder, names):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.cert, self.key = folder / "ca.pem", folder / "ca.key"
        self.server_cert, self.server_key = folder / "server.pem", folder / "server.key"
        alternatives = ",".join([f"DNS:{n}" for n in names] + ["IP:127.0.0.1"])
        self._make(self.cert, self.key, "/CN=proxyd test authority", "basicConstraints=critical,CA:TRUE",
                   "keyUsage=critical,keyCertSign,cRLSign")
        self._make(self.server_cert, self.server_key, f"/CN={names[0]}", "basicConstraints=critical,CA:FALSE",
                   f"subjectAltName={alternatives}", "extendedKeyUsage=serverAuth", by=self)
        self.server_key.chmod(0o644)        # servers drop root

    @staticmethod
    def _make(cert, key, subject, *extensions, by=None):
        argv = [have("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "30", "-config", "/dev/null", "-subj", subject, "-keyout", str(key), "-out", str(cert)]
        for e in extensions:
            argv += ["-addext", e]
        if by:
            argv += ["-CA", str(by.cert), "-CAkey", str(by.key)]
        p = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert p.returncode == 0, p.stderr
