"""The last checks before the socket: what a lane does between a finished request and its first byte.

Order of the acts, each the last chance of its rule (DESIGN.md section 10): the market's rules (what the venue would
refuse is denied here), the age of the quote an entry was priced from and of the watchdog's last beat, the halt flag,
and last the intent record. From the flag's check until the request is written the lane holds its own write mark;
`HaltFlag.halt()` sets the flag and then waits for every mark to be free once. So when it returns, no entry is on its
way to the wire and none will be, however many commands are still queued. (A lane that hangs in its write for longer
than any connection lets it is not waited for.)

A halt stops what opens risk. Exits are reduce-only and cancels only take away, so both pass a halt; `close()` stops
everything.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Protocol

from actors.messages import CancelOrder, OrderCommand, PlaceLimitOrder, PlaceMarketOrder
from actors.runtime import Lock, runtime
from actors.watches import SILENT_NS
from exchanges.clock import Clock
from exchanges.errors import JournalError
from exchanges.rounding import is_multiple, plain
from exchanges.values import MarketRules, OrderRequest

PATIENCE_S: Final = 15.0
"""Longer than a connection itself takes to give a write up."""


class Denied(Exception):
    """The command was refused here: nothing left this machine. The text says why."""


class IntentSink(Protocol):
    """Where an order is written down before it leaves. One unbuffered write, safe from every lane's thread."""

    def record(self, command: PlaceLimitOrder | PlaceMarketOrder, fence_wall_ns: int) -> None:
        """Write the intent. Raises JournalError where it cannot."""
        ...


class HaltFlag:
    """Whether new risk may leave this process. One per bot, shared by every lane; safe from any thread."""

    def __init__(self) -> None:
        self.heard_ns = 0
        """When (monotonic) the watchdog was last heard of, 0 before its first beat. Written by the watchdog only."""
        self._reasons: tuple[str, ...] = ()
        self._holds: tuple[str, ...] = ()
        self._closed = ""
        self._marks: tuple[Lock, ...] = ()
        self._changing = runtime().new_lock()
        """Serializes those who change the flag (host and bot); nobody who sends takes it."""

    def new_mark(self) -> Lock:
        """Return a write mark for one lane, which holds it from the flag's check until its request is written."""
        mark = runtime().new_lock()
        with self._changing:
            self._marks = (*self._marks, mark)
        return mark

    def forget(self, mark: Lock) -> None:
        """Drop the mark of a lane that has ended."""
        with self._changing:
            self._marks = tuple(kept for kept in self._marks if kept is not mark)

    def halt(self, why: str, patience_s: float = PATIENCE_S) -> None:
        """Let no entry leave any more. Returns once every lane has passed the barrier: then none is being written.

        Several reasons may hold at once; each has to be released. A lane that hangs in its write is not waited for
        longer than `patience_s`: whoever halts has more to do.
        """
        with self._changing:
            if why not in self._reasons:
                self._reasons = (*self._reasons, why)
        self._barrier(patience_s)

    def release(self, why: str) -> None:
        """Take back one reason of a halt. Entries leave again when none is left."""
        with self._changing:
            self._reasons = tuple(kept for kept in self._reasons if kept != why)

    def hold(self, why: str) -> None:
        """Hold entries back for a fault that may pass, without waiting for any lane: the watchdog's way to halt."""
        with self._changing:
            if why not in self._holds:
                self._holds = (*self._holds, why)

    def release_hold(self, why: str) -> None:
        """Take back one hold."""
        with self._changing:
            self._holds = tuple(kept for kept in self._holds if kept != why)

    def close(self, why: str, patience_s: float = PATIENCE_S) -> None:
        """Let nothing leave any more, exits and cancels included. For the end of a bot's actors only.

        A lane that hangs in its write is not waited for longer than `patience_s`: its actors end because of it.
        """
        self._closed = why
        self._barrier(patience_s)

    def open(self) -> None:
        """Take back `close`: new actors are about to start."""
        self._closed = ""

    @property
    def is_halted(self) -> bool:
        """Whether entries are stopped until somebody releases them; a hold that may pass does not count."""
        return bool(self._reasons or self._closed)

    @property
    def why(self) -> str:
        """The reasons of the halt and of the holds, empty when entries may leave."""
        return self._closed or ", ".join((*self._reasons, *self._holds))

    def check(self, *, is_entry: bool) -> None:
        """Raise Denied where the flag forbids the command. Call with the lane's mark held."""
        if self._closed or ((self._reasons or self._holds) and is_entry):
            raise Denied(f"halted: {self.why}")

    def _barrier(self, patience_s: float) -> None:
        for mark in self._marks:
            if mark.acquire(timeout=patience_s):
                mark.release()


def is_entry(command: OrderCommand) -> bool:
    """Whether the command opens risk: an order that is not reduce-only."""
    return not isinstance(command, CancelOrder) and not command.reduce_only


def to_request(command: PlaceLimitOrder | PlaceMarketOrder) -> OrderRequest:
    """Return the command in the venue package's terms. A market order is an immediate-or-cancel one with a worst
    price.
    """
    if isinstance(command, PlaceLimitOrder):
        return OrderRequest(
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            side=command.side,
            quantity=command.quantity,
            price=command.price,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
        )
    return OrderRequest(
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        side=command.side,
        quantity=command.quantity,
        price=command.worst_price,
        post_only=False,
        reduce_only=command.reduce_only,
        immediate=True,
    )


def rule_problem(order: OrderRequest, rules: MarketRules) -> str:
    """Return why the venue would refuse the order by its market rules, or an empty text."""
    return _quantity_problem(order, rules) or _price_problem(order, rules)


def _quantity_problem(order: OrderRequest, rules: MarketRules) -> str:
    quantity = order.quantity
    largest = min(rules.max_quantity, rules.market_max_quantity) if order.immediate else rules.max_quantity
    if not quantity.is_finite() or quantity <= 0 or not is_multiple(quantity, rules.step):
        return f"quantity {quantity} is not a positive multiple of {plain(rules.step)}"
    if quantity < rules.min_quantity:
        return f"quantity {plain(quantity)} is below the minimum {plain(rules.min_quantity)}"
    if quantity > largest:
        return f"quantity {plain(quantity)} is above the maximum {plain(largest)}"
    return ""


def _price_problem(order: OrderRequest, rules: MarketRules) -> str:
    price = order.price
    if price is None:
        return ""
    if not price.is_finite() or price <= 0 or not is_multiple(price, rules.tick):
        return f"price {price} is not a positive multiple of {plain(rules.tick)}"
    if not rules.min_price <= price <= rules.max_price:
        return f"price {plain(price)} is outside {plain(rules.min_price)}..{plain(rules.max_price)}"
    exempt = order.reduce_only and rules.reduce_only_exempt
    if not exempt and _notional(order) < rules.min_notional:
        return f"notional {plain(_notional(order))} is below the minimum {plain(rules.min_notional)}"
    return ""


def _notional(order: OrderRequest) -> Decimal:
    return order.quantity * (order.price or Decimal(0))


class SendGate:
    """The gate of one venue's lanes. The rules are replaced as a whole by the connection; everything else is fixed.

    Args:
        clock: Monotonic for the quote's age, wall for the intent's fence.
        halted: The bot's halt flag.
        intents: Where orders are written down before they leave.
        stale_after_ns: An entry priced from a quote proven alive longer ago is denied.
        fence_ns: After so long a sent request can no longer be accepted.
        observe: Deny every command: the bot shows what it would do.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        halted: HaltFlag,
        intents: IntentSink,
        stale_after_ns: int,
        fence_ns: int,
        observe: bool = False,
    ) -> None:
        self.halted = halted
        self.fence_ns = fence_ns
        self._clock = clock
        self._intents = intents
        self._stale_after_ns = stale_after_ns
        self._observe = observe
        self._rules: Mapping[str, MarketRules] = {}

    def set_rules(self, rules: Mapping[str, MarketRules]) -> None:
        """Replace the rules of all markets by symbol. Orders in a market without rules are denied."""
        self._rules = rules

    def check_rules(self, command: OrderCommand) -> None:
        """Raise Denied where the venue would refuse the command by its market's rules."""
        if self._observe:
            raise Denied("observe mode: nothing is sent")
        if isinstance(command, CancelOrder):
            return
        rules = self._rules.get(command.symbol)
        if rules is None:
            raise Denied(f"the rules of {command.symbol} are not known yet")
        if is_entry(command) and not rules.is_trading:
            raise Denied(f"{command.symbol} is not trading")
        problem = rule_problem(to_request(command), rules)
        if problem:
            raise Denied(problem)

    def check_early(self, command: OrderCommand) -> None:
        """Raise Denied where the command would be denied anyway, before it costs any of the rate budget."""
        self.check_rules(command)
        self._check_now(command)

    def _check_now(self, command: OrderCommand) -> None:
        if isinstance(command, PlaceLimitOrder) and not command.reduce_only:
            now_ns = self._clock.monotonic_ns()
            age_ns = now_ns - command.quote_ns
            if age_ns > self._stale_after_ns:
                raise Denied(f"the quote it was priced from is {age_ns // 1_000_000} ms old")
            heard_ns = self.halted.heard_ns
            if heard_ns and now_ns - heard_ns > SILENT_NS:
                raise Denied(f"the watchdog has been silent for {(now_ns - heard_ns) // 1_000_000} ms")
        self.halted.check(is_entry=is_entry(command))

    def pass_through(self, command: OrderCommand) -> None:
        """Do the last acts: quote age, halt flag, intent. Call with the lane's mark held, directly before the write.

        Raises:
            Denied: nothing may be sent.
        """
        self._check_now(command)
        if isinstance(command, CancelOrder):
            return
        try:
            self._intents.record(command, self._clock.wall_ns() + self.fence_ns)
        except JournalError as error:
            # A disk that refuses stops entries (RELIABILITY.md P4); an exit leaves all the same: its id is reserved
            # durably, and an unprotected lot is worse than an unrecorded exit that the venue still lists.
            if is_entry(command):
                raise Denied(f"the intent could not be recorded: {error}") from error
