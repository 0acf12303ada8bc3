"""Violations counted from the venue's own book, whoever the client is (DESIGN.md section 10, "Violations").

What is a violation:

* `exits_beyond_position`: resting reduce-only orders would close more than the position. One per episode. After an
  external change (a liquidation, an order that is not the bot's) T_audit + T_cover are allowed first.
* `not_reduce_only`: an order whose id says exit or emergency came without reduce-only.
* `two_entries`: an entry rests while another entry of the same bot tag rests in the same market.
* `id_reused`: a place command carries an id that was used before, ever.
* `uncovered`: at least one minimum lot has been without a resting exit for longer than T_cover. One per episode, not
  one per look. The clock of an account runs only while its client is present, so a bot that is down or cut off is not
  blamed; what came from outside has T_audit more.

Coverage is counted first in, first out: an exit covers the oldest uncovered quantity. What is below the smallest order
the venue would take as an exit is dust and never a violation.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum

from exchanges.order_ids import OrderRole, unpack
from exchanges.rounding import ceil_to, plain
from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_state import dump_state, read_state
from exchanges.simulated.engine_types import OrderView, PlaceOrder
from exchanges.values import ZERO

DecodeClientId = Callable[[str], int | None]
"""Client-id text as a venue's client spells it -> the 32-bit id of `exchanges.order_ids`, None if it is not one."""

COVER_NS = 5_000_000_000
"""T_cover: a lot may be without an exit for so long (DESIGN.md section 3)."""

AUDIT_NS = 5_000_000_000
"""T_audit: how long the bot may take to notice what it did not cause (DESIGN.md section 3)."""

_SECOND = 1_000_000_000


class ViolationKind(StrEnum):
    """What the oracle looks for."""

    EXITS_BEYOND_POSITION = "exits_beyond_position"
    NOT_REDUCE_ONLY = "not_reduce_only"
    TWO_ENTRIES = "two_entries"
    ID_REUSED = "id_reused"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule."""

    kind: ViolationKind
    account: str
    symbol: str
    occurred_ns: int
    text: str


@dataclass(slots=True)
class _Naked:
    """Quantity without an exit since a moment, on the wall and on the clock of its account's presence."""

    quantity: Decimal
    since_ns: int
    since_present_ns: int
    allowed_ns: int


@dataclass(slots=True)
class _Presence:
    """For how long a client has been there so far."""

    total_ns: int = 0
    since_ns: int | None = None

    def at(self, now_ns: int) -> int:
        return self.total_ns if self.since_ns is None else self.total_ns + max(now_ns - self.since_ns, 0)

    def set(self, *, present: bool, now_ns: int) -> None:
        self.total_ns = self.at(now_ns)
        self.since_ns = now_ns if present else None


@dataclass(slots=True)
class _Watch:
    """One account in one market."""

    position: Decimal = ZERO
    exits: Decimal = ZERO
    naked: list[_Naked] = field(default_factory=list)
    uncovered_max: Decimal = ZERO
    naked_max_ns: int = 0
    covered_after_ns: list[int] = field(default_factory=list)
    last_trade_id: int = 0
    external_until_ns: int = 0
    is_over_counted: bool = False
    is_naked_counted: bool = False
    counted_entries: set[int] = field(default_factory=set)

    @property
    def uncovered(self) -> Decimal:
        return sum((part.quantity for part in self.naked), ZERO)


@dataclass(slots=True, kw_only=True)
class _Saved:
    used: dict[str, list[int]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


class Oracle:
    """Watches an engine (the constructor registers with `Engine.watch`). Same thread as the engine.

    `decode` is the face's reader of client ids. Existing positions are taken up at the first `advance`.
    """

    def __init__(
        self, engine: Engine, decode: DecodeClientId, *, cover_ns: int = COVER_NS, audit_ns: int = AUDIT_NS
    ) -> None:
        self._engine = engine
        self._decode = decode
        self._cover_ns = cover_ns
        self._audit_ns = audit_ns
        self._violations: list[Violation] = []
        self._used: dict[str, set[int]] = {}
        self._presence: dict[str, _Presence] = {}
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._has_looked = False
        engine.watch(self)

    def client_present(self, account: str, *, present: bool, now_ns: int) -> None:
        """Say whether the account's client is connected: the clock of uncovered quantity runs only meanwhile."""
        self._presence.setdefault(account, _Presence()).set(present=present, now_ns=now_ns)

    def order_received(self, account: str, command: PlaceOrder, now_ns: int) -> None:
        """See `Observer`: checks the id and the reduce-only flag of a new order, accepted or not."""
        number = self._decode(command.client_id)
        if number is None:
            return
        used = self._used.setdefault(account, set())
        if number in used:
            self._count(ViolationKind.ID_REUSED, account, command.symbol, now_ns, f"id {number} was used before")
        used.add(number)
        key = unpack(number)
        if key is not None and key.role is not OrderRole.ENTRY and not command.reduce_only:
            text = f"the {key.role} order {number} is not reduce-only"
            self._count(ViolationKind.NOT_REDUCE_ONLY, account, command.symbol, now_ns, text)

    def book_changed(self, account: str, symbol: str, now_ns: int) -> None:
        """See `Observer`: takes stock of one account in one market."""
        watch = self._watches.setdefault((account, symbol), _Watch())
        orders = self._engine.open_orders(account, symbol)
        position = self._engine.position(account, symbol).quantity
        external = self._note_trades(watch, account, symbol, now_ns)
        exits = sum((o.remaining for o in orders if o.reduce_only and o.side.sign * position < 0), ZERO)
        watch.position, watch.exits = position, exits
        self._note_coverage(watch, account, max(abs(position) - exits, ZERO), now_ns, external=external)
        self._check_entries(watch, account, symbol, orders, now_ns)
        self._check(watch, account, symbol, now_ns)

    def advance(self, now_ns: int) -> None:
        """Let time pass: uncovered quantity grows old. Call at least a few times per second."""
        if not self._has_looked:
            self._has_looked = True
            for account in self._engine.accounts():
                for symbol in self._engine.symbols():
                    self.book_changed(account, symbol, now_ns)
        for (account, symbol), watch in self._watches.items():
            if watch.naked or watch.exits:
                self._check(watch, account, symbol, now_ns)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Everything found, in order."""
        return tuple(self._violations)

    def report(self) -> dict[str, object]:
        """A JSON-ready summary.

        Keys: `violations` (count), `list` (kind, account, symbol, occurred_ns, text), `naked_seconds_max`, `_p50` and
        `_p99` over all markets (p50 and p99 of what was covered, max including what still is not), `markets`: account
        -> symbol -> position, exits, uncovered, uncovered_max (decimal text), naked_seconds_max. Seconds are on the
        venue's clock, from the fill to the acceptance of the exit.
        """
        covered = sorted(ns for watch in self._watches.values() for ns in watch.covered_after_ns)
        markets: dict[str, dict[str, object]] = {}
        for (account, symbol), watch in self._watches.items():
            markets.setdefault(account, {})[symbol] = {
                "position": plain(watch.position),
                "exits": plain(watch.exits),
                "uncovered": plain(watch.uncovered),
                "uncovered_max": plain(watch.uncovered_max),
                "naked_seconds_max": watch.naked_max_ns / _SECOND,
            }
        return {
            "violations": len(self._violations),
            "list": [{**asdict(item), "kind": item.kind.value} for item in self._violations],
            "naked_seconds_max": max((w.naked_max_ns for w in self._watches.values()), default=0) / _SECOND,
            "naked_seconds_p50": _percentile(covered, 50) / _SECOND,
            "naked_seconds_p99": _percentile(covered, 99) / _SECOND,
            "markets": markets,
        }

    def snapshot(self) -> str:
        """Used ids and violations as JSON text. Coverage is read from the engine again after a restart."""
        used = {account: sorted(numbers) for account, numbers in self._used.items()}
        return dump_state(_Saved(used=used, violations=self._violations))

    def restore(self, text: str) -> None:
        """Load the used ids in what `snapshot` returned; its violations belong to the run before and are not counted
        again. Raises ValueError where it cannot be read.
        """
        self._used = {account: set(numbers) for account, numbers in read_state(text, _Saved).used.items()}

    # --- inner workings ---

    def _count(self, kind: ViolationKind, account: str, symbol: str, now_ns: int, text: str) -> None:
        self._violations.append(Violation(kind=kind, account=account, symbol=symbol, occurred_ns=now_ns, text=text))

    def _note_trades(self, watch: _Watch, account: str, symbol: str, now_ns: int) -> bool:
        """Read the trades since the last look; return whether one was not the bot's."""
        external = False
        for trade in self._engine.trades(account, symbol, from_id=watch.last_trade_id + 1, limit=1000):
            watch.last_trade_id = trade.trade_id
            if self._decode(trade.client_id) is None:
                external = True
        if external:
            watch.external_until_ns = now_ns + self._cover_ns + self._audit_ns
        return external

    def _note_coverage(self, watch: _Watch, account: str, uncovered: Decimal, now_ns: int, *, external: bool) -> None:
        before = watch.uncovered
        if uncovered > before:
            allowed = self._cover_ns + (self._audit_ns if external else 0)
            watch.naked.append(_Naked(uncovered - before, now_ns, self._present_ns(account, now_ns), allowed))
            watch.uncovered_max = max(watch.uncovered_max, uncovered)
        covered = before - uncovered
        while covered > 0 and watch.naked:
            oldest = watch.naked[0]
            part = min(covered, oldest.quantity)
            oldest.quantity -= part
            covered -= part
            if oldest.quantity <= 0:
                watch.naked.pop(0)
                watch.covered_after_ns.append(now_ns - oldest.since_ns)
                watch.naked_max_ns = max(watch.naked_max_ns, now_ns - oldest.since_ns)

    def _check_entries(
        self, watch: _Watch, account: str, symbol: str, orders: tuple[OrderView, ...], now_ns: int
    ) -> None:
        live: dict[int, list[int]] = {}
        for order in orders:
            number = self._decode(order.client_id)
            key = None if number is None else unpack(number)
            if key is not None and key.role is OrderRole.ENTRY:
                live.setdefault(key.bot_tag, []).append(order.order_id)
        for tag, order_ids in live.items():
            for order_id in order_ids[1:]:
                if order_id not in watch.counted_entries:
                    watch.counted_entries.add(order_id)
                    text = f"{len(order_ids)} entries of bot tag {tag} rest at the same time"
                    self._count(ViolationKind.TWO_ENTRIES, account, symbol, now_ns, text)

    def _check(self, watch: _Watch, account: str, symbol: str, now_ns: int) -> None:
        if watch.exits <= abs(watch.position):
            watch.is_over_counted = False
        elif not watch.is_over_counted and now_ns >= watch.external_until_ns:
            watch.is_over_counted = True
            text = f"exits for {plain(watch.exits)} rest against a position of {plain(watch.position)}"
            self._count(ViolationKind.EXITS_BEYOND_POSITION, account, symbol, now_ns, text)
        self._check_coverage(watch, account, symbol, now_ns)

    def _check_coverage(self, watch: _Watch, account: str, symbol: str, now_ns: int) -> None:
        if watch.naked:
            watch.naked_max_ns = max(watch.naked_max_ns, now_ns - watch.naked[0].since_ns)
        present_ns = self._present_ns(account, now_ns)
        old = sum((p.quantity for p in watch.naked if present_ns - p.since_present_ns > p.allowed_ns), ZERO)
        if old < self._lot(symbol) or not old:
            watch.is_naked_counted = False
        elif not watch.is_naked_counted:
            watch.is_naked_counted = True
            text = f"{plain(old)} of the position {plain(watch.position)} has had no exit for too long"
            self._count(ViolationKind.UNCOVERED, account, symbol, now_ns, text)

    def _lot(self, symbol: str) -> Decimal:
        """The smallest quantity the venue would take as an exit."""
        spec = self._engine.market(symbol)
        if spec is None:
            return ZERO
        rules, mark = spec.rules, self._engine.mark_price(symbol)
        if rules.reduce_only_exempt or not mark:
            return rules.min_quantity
        return max(rules.min_quantity, ceil_to(rules.min_notional / mark, rules.step))

    def _present_ns(self, account: str, now_ns: int) -> int:
        presence = self._presence.get(account)
        return 0 if presence is None else presence.at(now_ns)


def _percentile(ordered: list[int], percent: int) -> int:
    """The smallest value with at least `percent` of all values at or below it; 0 without values."""
    if not ordered:
        return 0
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
