"""The harness's side of a campaign's venue process."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.system.program import ROOT


class Floor:
    """A venue process with a market and its record. Used from one thread; a context manager."""

    def __init__(self, venue: str, seed: int, paper: Mapping[str, str], log: Path) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.kills.floor_process", venue, str(seed), json.dumps(dict(paper))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
            )
        self.venue = venue
        self._log = log
        served = self._read()
        self.rest, self.ws, self.symbol = str(served["rest"]), str(served["ws"]), str(served["symbol"])
        self.credentials: Mapping[str, str | int] = served["credentials"]
        self.rules: Mapping[str, str] = {key: served[key] for key in ("least_quantity", "least_notional")}

    def move(self) -> None:
        """Let the market move."""
        self._ask({"do": "move", "on": True})

    def hold(self) -> None:
        """Hold the market still: nothing fills any more once this has returned."""
        self._ask({"do": "move", "on": False})

    def mark(self) -> int:
        """How many things the venue has been asked so far."""
        return int(self._ask({"do": "mark"}))

    def since(self, mark: int) -> Sequence[tuple[str, str]]:
        """What it was asked since, in order: (asked | answered | commanded, what)."""
        return [(kind, what) for kind, what in self._ask({"do": "since", "mark": mark})]

    def mishap(self, kind: str) -> None:
        """Let the next request that changes something go wrong."""
        self._ask({"do": "mishap", "kind": kind})

    def books(self) -> dict[str, Any]:
        """The venue's own books."""
        found = self._ask({"do": "books"})
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(20)
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(dict(order)).encode() + b"\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulated {self.venue} has ended:\n{self._log.read_text()[-3000:]}")
        return json.loads(line)
