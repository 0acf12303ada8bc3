"""The first live start shows its limits and wants a yes: real money does not move because of a typing error."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from actors.append_file import private_folder
from actors.config import format_effective
from actors.settings import BotSettings
from exchanges.errors import BotError
from exchanges.rounding import plain

_FILE = "confirmed"


class NotConfirmed(BotError):
    """The limits of a live start were not confirmed; nothing was sent."""


def limits_text(settings: BotSettings) -> str:
    """Return the limits of a live start for people."""
    risk = settings.risk
    lines = [f"LIVE trading as {settings.desk.name}, at most {plain(risk.max_margin_usd)} USD margin in all:"]
    for grid in settings.grids:
        entry, stop = grid.entry, grid.risk.stop_price
        most = plain(entry.order_notional_usd * entry.max_orders)
        lines.append(
            f"  {grid.name}: {entry.direction} {grid.symbol} on {grid.exchange}, {entry.max_orders} x "
            f"{plain(entry.order_notional_usd)} USD (up to {most} USD position) at {entry.target_leverage}x, "
            f"stop price {'none' if stop is None else plain(stop)}"
        )
    limit = risk.daily_loss_limit_usd
    lines.append(f"  daily loss limit: {'none' if limit is None else plain(limit) + ' USD'}")
    lines.append("  no venue tells what a key may do: use one that cannot withdraw, for this bot only")
    return "\n".join(lines)


def confirm_live(settings: BotSettings, *, yes: bool, ask: Callable[[str], str] | None = None) -> None:
    """Return once these settings have been confirmed for this state folder; ask on a terminal the first time.

    Args:
        settings: What is about to trade. Changed settings want a new confirmation.
        yes: Confirmed on the command line.
        ask: Asks one question and returns the answer; the terminal where None.

    Raises:
        NotConfirmed: the answer was not yes, or there is no terminal to ask on.
    """
    record = private_folder(Path(settings.desk.state_dir)) / _FILE
    digest = hashlib.sha256(format_effective(settings).encode()).hexdigest()
    if record.exists() and record.read_text().strip() == digest:
        return
    sys.stderr.write(limits_text(settings) + "\n")
    if not yes and not _answered_yes(ask):
        raise NotConfirmed("not confirmed, nothing was sent; answer yes, or start with --yes")
    record.write_text(digest + "\n")
    record.chmod(0o600)


def _answered_yes(ask: Callable[[str], str] | None) -> bool:
    if ask is None:
        if not sys.stdin.isatty():
            return False
        ask = input
    return ask("Trade with these limits? Type yes: ").strip().lower() == "yes"
