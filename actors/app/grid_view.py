"""How one grid looks on a terminal: cycle, best bid and ask, the ladder of open lots with their exits.

Pure: core states in, a rich renderable out. Everything that came from outside is shown as plain text, never as markup.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actors.grid.state import CloseOrder, ExitBook, GridContext, GridState, Mode, TrackedPosition
from exchanges.redaction import visible
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


class Form(StrEnum):
    """How much of a grid is shown, the fullest first: with the ladder of its lots, without it, or without a frame."""

    LADDER = "ladder"
    FRAME = "frame"
    LINES = "lines"


_FRAME_ROWS = 2
_LINES = 3


def panel_height(lots: int, form: Form) -> int:
    """Return how many rows a grid with so many open lots takes."""
    if form is Form.LINES:
        return _LINES
    return _LINES + _FRAME_ROWS + (lots + 1 if lots and form is Form.LADDER else 0)


def grid_panel(picture: GridPicture, form: Form = Form.LADDER) -> RenderableType:
    """Return the picture of one grid; no line of it is wrapped."""
    context, state = picture.context, picture.state
    title = Text(f" {context.name}  {context.symbol}@{context.exchange}  {context.settings.entry.direction} ")
    cycle, price_, result = _cycle_line(picture), _price_line(picture), _result_line(picture)
    if form is Form.LINES:
        cycle = Text.assemble((f"{context.name}@{context.exchange} ", "bold"), cycle)
    parts: list[RenderableType] = [_unwrapped(line) for line in (cycle, price_, result)]
    if form is Form.LINES:
        return Group(*parts)
    if picture.book.lots and form is Form.LADDER:
        parts.append(_ladder(picture))
    return Panel(Group(*parts), title=title, title_align="left", border_style=_MODE_STYLE[state.mode])


def _unwrapped(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


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
            line.append(f", {visible(entry.inquiry.why)}", "yellow")
        line.append(f", {seconds(picture.now_ns - entry.placed_ns)} old", "dim")
    elif state.blocked_reason:
        line.append(f"  no entry: {visible(state.blocked_reason)}", "yellow")
    if state.latch is not None:
        line.append(f"  STOP {state.latch.kind}: {visible(state.latch.text)}", "bold red")
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
    """Whether all is covered, then the money: the end of the line is what a narrow terminal cuts off."""
    book = picture.book
    counters = book.counters
    line = _cover(picture)
    net = counters.realized_pnl
    line.append("  net ")
    line.append(money(net), "green" if net >= ZERO else "red")
    if picture.state.quote is not None and book.lots:
        open_result = unrealized(book, picture.state.quote.mid, picture.context.sign)
        line.append("  open lots ")
        line.append(money(open_result), "green" if open_result >= ZERO else "red")
    line.append(f"  {len(book.lots)} open, {counters.lots_closed} closed")
    line.append(f"  fees {plain(counters.fees.quantize(Decimal('0.0001')))}", "dim")
    if book.dust_quantity:
        line.append(f"  dust {plain(book.dust_quantity)}", "dim")
    return line


def _cover(picture: GridPicture) -> Text:
    book = picture.book
    if book.naked_since_ns is None:
        return Text.assemble(("every unit has its exit", "green"))
    naked = sum((piece.quantity for lot in book.lots for piece in lot.naked), ZERO)
    return Text.assemble((f"NAKED {plain(naked)} for {seconds(picture.now_ns - book.naked_since_ns)}", "bold red"))


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
            Text(", ".join(dict.fromkeys(price(order.price, tick) for order in orders)) or "-"),
            Text(_exit_quantity(orders)),
            _lot_state(lot, orders),
            Text(seconds(max(0, picture.now_ns - lot.opened_ns)), "dim"),
        )
    return table


def _exit_quantity(orders: list[CloseOrder]) -> str:
    if not orders:
        return "-"
    pieces = f" in {len(orders)}" if len(orders) > 1 else ""
    return plain(sum((order.leaves for order in orders), ZERO)) + pieces


def _lot_state(lot: TrackedPosition, orders: list[CloseOrder]) -> Text:
    if lot.blocked:
        return Text(visible(lot.blocked), "yellow")
    if not orders:
        return Text("dust" if lot.dust else "no exit", "dim" if lot.dust else "bold red")
    if any(order.inquiry is not None for order in orders):
        return Text("asking the venue", "yellow")
    if all(order.is_working for order in orders):
        return Text("resting", "green")
    return Text("on its way", "cyan")
