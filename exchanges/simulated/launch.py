"""What a process of simulated venues is told: which venues with which markets, the paper settings, where its state is.

Crosses the process border as JSON (`to_json`, `from_json`): decimals as text, one key per setting.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

from exchanges.simulated.settings import PaperSettings

TOKEN_HEADER: Final = "X-Simulated-Token"  # noqa: S105 - the name of a header, not a secret
"""Carries the admin token of the process, which only its starter knows (`admin_token` in its process file)."""

REFUSED: Final = 2
"""Exit code of a process that cannot use what it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueChoice:
    """One venue to simulate. `name` is the section `[exchange.NAME]`, `venue` what it is, `symbols` its markets as the
    grids name them (`BTC` or `BTCUSDT`).
    """

    name: str
    venue: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLaunch:
    """Everything a process of simulated venues needs.

    Attributes:
        venues: The venues, each on a port of its own.
        paper: The section `[paper]`.
        state_dir: Where accounts are kept; None keeps nothing.
        outlives_clients: The process stays until it is stopped; else it ends `paper.idle_exit_s` after the last client.
    """

    venues: tuple[VenueChoice, ...]
    paper: PaperSettings
    state_dir: Path | None = None
    outlives_clients: bool = False

    def to_json(self) -> str:
        """Return the launch as one line of JSON."""
        return json.dumps(
            {
                "venues": [dataclasses.asdict(venue) for venue in self.venues],
                "paper": {name: _to_text(value) for name, value in dataclasses.asdict(self.paper).items()},
                "state_dir": None if self.state_dir is None else str(self.state_dir.absolute()),
                "outlives_clients": self.outlives_clients,
            }
        )

    def digest(self) -> str:
        """Return a fingerprint: processes with the same one are interchangeable (`fresh` does not count)."""
        same = dataclasses.replace(self, paper=dataclasses.replace(self.paper, fresh=False))
        return hashlib.sha256(same.to_json().encode()).hexdigest()


def from_json(text: str) -> VenueLaunch:
    """Return the launch behind `VenueLaunch.to_json`. Raises ValueError where it cannot be read."""
    try:
        data = json.loads(text)
        venues = tuple(
            VenueChoice(name=str(row["name"]), venue=str(row["venue"]), symbols=tuple(map(str, row["symbols"])))
            for row in data["venues"]
        )
        state_dir = data["state_dir"]
        return VenueLaunch(
            venues=venues,
            paper=_read_paper(data["paper"]),
            state_dir=None if state_dir is None else Path(state_dir),
            outlives_clients=bool(data["outlives_clients"]),
        )
    except (KeyError, TypeError, InvalidOperation) as error:
        raise ValueError(f"the configuration of the simulated venue cannot be read: {error!r}") from error


def _to_text(value: object) -> str | None:
    return None if value is None else str(value)


def _read_paper(texts: Mapping[str, str | None]) -> PaperSettings:
    kinds = get_type_hints(PaperSettings)
    values = {name: _from_text(kinds[name], text) for name, text in texts.items()}
    return PaperSettings(**values)


def _from_text(kind: Any, text: str | None) -> Any:  # noqa: ANN401 - the type is a value here
    if isinstance(kind, UnionType):
        if text is None:
            return None
        kind = next(part for part in get_args(kind) if part is not NoneType)
    if text is None:
        raise ValueError("a paper setting has no value")
    if kind is bool:
        return text == "True"
    if kind in (int, Decimal, str) or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return kind(text)
    raise ValueError(f"a paper setting is of the unknown type {kind}")
