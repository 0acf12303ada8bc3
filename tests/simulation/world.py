"""One simulated world: a venue, a bot, a wire between them, and what goes wrong, for one seed."""

import gc
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from actors.config import load_settings
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from exchanges import VENUES
from exchanges.lighter.settings import LighterCredentials
from exchanges.lighter.venue import LighterVenue
from exchanges.order_ids import OrderRole, unpack
from exchanges.rounding import ceil_to
from exchanges.secrets import Secret
from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.engine_types import OrderView, TradeView
from exchanges.simulated.oracle import Oracle
from exchanges.simulated.settings import PaperSettings
from exchanges.values import Side
from tests.simulation.bots import BotProcess
from tests.simulation.clocks import START_WALL_NS, HostClock
from tests.simulation.drawing import stream
from tests.simulation.faults import Fault
from tests.simulation.harm import Harm
from tests.simulation.invariants import GRID, Invariants, Violation
from tests.simulation.lines import Line, VenueHost
from tests.simulation.markets import SparsePrices
from tests.simulation.scheduler import Scheduler
from tests.simulation.stand_ins import Disk, StandInSigner, stand_ins
from tests.simulation.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

REST_URL: Final = "http://127.0.0.1:1"
WS_URL: Final = "ws://127.0.0.1:1"
_NS: Final = 1_000_000_000
_NEVER_NS: Final = 10**18


def settings_for(venue: str, seed: int) -> BotSettings:
    """Return a grid's settings as the seed draws them, through the bot's own configuration."""
    rng = stream(seed, "settings")
    symbol = face_kit(venue).symbol("BTC")
    text = f"""
[desk]
name = sim
mode = paper
state_dir = state
bot_tag = {rng.randrange(64)}
on_start_foreign = ignore

[exchange.{venue}]

[prices]
stale_after_ms = {rng.choice((3000, 6000, 6000, 15000))}

[grid.{GRID}]
exchange = {venue}
symbol = {symbol}
direction = {rng.choice(("buy", "sell"))}
order_notional_usd = {rng.choice((300, 700, 1500))}
target_leverage = 5
take_profit_pct = {rng.choice(("0.06", "0.1", "0.2"))}
grid_step_pct = {rng.choice(("0", "0.03", "0.08"))}
max_orders = {rng.choice((2, 4, 8))}
wait_time_s = {rng.choice((0, 1, 5))}
post_only_ticks = {rng.choice((1, 2, 5))}
entry_requote_after_s = {rng.choice((0, 3, 10))}
partial_tp = {rng.choice(("immediate", "immediate", "on_done"))}
tp_coalesce_ms = {rng.choice((0, 0, 200))}
min_edge_bps = 0
fallback = {rng.choice(("ioc", "wait"))}

[risk]
max_margin_usd = 20000
stop_loss = no
"""
    return load_settings(text, environ={})


class World:
    """One venue with its line and one bot on it. A context manager: the stand-ins are in place inside only."""

    def __init__(self, seed: int, venue: str, folder: Path, faults: tuple[Fault, ...] = ()) -> None:
        self.seed = seed
        self.venue = venue
        self.faults = faults
        self.scheduler = Scheduler(seed)
        self.trace = Trace(self.scheduler)
        self.settings = settings_for(venue, seed)
        self.symbol = self.settings.grids[0].symbol
        self.sign = 1 if self.settings.grids[0].entry.direction.value == "buy" else -1
        self.clock = HostClock(self.scheduler)
        self.disk = Disk()
        self.external_quantity = Decimal(0)
        """How much of the position is known not to be the bot's to cover (signed like the position)."""
        self.external_notional = Decimal(0)
        self.troubled_until_ns = 0
        self.may_stand = False
        """Something happened after which the bot may stand and wait for a person."""
        self.credential_ended_ns = 0
        """When the credential of the private stream was last taken away (the machine's monotonic clock)."""
        self.fired: Counter[str] = Counter()
        self._build_venue()
        self.bot = BotProcess(
            scheduler=self.scheduler,
            settings=self.settings,
            new_accesses=self._accesses,
            lines={venue: self.line},
            clock=self.clock,
            folder=folder,
            seed=seed,
            on_boot=self._life_begins,
        )
        self.invariants = Invariants(self)
        self.line.on_left = self.invariants.wire.left
        self.line.on_said = self.invariants.wire.said
        self.line.on_answered = self.invariants.wire.answered
        self.line.on_received = self.invariants.wire.received
        self.engine.watch(self.invariants)
        self.harm = Harm(self)
        self._stack = ExitStack()

    def _life_begins(self) -> None:
        self.line.price_alive_ns = 0
        self.invariants.wire.begin_life()

    def _build_venue(self) -> None:
        kit = face_kit(self.venue)
        self.kit = kit
        self.decode = kit.decode
        rng = stream(self.seed, "venue")
        rules = kit.rules(self.symbol)
        self.prices = SparsePrices([(rules, Decimal(60_000))], self.seed)
        paper = PaperSettings(
            start_equity_usd=Decimal(1_000_000),
            seed=self.seed,
            ack_latency_ms=rng.choice((0, 5, 80)),
            fill_latency_ms=rng.choice((0, 5, 80)),
            cancel_latency_ms=rng.choice((0, 5, 80)),
            partial_fill_pct=Decimal(rng.choice((0, 30, 70))),
            maker_fee_bps=Decimal(1),
            lighter_signature_check_pct=Decimal(100),
        )
        made = dict(kit.make_credentials(stream(self.seed, "keys")))
        self.credentials: Mapping[str, str | int] = MappingProxyType(made)
        simulated = assemble(kit, paper, (self.symbol,), self.prices, self.credentials, now_ns=START_WALL_NS)
        self.host = VenueHost(simulated, self.scheduler)
        self.engine = simulated.engine
        # The venue's own oracle, but for coverage: that is judged here, with what was in the way taken into account.
        self.oracle = Oracle(self.engine, kit.decode, cover_ns=_NEVER_NS)
        self.line = Line(self.venue, self.host, self.trace, stream(self.seed, "line"), self.clock)

    def _accesses(self) -> dict[str, VenueAccess]:
        package = VENUES[self.venue]()
        given = {name: str(value) for name, value in self.credentials.items()}
        settings = self.settings.exchanges[self.venue]
        if self.venue == "lighter":
            return {self.venue: VenueAccess(venue=self._lighter(settings))}
        return {self.venue: VenueAccess(venue=package.with_credentials(settings, given, REST_URL, WS_URL))}

    def _lighter(self, settings: Any) -> Any:
        given = self.credentials
        account, slot, chain = int(given["account_index"]), int(given["api_key_index"]), int(given["chain_id"])
        credentials = LighterCredentials(
            account_index=account,
            api_key_index=slot,
            private_key=Secret(str(given["private_key"])),
            chain_id=chain,
        )
        signer = StandInSigner(account, slot, chain, self.clock)
        return LighterVenue(settings, credentials, rest_url=REST_URL, ws_url=WS_URL, signer=signer)

    # --- life ---

    def __enter__(self) -> Self:
        self._stack.enter_context(stand_ins(self.disk))
        gc.freeze()
        for fault in self.faults:
            self.scheduler.at(int(fault.at_s * _NS), lambda fault=fault: self.harm.inflict(fault))
        self.host.start()
        self.bot.boot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bot.kill()
        self._stack.close()
        gc.unfreeze()

    def run(self, seconds: float) -> None:
        """Let the world go on for so long, or until a rule is broken."""
        until_ns = self.scheduler.now_ns + int(seconds * _NS)
        self.scheduler.run_until(until_ns, self.invariants.after_turn, done=lambda: bool(self.invariants.found))

    def settle(self, *, min_s: float = 0.0) -> None:
        """Heal everything, give the bot the time it is allowed, let the market rest, and judge."""
        self.run(min_s)
        self.harm.heal()
        self.run(self.harm.settle_s())
        self.prices.freeze()
        self.run(max(3 * self.audit_s, 20.0))
        if not self.invariants.found:
            self.invariants.judge_quiet()

    @property
    def violations(self) -> list[Violation]:
        """What was broken, in order."""
        return self.invariants.found

    # --- what the venue knows ---

    @property
    def audit_s(self) -> float:
        """How often the bot compares with the venue."""
        return max(float(VENUES[self.venue]().capabilities.audit_every_s), 5.0)

    @property
    def fence_s(self) -> float:
        """After so long a request that was sent can no longer be accepted."""
        return float(VENUES[self.venue]().capabilities.fence_s)

    def fence_s_for_unknown(self) -> float:
        """How long the fate of an order may stay unknown (RELIABILITY.md L2): Lighter proves by nonce, as long as the
        process that signed it lives. Backpack answers few questions to its history a minute: of several lost orders the
        last is proven when there is budget again.
        """
        return {"lighter": 40.0, "backpack": self.fence_s + 60}.get(self.venue, self.fence_s)

    @property
    def account(self) -> str:
        """The bot's account at the venue."""
        return self.host.venue.face.account

    def position(self) -> Decimal:
        """The position at the venue."""
        return self.engine.position(self.account, self.symbol).quantity

    def open_orders(self) -> tuple[OrderView, ...]:
        """All orders resting at the venue."""
        return self.engine.open_orders(self.account, self.symbol)

    def own_orders(self, role: OrderRole) -> list[OrderView]:
        """The bot's resting orders of a role."""
        found = []
        for order in self.open_orders():
            number = self.decode(order.client_id)
            key = None if number is None else unpack(number)
            if key is not None and key.role is role:
                found.append(order)
        return found

    def all_trades(self) -> list[TradeView]:
        """Every trade of the account."""
        trades: list[TradeView] = []
        while True:
            start = trades[-1].trade_id + 1 if trades else 0
            page = self.engine.trades(self.account, self.symbol, from_id=start, limit=1000)
            trades += page
            if len(page) < 1000:
                return trades

    def least_exit(self) -> Decimal:
        """The smallest quantity that the venue takes as an exit."""
        rules = self.kit.rules(self.symbol)
        mark = self.engine.mark_price(self.symbol)
        if rules.reduce_only_exempt or not mark:
            return rules.min_quantity
        return max(rules.min_quantity, ceil_to(rules.min_notional / mark, rules.step))

    def exit_side(self) -> Side:
        """The side that closes."""
        return Side.SELL if self.sign > 0 else Side.BUY

    def picture(self) -> str:
        """What bot and venue look like now, for the reader of a violation."""
        handle = self.bot.handle
        if handle is None:
            return f"no bot ({self.bot.refused or 'starting or down'})"
        status = handle.status()
        grid = status.grids[0]
        parts = [
            f"bot {status.state.value} {status.halted_why}".strip(),
            *(f"{c.exchange} {c.phase.value} {c.why}".strip() for c in status.connections),
        ]
        if grid.state is not None:
            pending = grid.state.pending
            parts.append(f"entry {pending and pending.client_order_id} blocked={grid.state.blocked_reason!r}")
        if grid.book is not None:
            parts.append(f"mismatch={grid.book.mismatch} external={grid.book.external}")
            parts += [f"lot {lot.lot} remaining {lot.remaining} {lot.blocked}".strip() for lot in grid.book.lots]
            parts += [
                f"exit {order.client_order_id} leaves {order.leaves} working={order.is_working}"
                for order in grid.book.orders
            ]
        orders = [f"{o.client_id} {o.side.value} {o.remaining}@{o.price}" for o in self.open_orders()]
        return "; ".join([*parts, f"venue: position {self.position()} orders {orders}"])
