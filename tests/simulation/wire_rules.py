"""What leaves the bot, judged at the wire the moment it leaves; and what a venue says it should never have to say.

S5 no entry while its intent cannot be written down. S7 no entry after a halt has returned, and none rests once the halt
had its time. S8 no entry while the price stream has not proven itself alive for as long as its quote may be old. S11 no
order before this life of the bot has read open orders and position. S13 no order that the venue refuses for tick, step
or minimum. S15 no 429 that no fault asked for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from exchanges.order_ids import OrderRole, unpack
from exchanges.rounding import is_multiple
from exchanges.simulated.engine_types import OrderType, PlaceOrder
from exchanges.venue import SignedRequest

if TYPE_CHECKING:
    from tests.simulation.world import World

_NS: Final = 1_000_000_000
_OWN_ID: Final = re.compile(r'(?:newClientOrderId=|"clientId":\s*"?|"ClientOrderIndex":\s*)(\w+)')
_TOO_MANY: Final = frozenset({418, 429})
_SLACK_NS: Final = 50_000_000
FORGIVEN_S: Final = 60
"""So long after a restart the venue may count requests that the bot knows nothing of."""
HALTED_S: Final = 3.0
"""So much untroubled time after a halt its entries have to be gone."""

READS_FIRST: Final = {
    "aster": ("openOrders", "positionRisk"),
    "backpack": ("orders", "position"),
    "lighter": ("accountActiveOrders", "account"),
}
"""What has to be read before the first order, as the venue's endpoints are called (S11)."""

PRICE_BY_REST: Final = {"aster": "bookTicker", "backpack": "depth", "lighter": "orderBookOrders"}
"""The endpoint of the price in between."""

_RULE_WORDS: Final = {
    "aster": re.compile(rb'"code":-(1111|4001|4002|4003|4004|4005|4013|4014|4023|4164)\b'),
    "backpack": re.compile(rb"too long|too far|too small|too large|INVALID_PRICE|INVALID_QUANTITY", re.IGNORECASE),
    "lighter": re.compile(rb'"code":(21701|21702|21706)\b'),
}
"""How a venue refuses an order for its rules, where its face does so before the engine sees it (S13)."""


def placed_id(request: SignedRequest) -> str:
    """Return the client id of the order that a request places, as the venue spells it; empty if it places none."""
    if request.method != "POST":
        return ""
    return _id_in(unquote_plus(f"{request.target}&{request.body.decode(errors='replace')}"))


def _id_in(text: str) -> str:
    found = _OWN_ID.search(text)
    return found[1] if found else ""


@dataclass
class WireRules:
    """Watches the line of one world. `break_rule` takes the name of a rule and what was seen."""

    world: "World"
    break_rule: Callable[[str, str], None]
    is_halted: bool = False
    """An operator's halt has returned, and nobody has resumed since."""
    halted_ns: int = 0
    allowed_refusals: int = 0
    """How many answers 429 were asked for by faults."""
    born_ns: int | None = None
    """When this life began; the first one has no life before it whose requests count at the venue."""
    _read: set[str] = field(default_factory=set)

    def begin_life(self) -> None:
        """A new process: it has read nothing, and nobody has halted it."""
        self._read.clear()
        self.born_ns = self.world.scheduler.now_ns if self.born_ns is not None else -FORGIVEN_S * _NS
        self.is_halted = False

    def halted(self) -> None:
        """The operator's halt has returned: from now on nothing that opens risk may leave, and what rests has to go."""
        self.is_halted, self.halted_ns = True, self.world.scheduler.now_ns
        self._look_later(self.halted_ns)

    def _look_later(self, halted_ns: int) -> None:
        def look() -> None:
            if self.is_halted and self.halted_ns == halted_ns:
                self._judge_halt()
                self._look_later(halted_ns)

        self.world.scheduler.after(int(HALTED_S * _NS) + 1, look)

    def _judge_halt(self) -> None:
        world = self.world
        since_ns = max(self.halted_ns, world.troubled_until_ns)
        resting = world.own_orders(OrderRole.ENTRY)
        if resting and world.scheduler.now_ns - since_ns > HALTED_S * _NS:
            self.break_rule("S7", f"{HALTED_S:.0f} s after a halt an entry still rests: {resting[0].client_id}")

    def resumed(self) -> None:
        """The operator lets entries go on."""
        self.is_halted = False

    # --- the line ---

    def left(self, request: SignedRequest) -> None:
        """A request leaves the machine."""
        self._judge(placed_id(request))

    def said(self, text: str) -> None:
        """An order leaves the machine as a frame."""
        self._judge(_id_in(text.replace("\\", "")))

    def _judge(self, text: str) -> None:
        number = self.world.decode(text) if text else None
        key = None if number is None else unpack(number)
        if key is None:
            return
        missing = [name for name in READS_FIRST[self.world.venue] if name not in self._read]
        if missing:
            self.break_rule("S11", f"order {text} leaves before {' and '.join(missing)} was read")
        if key.role is OrderRole.ENTRY:
            self._judge_entry(text)

    def _judge_entry(self, text: str) -> None:
        world = self.world
        if self.is_halted:
            self.break_rule("S7", f"entry {text} leaves although the halt has returned at {self.halted_ns / _NS:.3f} s")
        if world.disk.is_full:
            self.break_rule("S5", f"entry {text} leaves while its intent cannot be written down")
        age_ns = world.clock.monotonic_ns() - world.line.price_alive_ns
        if age_ns > world.settings.prices.stale_after_ms * 1_000_000 + _SLACK_NS:
            self.break_rule("S8", f"entry {text} leaves, and no price has been proven for {age_ns / _NS:.2f} s")

    def answered(self, request: SignedRequest, status: int, body: bytes) -> None:
        """The venue has answered a request, before anything happens to the answer."""
        if status in _TOO_MANY:
            is_new = self.world.scheduler.now_ns - self.born_ns < FORGIVEN_S * _NS
            if not self.allowed_refusals and not is_new:
                self.break_rule(
                    "S15", f"the venue refuses {request.operation} with {status}, and no fault asked for it"
                )
            self.allowed_refusals = max(0, self.allowed_refusals - 1)
        elif placed_id(request) and _RULE_WORDS[self.world.venue].search(body):
            self.break_rule("S13", f"the venue refuses an order for its rules: {body[:200].decode(errors='replace')}")

    def received(self, request: SignedRequest) -> None:
        """A good answer has reached the bot."""
        name = request.operation.rpartition("/")[2].rpartition(" ")[2]
        self._read.add(name)
        if name == PRICE_BY_REST[self.world.venue]:
            self.world.line.price_alive_ns = self.world.clock.monotonic_ns()

    # --- the engine ---

    def ordered(self, command: PlaceOrder) -> None:
        """An order of the bot's has reached the venue's book."""
        rules = self.world.kit.rules(self.world.symbol)
        price, quantity = command.price, command.quantity
        problem = ""
        if not is_multiple(quantity, rules.step) or quantity < rules.min_quantity:
            problem = f"quantity {quantity} (step {rules.step}, at least {rules.min_quantity})"
        elif price is not None and command.order_type is OrderType.LIMIT and not is_multiple(price, rules.tick):
            problem = f"price {price} (tick {rules.tick})"
        elif not (command.reduce_only and rules.reduce_only_exempt):
            notional = quantity * (price or self.world.engine.mark_price(self.world.symbol) or Decimal(0))
            problem = f"notional {notional} (at least {rules.min_notional})" if notional < rules.min_notional else ""
        if problem:
            self.break_rule("S13", f"order {command.client_id} came with {problem}")
