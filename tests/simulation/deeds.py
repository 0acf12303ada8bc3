"""What the market, the venue, a person and the operator do to a world, see `harm`."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges.order_ids import OrderRole
from exchanges.simulated.engine_types import (
    AmendOrder,
    CancelOrder,
    OrderType,
    PlaceOrder,
    SetLeverage,
    TimeInForce,
)
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from actors.host import BotHandle
    from tests.simulation.world import World

_NS: Final = 1_000_000_000
_BANNED_REQUESTS: Final = 12
_BUSY_S: Final = 4.0


class Deeds:
    """Each act takes a fault and returns for how many seconds it may trouble the bot; None if it could not happen."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.acts: dict[str, Callable[[Fault], float | None]] = {
            "jump": self._jump,
            "cancel_ours": self._cancel_ours,
            "manual_reduce": self._manual_reduce,
            "halt": self._halt,
            "flatten": self._flatten,
            "stop": self._stop,
            "ban": self._ban,
            "no_margin": self._no_margin,
            "leverage": self._leverage,
            "closed_market": self._closed_market,
            "fee_tier": self._fee_tier,
            "move_exit": self._move_exit,
        }

    def heal(self) -> None:
        """Open the market and let entries go on."""
        self._set_rules(is_trading=True)
        self._resume()

    # --- the market and the account ---

    def _jump(self, fault: Fault) -> float | None:
        world = self._world
        fraction = Decimal(str(fault.amount)) * (1 if fault.where == "up" else -1)
        world.prices.jump(world.symbol, fraction)
        world.host.step()
        return 10.0

    def _cancel_ours(self, fault: Fault) -> float | None:
        world = self._world
        orders = world.own_orders(OrderRole.EXIT if fault.where == "exit" else OrderRole.ENTRY)
        if not orders:
            return None
        world.engine.submit(
            world.account, CancelOrder(symbol=world.symbol, order_id=orders[0].order_id), world.host.wall_ns()
        )
        world.host.step()
        return world.audit_s + 10

    def _manual_reduce(self, fault: Fault) -> float | None:
        """A person closes a part of the position by hand."""
        world = self._world
        position = abs(world.position())
        rules = world.kit.rules(world.symbol)
        quantity = position * Decimal(str(fault.amount)) // rules.step * rules.step
        if quantity < world.least_exit():
            return None
        order = PlaceOrder(
            symbol=world.symbol,
            side=world.exit_side(),
            order_type=OrderType.MARKET,
            quantity=quantity,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
            client_id="",
        )
        world.engine.submit(world.account, order, world.host.wall_ns())
        world.host.step()
        world.may_stand = True
        return 4 * world.audit_s + 20

    # --- the operator ---

    def _command(self, command: Callable[["BotHandle"], None]) -> bool:
        """Let the operator command the bot, on a thread of its own: commands may wait. Whether there is a bot."""
        bot = self._world.bot
        handle = bot.handle
        if handle is None or not bot.is_alive:  # killed, ended, or not there yet
            return False
        bot.call(lambda: command(handle), "operator")
        return True

    def _halt(self, fault: Fault) -> float | None:
        """The operator halts; `busy`: while orders wait in lanes that do not come to send them."""
        world = self._world
        if not world.bot.is_alive or world.bot.handle is None:
            return None
        if fault.where != "busy":
            self._halt_now()
            world.scheduler.after(int(fault.amount * _NS), self._resume)
            return 0.0
        world.bot.freeze("lane", _BUSY_S)
        world.scheduler.after(int(_BUSY_S / 2 * _NS), self._halt_now)
        world.scheduler.after(int((fault.amount + _BUSY_S) * _NS), self._resume)
        return _BUSY_S + 30 + world.fence_s_for_unknown()

    def _halt_now(self) -> None:
        def halt(handle: "BotHandle") -> None:
            handle.halt()
            self._world.invariants.wire.halted()

        self._command(halt)

    def _flatten(self, fault: Fault) -> float | None:
        if not self._command(lambda handle: handle.flatten()):
            return None
        self._world.scheduler.after(int(fault.amount * _NS), self._resume)
        # the exits are canceled and settled before what is left is closed
        return fault.amount + 30

    def _resume(self) -> None:
        self._world.invariants.wire.resumed()
        self._command(lambda handle: handle.resume())

    def _stop(self, fault: Fault) -> float | None:
        """The host asks the bot to stop, kills it where that takes too long, and starts it again."""
        if not self._command(lambda handle: handle.stop() and None):
            return None
        self._world.scheduler.after(int(fault.amount * _NS), self._after_stop)
        return fault.amount + 60 + self._world.fence_s_for_unknown()

    def _after_stop(self) -> None:
        world = self._world
        handle, resting = world.bot.handle, world.own_orders(OrderRole.ENTRY)
        if world.bot.is_alive:
            world.bot.kill()
        else:
            if resting and handle is not None and not handle.status().unproven:
                world.invariants.break_rule("S7", f"a bot that has stopped left an entry: {resting[0].client_id}")
            world.bot.bury()
        world.bot.boot()

    # --- the venue's and a person's doing ---

    def _ban(self, fault: Fault) -> float | None:
        """The address is banned: every request is answered 418 for a while."""
        world = self._world
        face: Any = world.host.venue.face
        until_ms = (world.host.wall_ns() + int(fault.amount * _NS)) // 1_000_000
        for address in face.limits._addresses.values():
            address.banned_until_ms = until_ms
        # what is on its way already, and one request of each lane and of each life
        world.invariants.wire.allowed_refusals += _BANNED_REQUESTS
        return fault.amount + 60 + world.fence_s_for_unknown() + 2 * world.audit_s

    def _no_margin(self, fault: Fault) -> float | None:
        """What the account has free is gone for a while; then the operator lets entries go on."""
        floor = self._world.engine._floor
        account = floor.accounts[self._world.account]
        free = floor.available(account)
        if free <= 0:
            return None
        account.wallet -= free

        def give_back() -> None:
            account.wallet += free
            self._resume()

        self._world.scheduler.after(int(fault.amount * _NS), give_back)
        return 0.0

    def _leverage(self, fault: Fault) -> float | None:
        world = self._world
        command = SetLeverage(symbol=world.symbol, leverage=int(fault.amount))
        world.engine.submit(world.account, command, world.host.wall_ns())
        world.host.step()
        return 0.0

    def _closed_market(self, fault: Fault) -> float | None:
        """The market takes no opening orders for a while."""
        self._set_rules(is_trading=False)
        self._world.scheduler.after(int(fault.amount * _NS), self._open_market)
        # a bot that starts meanwhile says so and ends
        return fault.amount + 60 + self._world.fence_s_for_unknown() + 2 * self._world.audit_s

    def _open_market(self) -> None:
        bot = self._world.bot
        self._set_rules(is_trading=True)
        if bot.handle is not None and bot.handle.has_ended:
            bot.bury()
            bot.boot()

    def _set_rules(self, *, is_trading: bool) -> None:
        book = self._world.engine._floor.books[self._world.symbol]
        book.spec = replace(book.spec, rules=replace(book.spec.rules, is_trading=is_trading))

    def _fee_tier(self, fault: Fault) -> float | None:
        """The account pays other fees from now on: a rebate at the low end.

        Aster pays none: there a negative commission in an answer is a cost as well (venues/aster.md, section 9).
        """
        book = self._world.engine._floor.books[self._world.symbol]
        maker = (Decimal(str(round(fault.amount, 2))) - 1) / 10_000  # Lighter counts in hundredths of a basis point
        if self._world.venue == "aster":
            maker = abs(maker)
        book.spec = replace(book.spec, fees=replace(book.spec.fees, maker=maker))
        return 0.0

    def _move_exit(self, fault: Fault) -> float | None:
        """A person moves an exit of ours by some ticks, away from the market."""
        world = self._world
        orders = world.own_orders(OrderRole.EXIT)
        if not orders:
            return None
        order = orders[0]
        tick = world.kit.rules(world.symbol).tick
        command = AmendOrder(
            symbol=world.symbol,
            price=order.price + tick * int(fault.amount) * world.sign,
            quantity=order.quantity,
            order_id=order.order_id,
        )
        world.engine.submit(world.account, command, world.host.wall_ns())
        world.host.step()
        return world.audit_s + 10
