"""The simulated venue's process from inside: reads what it is told, serves until it is stopped.

The other side is process.py.
"""

import argparse
import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from exchanges.clock import SystemClock
from exchanges.simulated.launch import REFUSED, VenueLaunch, from_json
from exchanges.simulated.serving import Serving

_PAUSE_S: Final = 0.05


def serve(launch: VenueLaunch, stop: threading.Event, out: IO[str]) -> None:
    """Serve the venues of a launch on this thread until `stop` is set; write one JSON line per venue to `out`.

    Raises:
        ValueError, OSError, RuntimeError: see `Serving.run`.
    """
    asyncio.run(_serve_until(launch, stop, out))


async def _serve_until(launch: VenueLaunch, stop: threading.Event, out: IO[str]) -> None:
    serving = Serving(launch, SystemClock(), lambda line: print(line, file=out, flush=True))
    running = asyncio.create_task(serving.run())
    while not running.done() and not stop.is_set():
        await asyncio.wait([running], timeout=_PAUSE_S)
    serving.request_stop()
    await running


def main(arguments: Sequence[str]) -> int:
    """Be the process: read the config, serve until SIGTERM, SIGINT or the admin path; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m exchanges.simulated", description="Serve simulated venues.")
    parser.add_argument("--config", default="-", help="JSON file of the launch; - for standard input")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        text = sys.stdin.read() if options.config == "-" else Path(options.config).read_text(encoding="utf-8")
        launch = from_json(text)
    except (OSError, ValueError) as error:
        logging.getLogger(__name__).error("the configuration cannot be read: %s", error)  # noqa: TRY400 - no traceback
        return REFUSED
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(launch, stop, sys.stdout)
    except (ValueError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - a person reads this line
        return REFUSED
    except RuntimeError:
        logging.getLogger(__name__).exception("the simulated venue ended")
        return 1
    return 0
