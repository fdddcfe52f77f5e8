"""Starts, stops and restarts `mlflow server` in tests."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from loopback import free_port


class Server:
    """`mlflow server`, which can be stopped and started again at the same address."""

    def __init__(self, folder: Path, backend: str, artifacts: str, **variables: str):
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **variables,
        }
        self.command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        self.command += ["--backend-store-uri", backend, "--artifacts-destination", artifacts]
        self.command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.process = None

    def start(self) -> None:
        with open(self.folder / "server.txt", "a") as said:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.address}/health", timeout=2)
                return
            time.sleep(0.2)
        raise AssertionError((self.folder / "server.txt").read_text()[-3000:])

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None
