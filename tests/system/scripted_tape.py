"""A market written by a test as a tape: a wave that fills entries on its way down and exits on its way up."""

import gzip
import math
import random
from decimal import Decimal
from pathlib import Path

HEADER = "ts_ns,kind,bid,bid_qty,ask,ask_qty,price,qty,buyer_is_maker"
RULES = ("paper.prices=tape", "paper.speed=1")
_ROWS_PER_S = 20
_TICK = Decimal("0.1")


def wave(
    path: Path,
    *,
    seconds: float,
    quiet_s: float = 0,
    middle: int = 60000,
    height_pct: float = 0.3,
    period_s: float = 1.6,
    seed: int = 1,
) -> tuple[str, ...]:
    """Write a tape of a wave around a slowly wandering middle, at the end `quiet_s` in which nothing can fill; return
    the settings that play it.
    """
    source = random.Random(seed)
    drift, rows, bid = 0.0, [HEADER], Decimal(middle)
    moving = int(seconds * _ROWS_PER_S)
    for number in range(moving):
        drift += source.gauss(0, 0.00006)
        swing = math.sin(2 * math.pi * number / _ROWS_PER_S / period_s) * height_pct / 200
        bid = Decimal(round(middle * (1 + swing + drift) * 10)) / 10
        rows += _rows(number, bid)
    for number in range(moving, moving + int(quiet_s * _ROWS_PER_S)):
        rows += _rows(number, bid)[1:]
    return _write(path, rows)


def steps(path: Path, prices: list[tuple[float, str]]) -> tuple[str, ...]:
    """Write a tape whose bid is as stated from each second on; it ends with the last. Return the settings."""
    rows = [HEADER]
    ends = [at_s for at_s, _ in prices[1:]]
    for (at_s, bid), until_s in zip(prices, ends, strict=False):
        for number in range(int(at_s * _ROWS_PER_S), int(until_s * _ROWS_PER_S)):
            rows += _rows(number, Decimal(bid))
    return _write(path, rows)


def _rows(number: int, bid: Decimal) -> list[str]:
    at_ns = 1_700_000_000_000_000_000 + number * 1_000_000_000 // _ROWS_PER_S
    ask = bid + _TICK
    maker, price = (1, bid) if number % 2 else (0, ask)
    return [f"{at_ns},T,,,,,{price:.1f},0.501,{maker}", f"{at_ns},Q,{bid:.1f},3.001,{ask:.1f},3.001,,,"]


def _write(path: Path, rows: list[str]) -> tuple[str, ...]:
    path.write_bytes(gzip.compress("\n".join([*rows, ""]).encode()))
    return (*RULES, f"paper.tape={path}")
