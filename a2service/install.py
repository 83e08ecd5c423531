"""`python3 -m a2service.install requirements.lock …`: makes `.venv` and installs what the lock files say into it.

It is made anew when the first lock file, the Python or the place changed, and left alone when nothing did.
Standard library only, and no newer Python than it takes to say that this one is too old.
"""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

from a2service.steps import step

OLDEST = (3, 11)
VENV = Path(".venv")
PIP_INSTALL = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check"]


def main() -> None:
    refuse_unfit_python()
    for number, lock in enumerate(sys.argv[1:]):
        stamp = VENV / f"{lock}.sha256"
        if stamp.is_file() and stamp.read_text() == digest(lock):
            continue
        with step("Installing tools for developers" if number else "Installing packages"):
            if number == 0:
                call([sys.executable, "-m", "venv", "--clear", str(VENV)])
            call([*PIP_INSTALL, "--require-hashes", "-r", lock])
        stamp.write_text(digest(lock))


def refuse_unfit_python() -> None:
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"{sys.executable} is Python {version}, and 3.11 or newer is needed. Name one: make PYTHON=python3.11")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        sys.exit(f"{sys.executable} has no venv. On Debian or Ubuntu, type: apt-get install python3-venv")


def digest(lock: str) -> str:
    """What `.venv` depends on: the packages, the Python, and its own place, which its scripts name."""
    told = [Path(lock).read_text(), sys.version, sys.base_prefix, str(VENV.absolute())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def call(command: "list[str]") -> None:
    """Run a command; what it says is shown when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(done.stdout.decode(errors="replace") + "Nothing can start without its packages.")


if __name__ == "__main__":
    main()
