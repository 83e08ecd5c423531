"""The processes that a run consists of, each in a session of its own, out of reach of the terminal's Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 20  # gunicorn lets requests finish for half of them


@dataclass
class Program:
    """A program of Python's that writes its process number into `pid_file`, by which it is found after a kill."""

    command: Sequence[str]
    pid_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.pid_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, *self.command, "--pid", str(self.pid_file)],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        # It writes the same, but only when it has loaded all of its code; a kill may come sooner.
        self.pid_file.write_text(f"{self.process.pid}\n")

    def ended_within(self, seconds: float) -> int | None:
        """Its exit code, if it has one by then."""
        if self.process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)
        return None

    def stop(self) -> None:
        """Let it finish what it is at; what takes too long is killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        if self.ended_within(STOP_SECONDS) is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def running(pid_file: Path) -> int | None:
    """The process whose number the file has, if it lives and names the file: numbers are used again."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if str(pid_file) in command_of(pid) else None


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    told = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout
