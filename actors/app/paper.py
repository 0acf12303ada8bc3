"""Simulated venues for a paper run, and accounts on them.

The bot cannot tell them from real ones: only addresses and credentials differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from actors.accounts import Accounts, used_exchanges
from actors.append_file import private_folder
from actors.journal import set_state_aside
from actors.locks import AlreadyRunning, Locks
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from exchanges import VENUES
from exchanges.clock import SystemClock
from exchanges.errors import BotError, ConfigError
from exchanges.secrets import Secret
from exchanges.simulated.launch import VenueChoice, VenueLaunch
from exchanges.simulated.process import ServedVenue, SimulatedVenueProcess, VenueProcessError, VenueRefused
from exchanges.venue import Venue

_LOOK_TIMEOUT_S: Final = 2.0
_VERDICT_TIMEOUT_S: Final = 30.0
"""A summary without the venue's verdict is none: on a machine that is busy elsewhere it is waited for."""


class PaperError(BotError):
    """The simulated venue could not be started, reached or asked."""


def paper_accounts(settings: BotSettings, served: Mapping[str, ServedVenue]) -> Accounts:
    """Return accounts on simulated venues, with the throw-away credentials they were served with."""
    secrets = [Secret(str(value)) for venue in served.values() for value in venue.credentials.values()]
    accesses = {name: VenueAccess(venue=_paper_account(settings, name, venue)) for name, venue in served.items()}
    return Accounts(accesses, tuple(secrets))


def _paper_account(settings: BotSettings, name: str, served: ServedVenue) -> Venue:
    credentials = {key: str(value) for key, value in served.credentials.items()}
    package = VENUES[settings.venues[name]]()
    return package.with_credentials(settings.exchanges[name], credentials, served.rest, served.ws)


def launch_of(settings: BotSettings, *, state_dir: Path | None, outlives_clients: bool) -> VenueLaunch:
    """Return what the process of simulated venues is told: one venue per used exchange, its grids' markets."""
    choices = tuple(
        VenueChoice(name=name, venue=settings.venues[name], symbols=_symbols(settings, name))
        for name in used_exchanges(settings)
    )
    return VenueLaunch(venues=choices, paper=settings.paper, state_dir=state_dir, outlives_clients=outlives_clients)


def _symbols(settings: BotSettings, exchange: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(grid.symbol for grid in settings.grids if grid.exchange == exchange))


def venue_folder(settings: BotSettings) -> Path:
    """Return the folder of the simulated venues; the state folder around it is made for its owner only."""
    return private_folder(Path(settings.desk.state_dir)) / "venue"


class PaperVenues:
    """The simulated venues of a paper run: started or found again, asked for their verdict, ended.

    Used from one thread. Their account lives in `STATE_DIR/venue` and outlives bot and venue process. Whoever starts
    them holds a lock on that folder until `stop`: another run would end or replace the venue of a running bot.
    """

    def __init__(self, settings: BotSettings) -> None:
        self._settings = settings
        self._folder = venue_folder(settings)
        self._locks = Locks()
        self._process = SimulatedVenueProcess(launch_of(settings, state_dir=self._folder, outlives_clients=False))

    def begin(self) -> None:
        """Take the folder and let the venues' process come up; `start` waits for it. Call once.

        Raises:
            AlreadyRunning: another run uses them, or for a fresh account, a bot the state folder.
            JournalError: the state folder cannot be used.
            PaperError: the process cannot be started.
        """
        self._take_folder()
        if self._settings.paper.fresh:
            self._set_state_aside()
        try:
            self._process.begin()
        except VenueProcessError as error:
            raise PaperError(str(error)) from None

    def _set_state_aside(self) -> None:
        """Take journal and intents away: the new account has nothing of what is known of the old one."""
        desk = self._settings.desk
        state_dir = Path(desk.state_dir)
        with Locks().acquire(state_dir, (), desk.bot_tag, self._folder):  # not from under a bot that runs on them
            set_state_aside(state_dir, SystemClock().wall_ns())

    def _take_folder(self) -> None:
        """Lock the venues' folder; whoever meets the lock is told of the run and not of its venues."""
        try:
            self._locks.acquire(private_folder(self._folder), (), self._settings.desk.bot_tag, self._folder)
        except AlreadyRunning as error:
            holder = f"process {error.pid}" if error.pid else "another process"
            folder = self._settings.desk.state_dir
            raise AlreadyRunning(
                f"desk.state_dir = {folder}: in use by {holder}, a paper run; end it with --stop, or give this one "
                f"another desk.state_dir",
                error.pid,
            ) from None

    def start(self) -> tuple[BotSettings, Accounts]:
        """Return the settings with the venues' own symbol names, and an account on each venue. Call after `begin`.

        Raises:
            ConfigError: the venue cannot use a setting, the tape or the saved account.
            PaperError: the venue did not come up; the text holds the end of its log.
        """
        try:
            return self._accounts(self._process.start())
        except VenueRefused as error:
            raise ConfigError([str(error)]) from None
        except VenueProcessError as error:
            raise PaperError(str(error)) from None

    def find(self) -> tuple[BotSettings, Accounts]:
        """Return the same as `start` for venues that run already, beside the run they belong to; changes nothing.

        Raises:
            PaperError: none runs with these settings.
        """
        if not self._process.find():
            raise PaperError(f"a run with other settings uses the simulated venue in {self._folder}; stop it first")
        return self._accounts(self._process.venues)

    def _accounts(self, served: Mapping[str, ServedVenue]) -> tuple[BotSettings, Accounts]:
        return renamed(self._settings, served), paper_accounts(self._settings, served)

    def verdict(self) -> dict[str, dict[str, int]]:
        """Return `violations` and `faults_injected` by exchange, from the venues' own books.

        Raises:
            PaperError: a venue does not answer; nothing may be concluded about violations.
        """
        return {
            name: {"violations": int(row["violations"]), "faults_injected": int(row["faults_injected"])}
            for name, row in self._status(_VERDICT_TIMEOUT_S).items()
        }

    def prices_finished(self) -> bool:
        """Return whether a tape has come to its end on every venue."""
        return all(bool(row["prices_finished"]) for row in self._status(_LOOK_TIMEOUT_S).values())

    def _status(self, timeout_s: float) -> dict[str, dict[str, Any]]:
        try:
            return self._process.status(timeout_s)
        except VenueProcessError as error:
            raise PaperError(str(error)) from None

    def leave(self) -> None:
        """End the process if `start` started it; one that ran before goes on (a killed bot's, to be taken up again)."""
        if self._process.was_running:
            self._locks.release()
        else:
            self.stop()

    def stop(self) -> None:
        """End the process that `start` started or took over; the account is saved."""
        self._process.stop()
        self._locks.release()


def renamed(settings: BotSettings, served: Mapping[str, ServedVenue]) -> BotSettings:
    """Return the settings with each grid's symbol as its simulated venue spells it (`BTC` is Aster's `BTCUSDT`)."""
    spelled = {
        (name, wanted): actual
        for name, venue in served.items()
        for wanted, actual in _pairs(_symbols(settings, name), venue.symbols)
    }
    grids = tuple(
        replace(grid, symbol=spelled.get((grid.exchange, grid.symbol), grid.symbol)) for grid in settings.grids
    )
    return replace(settings, grids=grids)


def _pairs(wanted: Sequence[str], actual: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(wanted, actual, strict=True)) if len(wanted) == len(actual) else []
