"""Addresses that outlive actors, and what every crew of a bot is built from."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import pykka

from actors.addresses import Address
from actors.connection_facts import Owners
from actors.journal import Market, OpenedState, Owner, open_state
from actors.network import Network
from actors.send_gate import HaltFlag
from actors.settings import BotSettings, ForeignPolicy
from actors.status import StatusBoard
from actors.venue_access import VenueAccess
from exchanges.client import OrderFillCallback
from exchanges.clock import Clock
from exchanges.pacing import RateBudget

M_contra = TypeVar("M_contra", contravariant=True)


class DeadLetters:
    """Counts messages for actors that had ended. A hint for people, so a lost count does not matter."""

    def __init__(self) -> None:
        self.count = 0


class Wire(Generic[M_contra]):
    """An address that is given out before its actor exists, and that survives its end. Safe from any thread."""

    __slots__ = ("_early", "_letters", "_target")

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters
        self._target: Address[M_contra] | None = None
        self._early: list[M_contra] = []

    def connect(self, target: Address[M_contra]) -> None:
        """Lead everything to `target`, first what was told early. Before anybody begins to work."""
        self._target = target
        early, self._early = self._early, []
        for message in early:
            self.tell(message)

    def tell(self, message: M_contra, /) -> None:
        """Tell `message` on; it is counted and dropped where the actor has ended."""
        if self._target is None:
            self._early.append(message)
            return
        try:
            self._target.tell(message)
        except pykka.ActorDeadError:
            self._letters.count += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewPlan:
    """What every crew of a bot is built from. Outlives the crews.

    Attributes:
        make_fill_callback: Makes the function that takes an exchange's fills, from grid names by symbol and owners.
        root: The supervising actor's mailbox.
        failures: Where dead actors are reported.
        accepts_accounts: Whether a journal kept for another account is taken for this one's under another key.
        begun: Exchanges that an earlier crew has begun to trade on.
        budgets: The request budgets of the exchanges; see `budget_of`.
    """

    settings: BotSettings
    accesses: Mapping[str, VenueAccess]
    clock: Clock
    network: Network
    source: random.Random
    halted: HaltFlag
    board: StatusBoard
    make_fill_callback: Callable[[Mapping[str, str], Owners], OrderFillCallback]
    root: Address[Any]
    failures: Address[Any]
    begun: frozenset[str] = frozenset()
    accepts_accounts: bool = False
    budgets: dict[str, RateBudget] = field(default_factory=dict)

    def budget_of(self, exchange: str) -> RateBudget:
        """The request budget of an exchange: what one crew has spent, the next one does not have again."""
        if exchange not in self.budgets:
            venue = self.accesses[exchange].venue
            self.budgets[exchange] = RateBudget(venue.rate_limits, venue.capabilities.exit_reserved_pct)
        return self.budgets[exchange]

    @property
    def markets(self) -> dict[str, Market]:
        """Where each grid trades, by grid name."""
        return {grid.name: Market(grid.exchange, grid.symbol) for grid in self.settings.grids}

    @property
    def exchanges(self) -> tuple[str, ...]:
        """The exchanges that some grid trades on, in the order of the settings."""
        return tuple(dict.fromkeys(grid.exchange for grid in self.settings.grids))

    def foreign_policy(self, exchange: str) -> ForeignPolicy:
        """What a connection does about what is not ours: the setting is for the bot's start, not for a crew's."""
        return ForeignPolicy.IGNORE if exchange in self.begun else self.settings.desk.on_start_foreign

    def open_state(self) -> OpenedState:
        """Open journal and intents. Raises JournalError."""
        desk = self.settings.desk
        venues = {name: self.accesses[name].venue for name in self.exchanges}
        owner = Owner(
            desk=desk.name,
            bot_tag=desk.bot_tag,
            accounts={name: f"{venue.account} of {venue.name}" for name, venue in venues.items()},
            accepts_accounts=self.accepts_accounts,
        )
        return open_state(Path(desk.state_dir), owner=owner, markets=self.markets, clock=self.clock)
