"""What must fit together in a file: rules between settings that need no venue (CONFIG.md D.3).

Each rule looks only at keys that could be read. A problem forbids the start, a warning does not.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.config.credentials import read_secret_file, resolve_secret, secret_resolver
from actors.config.findings import Findings
from actors.config.reader import Reading
from actors.config.schema import EXCHANGE, settings_of
from actors.config.values import masked, nearest
from actors.settings import BotSettings, Mode
from exchanges.errors import ConfigError
from exchanges.simulated.settings import PriceKind
from exchanges.venue import VenuePackage

_DESK_NAME = re.compile(r"[a-z0-9-]{1,16}", re.ASCII)
_MAX_PORT = 65535
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Rules:
    """One pass over a reading. `venues` is `exchanges.VENUES` or something like it."""

    reading: Reading
    environ: Mapping[str, str]
    venues: Mapping[str, Callable[[], VenuePackage]]

    @property
    def settings(self) -> BotSettings:
        """The settings under test."""
        return self.reading.settings

    @property
    def findings(self) -> Findings:
        """Where findings go."""
        return self.reading.findings

    def run(self) -> None:
        """Apply every rule of this file."""
        self._desk()
        self._exchanges()
        self._targets()
        self._tape()
        self._listen()
        self._shadowed_overrides()
        if self.settings.desk.mode is Mode.LIVE and "desk.mode" not in self.reading.spoilt:
            self._live()

    def readable(self, *keys: str) -> bool:
        """Whether all of these 'section.key' could be read."""
        return not any(key in self.reading.spoilt for key in keys)

    def _desk(self) -> None:
        desk = self.settings.desk
        if self.readable("desk.name") and not _DESK_NAME.fullmatch(desk.name):
            self.findings.problem(f"desk.name = {masked(desk.name)}: not a name; write 1-16 of a-z 0-9 -")
        for key in ("state_dir", "log_dir"):
            value = getattr(desk, key)
            if not self.readable(f"desk.{key}"):
                continue
            if not value:
                self.findings.problem(f"desk.{key} = : empty; write the name of a folder")
            elif reason := _folder_fault(Path(value)):
                self.findings.problem(f"desk.{key} = {masked(value)}: {reason}")

    def _exchanges(self) -> None:
        for name, venue_settings in self.settings.exchanges.items():
            section = f"{EXCHANGE}{name}"
            problems = getattr(venue_settings, "problems", tuple)
            for text in problems():
                if self.readable(f"{section}.{text.partition(' ')[0]}"):
                    self.findings.problem(f"{section}.{text}")

    def _targets(self) -> None:
        if not self.settings.grids:
            self.findings.problem("no [grid.NAME] section: nothing to trade; add one with exchange and symbol")
        taken: dict[tuple[object, str], str] = {}
        for grid in self.settings.grids:
            section = f"grid.{grid.name}"
            if self.readable(f"{section}.exchange") and grid.exchange not in self.settings.venues:
                known = list(self.settings.venues)
                hint = nearest(grid.exchange, known) or f"; known: {', '.join(known) or 'none, add [exchange.NAME]'}"
                self.findings.problem(f"{section}.exchange = {masked(grid.exchange)}: no such [exchange.NAME]{hint}")
            if not self.readable(f"{section}.exchange", f"{section}.symbol"):
                continue
            if not grid.symbol:
                self.findings.problem(f"{section}.symbol = : empty; write the venue's name of the market")
                continue
            other = taken.setdefault((self._account(grid.exchange), grid.symbol.upper()), section)
            if other != section:
                self.findings.problem(
                    f"{section}.symbol = {masked(grid.symbol)}: [{other}] trades it on the same account; positions "
                    "net there, so one symbol takes one grid"
                )

    def _account(self, exchange: str) -> object:
        """What tells accounts apart: in live mode the variables and files of the credentials, else the section."""
        venue_settings = self.settings.exchanges.get(exchange)
        if self.settings.desk.mode is not Mode.LIVE or venue_settings is None:
            return exchange
        names = [name for name, setting in settings_of(type(venue_settings)).items() if setting.spec.names_secret]
        section = f"{EXCHANGE}{exchange}"
        places = tuple(
            self.settings.secret_files.get(f"{section}.{name.removesuffix('_env')}") or getattr(venue_settings, name)
            for name in names
        )
        return (self.settings.venues.get(exchange), getattr(venue_settings, "network", None), places)

    def _tape(self) -> None:
        paper = self.settings.paper
        if self.settings.desk.mode is Mode.LIVE or not self.readable("paper.prices", "paper.tape", "desk.mode"):
            return
        if paper.prices is PriceKind.TAPE:
            if not paper.tape:
                self.findings.problem("paper.tape = : required with prices = tape; write the path of a csv.gz tape")
            elif reason := _tape_fault(Path(paper.tape)):
                self.findings.problem(f"paper.tape = {masked(paper.tape)}: {reason}")

    def _listen(self) -> None:
        control = self.settings.control
        if not self.readable("control.listen") or control.listen == "off":
            return
        host, colon, port = control.listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
            self.findings.problem(
                f"control.listen = {masked(control.listen)}: neither off nor host:port; write for example 127.0.0.1:0"
            )
        elif not _is_loopback(host) and not control.token_env and "control.token" not in self.settings.secret_files:
            self.findings.problem(
                f"control.listen = {masked(control.listen)}: reachable from other machines; set control.token_env, or "
                "listen on 127.0.0.1"
            )

    def _shadowed_overrides(self) -> None:
        """An override of a default that every grid sets for itself changes nothing: say so."""
        for section, keys in self.reading.document.sections.items():
            for key, text in keys.items():
                homes = [self.reading.where.get((grid.name, key)) for grid in self.settings.grids]
                own = all(home is not None and home.startswith("grid.") for home in homes)
                if text.origin != "file" and section in ("grid", "close", "risk") and homes and own:
                    self.findings.warn(
                        f"{section}.{key} = {masked(text.value)} ({text.origin}): has no effect, every [grid.NAME] "
                        f"sets {key} itself; override for example {homes[0]}.{key}"
                    )

    def _live(self) -> None:
        if self.settings.risk.daily_loss_limit_usd is None and self.readable("risk.daily_loss_limit_usd"):
            self.findings.warn("risk.daily_loss_limit_usd = none: a live run has no daily loss limit")
        for name, venue_settings in self.settings.exchanges.items():
            section = f"{EXCHANGE}{name}"
            if any(key.startswith(f"{section}.") for key in self.reading.spoilt):
                continue
            package = self.venues[self.settings.venues[name]]()
            try:
                package.from_settings(venue_settings, secret_resolver(self.settings, section, self.environ))
            except ConfigError as error:
                for text in error.problems:
                    self.findings.problem(text if text.startswith(f"{section}.") else f"{section}.{text}")
        for section, key in (("notify", "urls"), ("control", "token")):
            self._named_secret(section, key)

    def _named_secret(self, section: str, key: str) -> None:
        variable = getattr(getattr(self.settings, section), f"{key}_env")
        path = self.settings.secret_files.get(f"{section}.{key}")
        if path is not None:
            try:
                read_secret_file(Path(path), f"{section}.{key}_file")
            except ConfigError as error:
                self.findings.problems.extend(error.problems)
        elif variable and resolve_secret(variable, self.environ) is None:
            self.findings.problem(
                f"{section}.{key}_env = {masked(variable)}: the environment variable is not set; set it, or leave the "
                "key empty"
            )


def _folder_fault(path: Path) -> str:
    """Return why files cannot be written below a folder that may not exist yet, or an empty text."""
    try:
        existing = next((p for p in (path, *path.absolute().parents) if p.exists()), None)
        if existing is None or not existing.is_dir():
            return f"{existing or path} is not a folder; choose another one"
        if not os.access(existing, os.W_OK | os.X_OK):
            return f"{existing} is not writable; choose another folder or change its mode"
    except (OSError, ValueError) as error:
        return f"cannot be used ({error.strerror if isinstance(error, OSError) else error})"
    return ""


def _tape_fault(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            return "not a file; a tape is a csv.gz"
        with path.open("rb") as file:
            head = file.read(2)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"cannot be read ({reason}); paths start at the folder the bot is started in"
    return "" if head == _GZIP else "not a gzip file; a tape is a csv.gz"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
