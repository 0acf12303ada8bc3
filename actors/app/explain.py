"""The text of `--explain`: what a grid would do from here if the price kept going against it. Sends nothing."""

from decimal import ROUND_HALF_EVEN, Decimal

from actors.config.ladder import ASSUMED_MAINTENANCE, Ladder, Rung, build_ladder, context_of, is_usable
from actors.config.startup import Market, limits_of, startup_problems
from actors.grid.pricing import HUNDRED
from actors.grid.settings import GridSettings
from actors.grid.state import GridContext
from actors.settings import BotSettings
from exchanges.rounding import plain
from exchanges.values import Side

_BPS = Decimal(10000)
_CENT = Decimal("0.01")
_HEADS = ("lot", "market at", "entry", "quantity", "notional", "exit", "wait s", "fees", "net", "position", "margin")


def ladder_of(settings: BotSettings, grid: GridSettings, market: Market) -> Ladder | None:
    """Return the ladder of a grid as data, None where the market has no usable price."""
    if not is_usable(market.bid, market.ask):
        return None
    return build_ladder(_context(grid, market), market.bid, market.ask, limits_of(settings, market.equity_usd))


def explain(settings: BotSettings, grid: GridSettings, market: Market) -> str:
    """Return the ladder of a grid for people, with everything `startup_problems` has to say below it."""
    context = _context(grid, market)
    parts = [_head(context, market)]
    ladder = ladder_of(settings, grid, market)
    if ladder is not None and ladder.rungs:
        parts += [_table(ladder.rungs, market), *_ends(context, ladder, market)]
    else:
        parts.append("No entry is possible.")
    found = startup_problems(settings, grid, market)
    parts += [f"Problem: {text}" for text in found.problems]
    parts += [f"Warning: {text}" for text in found.warnings]
    return "\n".join(parts) + "\n"


def _context(grid: GridSettings, market: Market) -> GridContext:
    leverage = market.applied_leverage or grid.entry.target_leverage
    return context_of(grid, market.rules, market.fees, leverage)


def _head(context: GridContext, market: Market) -> str:
    fees = market.fees
    path = "falls" if context.entry_side is Side.BUY else "rises"
    return (
        f"[grid.{context.name}] {context.symbol} on {context.exchange}, {context.entry_side} grid, leverage "
        f"{context.applied_leverage}; bid {market.bid}, ask {market.ask}; fees maker {plain(fees.maker * _BPS)} bps, "
        f"taker {plain(fees.taker * _BPS)} bps\n"
        f"If the price only {path} from here, every entry fills and no exit does:"
    )


def _table(rungs: tuple[Rung, ...], market: Market) -> str:
    step = market.rules.step
    rows = [_HEADS, *(_row(rung, step) for rung in rungs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows)


def _row(rung: Rung, step: Decimal) -> tuple[str, ...]:
    return (
        str(rung.number),
        plain(rung.far_touch),
        plain(rung.entry),
        str(rung.quantity.quantize(step)) if step < 1 else plain(rung.quantity),
        _money(rung.notional),
        plain(rung.exit),
        plain(rung.cooldown_s) if rung.number > 1 else "-",
        _fine(rung.fees),
        _fine(rung.net),
        plain(rung.position),
        _money(rung.margin),
    )


def _ends(context: GridContext, ladder: Ladder, market: Market) -> list[str]:
    last = ladder.rungs[-1]
    mid = (market.bid + market.ask) / 2
    full = (
        f"Full after lot {last.number} at {plain(last.entry)} ({_away(last.entry, mid)}), because of "
        f"{ladder.full_because}; average entry {_money(ladder.average_entry)}, margin {_money(last.margin)} USD."
    )
    lines = [full]
    stop = context.settings.risk.stop_price
    if stop is None:
        lines.append("No stop_price.")
    else:
        loss = (ladder.average_entry - stop) * context.sign * last.position
        lines.append(
            f"stop_price {plain(stop)} is {_away(stop, mid)} away; reached with all lots open it costs about "
            f"{_money(loss)} USD before fees."
        )
    lines.append(_stop_loss(ladder, mid))
    lines.append(_liquidation(ladder, market, mid))
    return lines


def _stop_loss(ladder: Ladder, mid: Decimal) -> str:
    if ladder.stop_loss_price is None:
        return "Stop loss is off."
    early = (
        f" On this path it fires before lot {ladder.stop_loss_at_lot}: the lots from there on are never opened."
        if ladder.stop_loss_at_lot is not None
        else ""
    )
    price = ladder.stop_loss_price
    return f"Stop loss with all lots open: {_money(price)} ({_away(price, mid)}).{early}"


def _liquidation(ladder: Ladder, market: Market, mid: Decimal) -> str:
    basis = (
        f"equity {_money(market.equity_usd)} USD" if market.equity_usd is not None else "no more equity than the margin"
    )
    assumed = f"assuming {basis} and {plain(ASSUMED_MAINTENANCE * HUNDRED)} % maintenance margin"
    if ladder.liquidation_price is None:
        return f"Liquidation with all lots open: none, {assumed}."
    price = ladder.liquidation_price
    return f"Liquidation with all lots open: about {_money(price)} ({_away(price, mid)}), {assumed}."


def _away(price: Decimal, mid: Decimal) -> str:
    percent = (price / mid - 1) * HUNDRED
    return f"{percent.quantize(_CENT, ROUND_HALF_EVEN):+} %"


def _money(value: Decimal) -> str:
    return str(value.quantize(_CENT, ROUND_HALF_EVEN)) if abs(value) >= 1 else _fine(value)


def _fine(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))
