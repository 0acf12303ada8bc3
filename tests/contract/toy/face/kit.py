"""The toy venue as the assembly of simulated venues knows it."""

from decimal import Decimal

from exchanges.simulated.faces.kit import FaceKit
from exchanges.values import MarketRules
from tests.contract.toy.face.face import ToyFace


def rules(symbol: str) -> MarketRules:
    return MarketRules(
        symbol=symbol,
        tick=Decimal("0.5"),
        step=Decimal("0.0001"),
        min_quantity=Decimal("0.0002"),
        max_quantity=Decimal(1000),
        market_max_quantity=Decimal(1000),
        min_notional=Decimal(20),
        reduce_only_exempt=False,
        min_price=Decimal("0.5"),
        max_price=Decimal(10**8),
        base_asset=symbol.removesuffix("-PERP"),
        quote_asset="USD",
        max_leverage=20,
    )


def read_client_id(text: str) -> int | None:
    return int(text[1:]) if text[:1] == "t" and text[1:].isdigit() else None


KIT = FaceKit(
    venue="toy",
    symbol=lambda name: name if name.endswith("-PERP") else f"{name.upper()}-PERP",
    rules=rules,
    make_credentials=lambda rng: {"key": f"key-{rng.getrandbits(32):08x}", "secret": f"{rng.getrandbits(256):064x}"},
    make_face=ToyFace,
    decode=read_client_id,
)
