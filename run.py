"""Start the bot: `python run.py conf/paper.ini`.

This file owns what belongs to a process and not to a library: the signal handlers, the exit code, and the last line
of defense against an unforeseen error.
Everything else is in `actors/app/`.
"""

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import threading
from types import FrameType

from actors.app.options import ExitCode, parse_options
from actors.app.program import run


class StopRequest:
    """What Ctrl-C and SIGTERM set. The first asks for a clean stop, the second ends the process at once (exits stay
    resting at the venue).
    """

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self, _signum: int, _frame: FrameType | None) -> None:
        """Handle one signal; runs on the main thread."""
        if self.event.is_set():
            os.write(2, b"second signal: ending at once\n")
            os._exit(ExitCode.FAILED)
        self.event.set()


def install_signals(stop: StopRequest) -> None:
    """Route Ctrl-C and SIGTERM to `stop`; SIGUSR1 prints the stack of every thread."""
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)


def forbid_core_dumps() -> None:
    """Let no crash write the process's memory, and with it the keys, to a disk."""
    with contextlib.suppress(ValueError, OSError):  # where the system does not have or allow it, nothing is lost
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str]) -> int:
    """Return the exit code of one run."""
    forbid_core_dumps()
    options = parse_options(arguments)
    stop = StopRequest()
    install_signals(stop)
    return run(options, stop.event)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
