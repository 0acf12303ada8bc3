"""What must hold, judged by the venue's own records (RELIABILITY.md B). The bot's word is only compared.

When a request leaves or an answer comes: S7, S8, S11, S13, S15, see `wire_rules`.
After every turn in which the venue's book changed:
S3 one entry, S4 exits within the position and reduce-only, S5 no id twice: the venue's own oracle. S6 exposure. L1
coverage: the clock of quantity without an exit runs while nothing is in the way.
At the end, with the market quiet and the network healed:
S1, S2 every fill of the venue in the journal exactly once, at its price and fee, and the same profit (`money`). S9, L2
nothing unknown is left. S11 the bot's orders and lots are the venue's. L3 the private stream is one the venue serves.
L4 it trades or names what keeps it. L5 no actor failed that was not broken on purpose.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.grid.settings import PartialTakeProfit
from actors.journal.orders import Market
from actors.status import BotState, ConnectionPhase, GridStatus
from exchanges.order_ids import OrderRole, unpack
from exchanges.simulated.engine_types import OrderView, PlaceOrder
from exchanges.values import ZERO
from tests.simulation.money import ROUNDING, differences, journal_totals, profit_difference, venue_totals
from tests.simulation.wire_rules import WireRules

if TYPE_CHECKING:
    from tests.simulation.world import World

_NS: Final = 1_000_000_000
COVER_S: Final = 5.0
_MEMORY_NS: Final = 300 * _NS
GRID: Final = "grid"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: which, when, and what was seen."""

    rule: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at_s:.3f} s: {self.text}"


@dataclass
class Naked:
    """Quantity without an exit, and for how much untroubled time."""

    quantity: Decimal = ZERO
    since_ns: int = 0
    untroubled_ns: int = 0
    is_counted: bool = False


@dataclass
class Invariants:
    """Watches one world. Also the engine's observer of new orders and of changes in the book."""

    world: "World"
    found: list[Violation] = field(default_factory=list)
    naked: Naked = field(default_factory=Naked)
    naked_max_ns: int = 0
    _seen: int = 0
    _looked_ns: int = 0
    _is_dirty: bool = True
    _believed_ns: int = 0
    _positions: list[tuple[int, Decimal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wire = WireRules(self.world, self.break_rule)

    def break_rule(self, rule: str, text: str) -> None:
        """Note a violation."""
        self.found.append(Violation(rule, self.world.scheduler.now_ns / _NS, text))

    # --- the engine's observer ---

    def order_received(self, account: str, command: PlaceOrder, now_ns: int) -> None:
        """See `exchanges.simulated.engine.Observer`."""
        del account, now_ns
        number = self.world.decode(command.client_id)
        key = None if number is None else unpack(number)
        if key is None:
            return
        self.wire.ordered(command)
        if key.role is not OrderRole.ENTRY:
            self._check_exit(command)

    def _check_exit(self, command: PlaceOrder) -> None:
        if not command.reduce_only:
            self.break_rule("S4", f"an exit came without reduce-only: {command.client_id}")
        position = self.world.position()
        free = self._uncovered(self.world.open_orders()) if command.side.sign * position < 0 else ZERO
        if command.quantity > free and not self.world.may_stand:
            # the venue may refuse it or cut it: it should never have been sent
            self.break_rule("S4", f"exit {command.client_id} of {command.quantity} came where {free} had none")

    def book_changed(self, account: str, symbol: str, now_ns: int) -> None:
        """See `exchanges.simulated.engine.Observer`."""
        del account, symbol, now_ns
        self._is_dirty = True

    # --- after every turn ---

    def after_turn(self) -> None:
        """Judge what changed."""
        now_ns = self.world.scheduler.now_ns
        if self._is_dirty:
            self._is_dirty = False
            self._judge_book(now_ns)
        elif self.naked.quantity and now_ns - self._looked_ns > _NS // 4:
            self._age(now_ns)
        if now_ns - self._believed_ns >= _NS:
            self._believed_ns = now_ns
            self._judge_belief()

    def _judge_belief(self) -> None:
        """A difference that the bot declares is between its lots and a position that the venue really had; and where
        nobody else has traded, there is none. While reports are lost, a fill that was not told looks like somebody's.
        """
        handle = self.world.bot.handle
        if handle is None or self.world.may_stand:
            return
        if handle._life.board.connection(self.world.venue).phase is not ConnectionPhase.LIVE:
            return  # what it last knew stands until the venue can be read again
        book = handle._life.board._books.get(self.world.settings.grids[0].name)
        if book is None or book.mismatch is None:
            return
        bounds = {quantity * self.world.sign + book.external for quantity in (book.mismatch.least, book.mismatch.most)}
        if bounds.isdisjoint(self._recent_positions()):
            claimed = " or ".join(map(str, sorted(bounds)))
            self.break_rule(
                "S1", f"the bot holds the position for {claimed}, which it never was: {self.world.picture()}"
            )
        elif self._believed_ns > self.world.troubled_until_ns:
            self.break_rule("S1", f"{book.mismatch}, though nobody else has traded: {self.world.picture()}")

    def _recent_positions(self) -> set[Decimal]:
        """Every position of the last minutes."""
        self._positions = [
            row
            for index, row in enumerate(self._positions)
            if index + 1 == len(self._positions) or self._positions[index + 1][0] > self._believed_ns - _MEMORY_NS
        ]
        return {position for _, position in self._positions}

    def _judge_book(self, now_ns: int) -> None:
        world = self.world
        for violation in world.oracle.violations[self._seen :]:
            self.break_rule(_RULES.get(violation.kind.value, violation.kind.value), violation.text)
        self._seen = len(world.oracle.violations)
        orders = world.open_orders()
        position = world.position()
        if not self._positions or self._positions[-1][1] != position:
            self._positions.append((now_ns, position))
        self._check_exposure(orders)
        self._age(now_ns)
        self._note_cover(orders, now_ns)

    def _check_exposure(self, orders: tuple[OrderView, ...]) -> None:
        grid = self.world.settings.grids[0].entry
        entries = sum((order.remaining * order.price for order in orders if not order.reduce_only), ZERO)
        mark = self.world.engine.mark_price(self.world.symbol) or ZERO
        held = abs(self.world.position()) * mark
        limit = grid.order_notional_usd * (grid.max_orders + 1) * Decimal("1.1")
        if held + entries > limit + self.world.external_notional:
            self.break_rule("S6", f"{held + entries:.0f} USD are held or on order, {limit:.0f} are allowed")

    @property
    def _waits_for_whole(self) -> bool:
        """Whether partial_tp = on_done: a trader's choice to wait for the whole entry, a named reason."""
        return self.world.settings.grids[0].entry.partial_tp is not PartialTakeProfit.IMMEDIATE

    def _uncovered(self, orders: tuple[OrderView, ...]) -> Decimal:
        position = self.world.position()
        exits = sum((o.remaining for o in orders if o.reduce_only and o.side.sign * position < 0), ZERO)
        return max(abs(position) - exits - self.world.external_quantity, ZERO)

    def _note_cover(self, orders: tuple[OrderView, ...], now_ns: int) -> None:
        open_quantity = self._uncovered(orders)
        naked = self.naked
        if self._waits_for_whole or open_quantity < self.world.least_exit():
            self.naked_max_ns = max(self.naked_max_ns, naked.untroubled_ns if naked.quantity else 0)
            self.naked = Naked()
        elif not naked.quantity:
            self.naked = Naked(open_quantity, now_ns)
        else:
            naked.quantity = open_quantity

    def _age(self, now_ns: int) -> None:
        """Let time pass for what has no exit: only time in which nothing was in the way counts."""
        since_ns, self._looked_ns = max(self._looked_ns, self.naked.since_ns), now_ns
        naked = self.naked
        if not naked.quantity:
            return
        naked.untroubled_ns += max(now_ns - max(since_ns, self.world.troubled_until_ns), 0)
        if naked.untroubled_ns > COVER_S * _NS and not naked.is_counted:
            naked.is_counted = True
            text = f"{naked.quantity} has had no exit for {naked.untroubled_ns / _NS:.1f} s of untroubled time"
            self.break_rule("L1", f"{text}, since {naked.since_ns / _NS:.3f} s; {self.world.picture()}")

    # --- at the end ---

    def judge_quiet(self) -> None:
        """Judge a world that has come to rest."""
        world = self.world
        self._judge_book(world.scheduler.now_ns)
        handle = world.bot.handle
        if handle is None or handle.has_ended:
            self.break_rule("L4", f"the bot does not run: {world.bot.refused or (handle and handle.status().fatal)}")
            return
        status = handle.status()
        if status.restarts > world.bot.broken:
            self.break_rule("L5", f"{status.restarts} restarts, {world.bot.broken} actors were broken on purpose")
        self.judge_stream()
        grid = status.grids[0]
        if status.state not in (BotState.RUNNING, BotState.PAUSED) and not world.may_stand:
            self.break_rule("L4", f"the bot is {status.state.value}: {status.halted_why} {world.picture()}")
        if grid.state is None or grid.book is None:
            self.break_rule("L4", f"the grid was never read: {world.picture()}")
            return
        self._judge_orders(grid)
        self._judge_lots(grid)
        self._judge_fills(world.bot.state_dir)

    def judge_stream(self) -> None:
        """Judge the private stream as it is now: open, and with a credential that the venue still takes."""
        if not self.is_stream_alive():
            self.break_rule("L3", "the private stream is not open, or its credential has expired; nobody connects anew")

    def is_stream_alive(self) -> bool:
        """Return whether a private stream is open whose credential the venue still takes."""
        opened = [reader.opened_ns for reader in self.world.line.readers if reader.kind == "private" and reader.is_open]
        return bool(opened) and max(opened) >= self.world.credential_ended_ns

    def _judge_orders(self, grid: GridStatus) -> None:
        assert grid.state is not None
        assert grid.book is not None
        believed: dict[int, Decimal] = {
            int(order.client_order_id): order.quantity - order.filled for order in grid.book.orders
        }
        unsettled = [order.client_order_id for order in grid.book.orders if not order.is_working]
        pending = grid.state.pending
        if pending is not None and not pending.is_done:
            believed[int(pending.client_order_id)] = pending.quantity - pending.filled
        unsettled += [stray.client_order_id for stray in grid.state.strays]
        if unsettled:
            self.break_rule("L2", f"orders of unknown fate are left: {unsettled}; {self.world.picture()}")
        resting = {
            number: order.remaining
            for order in self.world.open_orders()
            if (number := self.world.decode(order.client_id)) is not None
        }
        if believed != resting:
            self.break_rule("S11", f"the bot believes in {believed}, the venue has {resting}")

    def _judge_lots(self, grid: GridStatus) -> None:
        assert grid.book is not None
        book = grid.book
        held = sum((lot.remaining for lot in book.lots), ZERO) * self.world.sign + book.external
        if held != self.world.position() and book.mismatch is None:
            self.break_rule("S1", f"lots hold {held}, the venue {self.world.position()}, and nobody says so")
        # an entry that still rests may be waited for, where the trader chose so
        waits = self._waits_for_whole and any(not order.reduce_only for order in self.world.open_orders())
        missing = ZERO if waits else self._uncovered(self.world.open_orders())
        if missing >= self.world.least_exit() and book.mismatch is None and not self.world.may_stand:
            self.break_rule("L1", f"{missing} of the position is without an exit at the end: {self.world.picture()}")
        naked = [lot.lot for lot in book.lots if lot.naked and not lot.dust and not lot.blocked]
        if naked:
            self.break_rule("L1", f"lots {naked} are without an exit at the end: {self.world.picture()}")

    def _judge_fills(self, state_dir: Path) -> None:
        world = self.world
        trades = world.all_trades()
        journal, twice = journal_totals(state_dir)
        if twice:
            self.break_rule("S2", f"the journal holds trades twice: {twice}")
        different = differences(venue_totals(trades, world.decode), journal)
        if different:
            self.break_rule("S1", "; ".join(different))
        elif not world.may_stand:
            market = Market(world.venue, world.symbol)
            now_ns = world.clock.wall_ns()
            more = profit_difference(state_dir, GRID, market, trades, sign=world.sign, now_wall_ns=now_ns)
            if abs(more) > ROUNDING:
                self.break_rule("S1", f"the journal has {more} more profit than the venue's cash says")


_RULES: Final = {
    "exits_beyond_position": "S4",
    "not_reduce_only": "S4",
    "two_entries": "S3",
    "id_reused": "S5",
    "uncovered": "L1",
}
