"""How one grid looks on a terminal: cycle, best bid and ask, the ladder of open lots with their exits.

Pure: core states in, a rich renderable out. Everything that came from outside is shown as plain text, never as markup.
"""

from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actors.grid.state import CloseOrder, ExitBook, GridContext, GridState, Mode, TrackedPosition
from exchanges.rounding import plain
from exchanges.values import ZERO

_NS = 1_000_000_000
_MODE_STYLE = {Mode.RUNNING: "green", Mode.PAUSED: "yellow", Mode.HALTED: "bold red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPicture:
    """The states of one grid at one moment (`now_ns` monotonic)."""

    context: GridContext
    state: GridState
    book: ExitBook
    now_ns: int


def money(value: Decimal) -> str:
    """Return an amount with sign and four decimals at most."""
    return f"{value.quantize(Decimal('0.0001')):+f}"


def seconds(duration_ns: int) -> str:
    """Return a duration for people: 0.4s, 12s, 3m05s, 2h10m."""
    whole_s = duration_ns // _NS
    if whole_s < 10:  # noqa: PLR2004 - tenths matter below ten seconds
        return f"{duration_ns / _NS:.1f}s"
    if whole_s < 60:  # noqa: PLR2004
        return f"{whole_s}s"
    if whole_s < 3600:  # noqa: PLR2004
        return f"{whole_s // 60}m{whole_s % 60:02d}s"
    return f"{whole_s // 3600}h{whole_s % 3600 // 60:02d}m"


def price(value: Decimal, tick: Decimal) -> str:
    """Return a price with the decimals of its market."""
    return f"{value.quantize(tick.normalize()):f}" if tick < 1 else plain(value)


def grid_panel(picture: GridPicture) -> RenderableType:
    """Return the panel of one grid."""
    context, state, book = picture.context, picture.state, picture.book
    title = Text(f" {context.name}  {context.symbol}@{context.exchange}  {context.settings.entry.direction} ")
    parts: list[RenderableType] = [_cycle_line(picture), _price_line(picture), _result_line(picture)]
    if book.lots:
        parts.append(_ladder(picture))
    return Panel(Group(*parts), title=title, title_align="left", border_style=_MODE_STYLE[state.mode])


def _cycle_line(picture: GridPicture) -> Text:
    state = picture.state
    line = Text()
    line.append(str(state.mode), _MODE_STYLE[state.mode])
    line.append(f"  {state.cycle_state}", "bold")
    if state.pending is not None:
        entry = state.pending
        tick = picture.context.rules.tick
        line.append(f"  entry {plain(entry.quantity)} @ {price(entry.price, tick)}")
        if entry.filled:
            line.append(f", filled {plain(entry.filled)}", "cyan")
        if entry.inquiry is not None:
            line.append(f", {entry.inquiry.why}", "yellow")
        line.append(f", {seconds(picture.now_ns - entry.placed_ns)} old", "dim")
    elif state.blocked_reason:
        line.append(f"  no entry: {state.blocked_reason}", "yellow")
    if state.latch is not None:
        line.append(f"  STOP {state.latch.kind}: {state.latch.text}", "bold red")
    return line


def _price_line(picture: GridPicture) -> Text:
    quote = picture.state.quote
    if quote is None:
        return Text("no price yet", "yellow")
    is_fresh = quote.is_fresh(picture.now_ns, picture.context.settings.stale_after_ms)
    tick = picture.context.rules.tick
    line = Text(f"bid {price(quote.bid, tick)}  ask {price(quote.ask, tick)}  ")
    line.append(f"alive {seconds(max(0, picture.now_ns - quote.alive_ns))} ago", "dim" if is_fresh else "bold red")
    return line


def _result_line(picture: GridPicture) -> Text:
    book = picture.book
    counters = book.counters
    line = Text("P&L after fees ")
    net = counters.realized_pnl
    line.append(money(net), "green" if net >= ZERO else "red")
    if picture.state.quote is not None and book.lots:
        open_result = unrealized(book, picture.state.quote.mid, picture.context.sign)
        line.append(f"  open lots {money(open_result)}", "green" if open_result >= ZERO else "red")
    line.append(f"  fees {plain(counters.fees.quantize(Decimal('0.0001')))}", "dim")
    line.append(f"  lots {len(book.lots)} open, {counters.lots_closed} closed")
    since_ns = book.naked_since_ns
    if since_ns is None:
        line.append("  every unit has its exit", "green")
    else:
        naked = sum((piece.quantity for lot in book.lots for piece in lot.naked), ZERO)
        line.append(f"  NAKED {plain(naked)} for {seconds(picture.now_ns - since_ns)}", "bold red")
    if book.dust_quantity:
        line.append(f"  dust {plain(book.dust_quantity)}", "dim")
    return line


def unrealized(book: ExitBook, mid: Decimal, sign: int) -> Decimal:
    """Return what the open lots would gain before fees if they were closed at `mid`; `sign` is the grid's."""
    return sum((sign * lot.remaining * (mid - lot.average_entry) for lot in book.lots), ZERO)


def _ladder(picture: GridPicture) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim", expand=False)
    for heading in ("lot", "quantity", "entry", "exit", "exit quantity", "state", "age"):
        table.add_column(heading, justify="left" if heading in ("state", "lot") else "right", no_wrap=True)
    tick = picture.context.rules.tick
    for lot in picture.book.lots:
        orders = [order for order in picture.book.orders if any(part.lot == lot.lot for part in order.parts)]
        table.add_row(
            Text(str(lot.lot)),
            Text(plain(lot.remaining)),
            Text(price(lot.average_entry, tick)),
            Text(", ".join(price(order.price, tick) for order in orders) or "-"),
            Text(", ".join(plain(order.leaves) for order in orders) or "-"),
            _lot_state(lot, orders),
            Text(seconds(max(0, picture.now_ns - lot.opened_ns)), "dim"),
        )
    return table


def _lot_state(lot: TrackedPosition, orders: list[CloseOrder]) -> Text:
    if lot.blocked:
        return Text(lot.blocked, "yellow")
    if not orders:
        return Text("dust" if lot.dust else "no exit", "dim" if lot.dust else "bold red")
    if any(order.inquiry is not None for order in orders):
        return Text("asking the venue", "yellow")
    if all(order.is_working for order in orders):
        return Text("resting", "green")
    return Text("on its way", "cyan")
