"""A document of texts into typed settings, with every fault of a single key or section noted.

A key that cannot be read is noted once, marked as spoilt and replaced by its default, so that everything else in the
file is still checked in the same pass; rules that look at a spoilt key stay silent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from actors.config.findings import Findings
from actors.config.schema import (
    EXCHANGE,
    GRID,
    GRID_CLASSES,
    GRID_LEVELS,
    RENAMED,
    SECTIONS,
    Setting,
    merged,
    secret_file_keys,
    settings_of,
)
from actors.config.source import Document, Text
from actors.config.values import MASK, holds_password, is_path, looks_like_key, masked, nearest, parse_value
from actors.grid.settings import CloseSettings, EntrySettings, GridRiskSettings, GridSettings, ProofSettings
from actors.settings import (
    BotSettings,
    ControlSettings,
    DeskRiskSettings,
    DeskSettings,
    ExchangeTargetSettings,
    GridTargetSettings,
    HostSettings,
    LogSettings,
    NotifySettings,
    PricesSettings,
    ReconcileSettings,
)
from exchanges.simulated.settings import PaperSettings
from exchanges.venue import VenuePackage

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_SECRET_WORDS = re.compile(r"(secret|password|passphrase|token|private|api_?key|mnemonic|seed_?phrase)", re.IGNORECASE)
_UNREADABLE = object()


@dataclass(slots=True)
class Reading:
    """The settings of a document and what stands behind them.

    Attributes:
        settings: Usable only if `findings` has no problems.
        spoilt: 'section.key' of everything that could not be read.
        where: (grid, key) -> the section that set it; absent where it is the default.
    """

    settings: BotSettings
    findings: Findings
    spoilt: set[str]
    where: Mapping[tuple[str, str], str]
    document: Document


@dataclass(slots=True)
class Reader:
    """Reads one document. `venues` is `exchanges.VENUES` or something like it."""

    document: Document
    venues: Mapping[str, Callable[[], VenuePackage]]
    findings: Findings = field(default_factory=Findings)
    spoilt: set[str] = field(default_factory=set)
    where: dict[tuple[str, str], str] = field(default_factory=dict)
    secret_files: dict[str, str] = field(default_factory=dict)

    def read(self) -> Reading:
        """Return the settings and everything wrong with them."""
        self.findings.problems.extend(self.document.problems)
        self._check_section_names()
        common = {name: self._values(name, merged(classes)) for name, classes in SECTIONS.items()}
        exchanges, venue_names = self._exchanges()
        prices = self._build(PricesSettings, "prices", common["prices"])
        proof = self._build(ProofSettings, "reconcile", common["reconcile"])
        settings = BotSettings(
            desk=self._build(DeskSettings, "desk", common["desk"]),
            exchanges=MappingProxyType(exchanges),
            venues=MappingProxyType(venue_names),
            prices=prices,
            risk=self._build(DeskRiskSettings, "risk", common["risk"]),
            reconcile=self._build(ReconcileSettings, "reconcile", common["reconcile"]),
            proof=proof,
            paper=self._build(PaperSettings, "paper", common["paper"]),
            notify=self._build(NotifySettings, "notify", common["notify"]),
            control=self._build(ControlSettings, "control", common["control"]),
            log=self._build(LogSettings, "log", common["log"]),
            host=self._build(HostSettings, "host", common["host"]),
            grids=self._grids(common, proof, prices.stale_after_ms),
            secret_files=MappingProxyType(dict(self.secret_files)),
        )
        return Reading(settings, self.findings, self.spoilt, MappingProxyType(self.where), self.document)

    def _names(self, prefix: str) -> list[str]:
        return [section for section in self.document.sections if section.startswith(prefix)]

    def _check_section_names(self) -> None:
        for section in self.document.sections:
            if section in SECTIONS:
                continue
            prefix = next((p for p in (EXCHANGE, GRID) if section.startswith(p)), None)
            if prefix is None:
                known = [*SECTIONS, *(f"exchange.{venue}" for venue in self.venues), "grid.NAME"]
                hint = nearest(section.lower().strip(), known) or f"; known: {', '.join(known)}"
                self.findings.problem(f"[{masked(section)}]: unknown section{hint}")
            elif not _NAME.fullmatch(section.removeprefix(prefix)):
                self.findings.problem(f"[{masked(section)}]: not a name; write 1-32 of a-z 0-9 - behind '{prefix}'")

    def _values(self, section: str, settings: Mapping[str, Setting]) -> dict[str, Any]:
        """Return the values a section sets, by key; what is wrong is noted and left out."""
        values: dict[str, Any] = {}
        files = secret_file_keys(settings)
        for key, text in self.document.sections.get(section, {}).items():
            if key in settings:
                value = self._value(section, settings[key], text)
                if value is not _UNREADABLE:
                    values[key] = value
            elif key in files:
                self._secret_file(section, key, files[key], text)
            else:
                self._unknown(section, key, text, [*settings, *files])
        return values

    def _value(self, section: str, setting: Setting, text: Text) -> Any:  # noqa: ANN401 - whatever was declared
        try:
            _refuse_secret(setting, text.value)
            return parse_value(setting.kind, setting.spec, text.value)
        except ValueError as error:
            origin = "" if text.origin == "file" else f" ({text.origin})"
            self.findings.problem(f"{section}.{setting.name} = {masked(text.value)}{origin}: {error}")
            self.spoilt.add(f"{section}.{setting.name}")
            return _UNREADABLE

    def _secret_file(self, section: str, key: str, env_key: str, text: Text) -> None:
        path = text.value.strip()
        if not path or not path.isprintable():
            self.findings.problem(f"{section}.{key} = {masked(text.value)}: not a path; write the secret's file")
        elif env_key in self.document.sections[section]:
            self.findings.problem(f"{section}.{key} = {masked(path)}: {env_key} is set too; remove one of them")
        else:
            self.secret_files[f"{section}.{env_key.removesuffix('_env')}"] = path

    def _unknown(self, section: str, key: str, text: Text, known: list[str]) -> None:
        is_secret = looks_like_key(text.value) or _SECRET_WORDS.search(key)
        head = f"{section}.{masked(key)} = {MASK if is_secret else masked(text.value)}"
        origin = "" if text.origin == "file" else f" ({text.origin})"
        self.findings.problem(f"{head}{origin}: unknown setting{_remedy(section, key, known)}")
        if looks_like_key(text.value):
            self.findings.problem(f"{head}: looks like a key; secrets do not belong here, only names of variables do")

    def _build(self, section_class: type, section: str, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of the class
        """Return the section's object; a missing required key is noted and takes a stand-in."""
        chosen: dict[str, Any] = {}
        for name, setting in settings_of(section_class).items():
            if name in values:
                chosen[name] = values[name]
            elif setting.is_required:
                self._missing(section, setting)
                chosen[name] = _stand_in(setting)
        try:
            return section_class(**chosen)
        except ValueError as error:
            self.findings.problem(f"[{section}]: {error}")
            required = [setting for setting in settings_of(section_class).values() if setting.is_required]
            return section_class(**{setting.name: _stand_in(setting) for setting in required})

    def _missing(self, section: str, setting: Setting) -> None:
        key = f"{section}.{setting.name}"
        if key not in self.spoilt:
            example = f"; write for example {setting.name} = {setting.spec.example}" if setting.spec.example else ""
            self.findings.problem(f"{key}: missing ({setting.spec.help}){example}")
            self.spoilt.add(key)

    def _exchanges(self) -> tuple[dict[str, Any], dict[str, str]]:
        found: dict[str, Any] = {}
        venue_names: dict[str, str] = {}
        for section in self._names(EXCHANGE):
            name = section.removeprefix(EXCHANGE)
            text = self.document.get(section, "venue")
            venue = text.value.strip() if text is not None and text.value.strip() else name
            venue_names[name] = venue
            if venue not in self.venues:
                self._unknown_venue(section, venue, is_named=text is not None)
                continue
            section_class = self.venues[venue]().settings
            keys = {**settings_of(ExchangeTargetSettings), **settings_of(section_class)}
            found[name] = self._build(section_class, section, self._values(section, keys))
        return found, venue_names

    def _unknown_venue(self, section: str, venue: str, *, is_named: bool) -> None:
        hint = nearest(venue, self.venues) or f"; known: {', '.join(self.venues)}"
        if is_named:
            self.findings.problem(f"{section}.venue = {masked(venue)}: unknown venue{hint}")
        else:
            self.findings.problem(
                f"{section}.venue: missing, and '{masked(venue)}' is not a venue{hint}; write for example venue = "
                f"{next(iter(self.venues), '')}"
            )
        self.spoilt.add(f"{section}.venue")

    def _grids(
        self, common: Mapping[str, Mapping[str, Any]], proof: ProofSettings, stale_after_ms: int
    ) -> tuple[GridSettings, ...]:
        return tuple(self._grid(section, common, proof, stale_after_ms) for section in self._names(GRID))

    def _grid(
        self, section: str, common: Mapping[str, Mapping[str, Any]], proof: ProofSettings, stale_after_ms: int
    ) -> GridSettings:
        name = section.removeprefix(GRID)
        own = self._values(section, merged(GRID_CLASSES))
        parts: dict[str, Any] = {}
        for level, section_class in GRID_LEVELS.items():
            chosen: dict[str, Any] = {}
            for key in settings_of(section_class):
                self._inherit(name, section, level, key)
                if key in own:
                    chosen[key] = own[key]
                elif key in common[level]:
                    chosen[key] = common[level][key]
            parts[level] = self._build(section_class, section, chosen)
        target: GridTargetSettings = self._build(GridTargetSettings, section, own)
        entry: EntrySettings = parts["grid"]
        close: CloseSettings = parts["close"]
        risk: GridRiskSettings = parts["risk"]
        return GridSettings(
            name=name,
            exchange=target.exchange,
            symbol=target.symbol,
            entry=entry,
            close=close,
            risk=risk,
            proof=proof,
            stale_after_ms=stale_after_ms,
        )

    def _inherit(self, name: str, section: str, level: str, key: str) -> None:
        """Remember which section set a grid's key; a spoilt default spoils the grids that use it."""
        for candidate in (section, level):
            if self.document.get(candidate, key) is not None:
                self.where[name, key] = candidate
                if f"{candidate}.{key}" in self.spoilt:
                    self.spoilt.add(f"{section}.{key}")
                return


def _remedy(section: str, key: str, known: list[str]) -> str:
    if key == "max_margin_usd" and section.startswith(GRID):
        return "; [risk] max_margin_usd is for the whole bot, here it is called grid_max_margin_usd"
    renamed = RENAMED.get(key.lower())
    if renamed is not None:
        return f"; it is called {renamed} here"
    if key.lower() in known:
        return f"; did you mean '{key.lower()}'?"
    homes = [f"[{name}]" for name, classes in SECTIONS.items() if name != section and key in merged(classes)]
    if key in merged(GRID_CLASSES) and not section.startswith(GRID):
        homes.append("[grid.NAME]")
    if homes:
        return f"; it belongs into {' or '.join(homes)}"
    return nearest(key, known) or f"; known: {', '.join(known)}"


def _refuse_secret(setting: Setting, text: str) -> None:
    """Raise ValueError for a text that should not stand in a file or on a command line."""
    if looks_like_key(text.strip()) and not is_path(setting.name):
        raise ValueError("looks like a key; put it into an environment variable or a file of mode 0600")
    if holds_password(text):
        raise ValueError("holds a password; write the address without it")


def _stand_in(setting: Setting) -> Any:  # noqa: ANN401 - whatever was declared
    """Something legal for a required key that is missing, so that the rest can be checked."""
    if setting.spec.example:
        return parse_value(setting.kind, setting.spec, setting.spec.example)
    if setting.kind is str:
        return ""
    if isinstance(setting.kind, type) and issubclass(setting.kind, StrEnum):
        return next(iter(setting.kind))
    spec = setting.spec
    inside = next((bound for bound in (spec.ge, spec.le) if bound is not None), None)
    if inside is None:
        inside = spec.gt + 1 if spec.gt is not None else Decimal(1)
    return setting.kind(inside)
