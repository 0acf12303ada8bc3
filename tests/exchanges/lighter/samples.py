"""Payloads and builders for the tests of the Lighter client. The samples are those of the vectors file."""

import copy
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from exchanges.lighter.account import Account
from exchanges.lighter.library import SignedTx, SignerRefused
from exchanges.lighter.markets import Market, market
from exchanges.lighter.settings import LighterCredentials, LighterSettings
from exchanges.lighter.signing import TokenSource, checked
from exchanges.lighter.venue import LighterVenue
from exchanges.order_ids import OrderKey, pack
from exchanges.secrets import Secret
from exchanges.values import OrderRef, OrderRequest, Side
from exchanges.venue import Call, HttpReply, Undecided

NOW_NS = 1_795_330_010_000_000_000
ACCOUNT = 12345
SLOT = 4
SYMBOL = "ETH"
OUR_ID = pack(OrderKey(7, 1, 0))

_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "lighter.json"


@cache
def _document() -> dict[str, Any]:
    return json.loads(_VECTORS.read_text(), parse_float=Decimal)


def vectors(section: str) -> Any:
    """A section of the vectors file, as a copy."""
    return copy.deepcopy(_document()[section])


def sample(name: str) -> Any:
    """A frame of the vectors file, or a REST sample whose name begins so."""
    frames = vectors("frames")
    if name in frames:
        return frames[name]
    return next(body for each, body in frames["rest"].items() if each.startswith(name))


def order_row(**changes: Any) -> dict[str, Any]:
    """An open order of ours."""
    row = sample("GET accountActiveOrders")["orders"][0]
    return {**row, "client_order_index": int(OUR_ID), "client_order_id": str(int(OUR_ID)), **changes}


def trade_row(**changes: Any) -> dict[str, Any]:
    """A fill of ours as maker on the bid side."""
    return {**sample("GET trades")["trades"][0], "bid_client_id": int(OUR_ID), **changes}


def position_row(**changes: Any) -> dict[str, Any]:
    """A short position."""
    return {**sample("GET account?by=index&value=12345 (short")["accounts"][0]["positions"][0], **changes}


def account_body(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The reply of `account` with the given positions."""
    body = sample("GET account?by=index&value=12345 (flat)")
    body["accounts"][0] |= {"positions": list(rows), **changes}
    return body


def details(**changes: Any) -> dict[str, Any]:
    """The reply of `orderBookDetails` with one market."""
    body = sample("GET orderBookDetails")
    body["order_book_details"][0] |= changes
    return body


def eth() -> Market:
    """The market of the samples."""
    return market(details()["order_book_details"][0])


def tx_record(ae: str = "", **changes: Any) -> dict[str, Any]:
    """The record of a transaction that placed our order."""
    info = {"ClientOrderIndex": int(OUR_ID), "MarketIndex": 0, "IsAsk": 0, "Price": 234567, "BaseAmount": 250}
    return {
        "code": 200,
        "hash": "ab" * 40,
        "type": 14,
        "status": 2,
        "info": json.dumps({**info, "ReduceOnly": 1}),
        "event_info": json.dumps({"ae": ae}),
        **changes,
    }


def said(code: int, text: str = "no") -> str:
    """What `event_info.ae` says of a refusal."""
    return json.dumps({"code": code, "message": text})


def frame(event: object) -> bytes:
    """An event as bytes."""
    return json.dumps(event, default=str).encode()


def reply(content: object, status: int = 200, **headers: str) -> HttpReply:
    """An answer; text and bytes go out as they are, anything else as JSON."""
    raw = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else frame(content)
    names = {key.replace("_", "-"): each for key, each in headers.items()}
    return HttpReply(status=status, headers=names, body=raw, received_ns=NOW_NS)


def refusal(code: int, text: str = "no", status: int = 400) -> HttpReply:
    """An error answer of the venue."""
    return reply({"code": code, "message": text}, status)


def receipt(tx_hash: str = "cd" * 40) -> HttpReply:
    """The answer to a transaction that was queued."""
    return reply({"code": 200, "message": '{"ratelimit": "off"}', "tx_hash": tx_hash})


class FakeSigner:
    """A signer of the library's shape: the hash is the nonce, the token the deadline."""

    def __init__(self) -> None:
        self.refuses = ""
        self.signed: list[tuple[str, dict[str, int]]] = []

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        if self.refuses:
            raise SignerRefused(self.refuses)
        checked(function, arguments)
        self.signed.append((function, dict(arguments)))
        return SignedTx(14, json.dumps(dict(arguments)), f"{arguments['nonce']:080d}")

    def token(self, deadline_s: int) -> str:
        if self.refuses:
            raise SignerRefused(self.refuses)
        return f"{deadline_s}:{ACCOUNT}:{SLOT}:00"


def account(settings: LighterSettings | None = None, *, nonce: int | None = 100) -> Account:
    """An account that knows its market, and the next nonce if one is given."""
    signer = FakeSigner()
    made = Account(
        index=ACCOUNT,
        api_key_index=SLOT,
        settings=settings or LighterSettings(),
        signer=signer,
        tokens=TokenSource(signer),
    )
    made.markets.learn([eth()])
    if nonce is not None:
        made.nonces.learn(nonce, 0)
    return made


def credentials(**changes: Any) -> LighterCredentials:
    """The key of the vectors file."""
    given = {
        "account_index": ACCOUNT,
        "api_key_index": SLOT,
        "private_key": Secret(vectors("key")["private_key"]),
        "chain_id": 304,
    }
    return LighterCredentials(**{**given, **changes})


def venue(settings: LighterSettings | None = None) -> LighterVenue:
    """An account on a venue that does not exist, which signs by the stand-in."""
    return LighterVenue(
        settings or LighterSettings(), credentials(), rest_url="http://rest", ws_url="ws://stream", signer=FakeSigner()
    )


def request(**changes: Any) -> OrderRequest:
    """A post-only buy of ours."""
    fields: dict[str, Any] = {
        "client_order_id": OUR_ID,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": Decimal("0.0250"),
        "price": Decimal("2345.67"),
        "post_only": True,
        "reduce_only": False,
    }
    return OrderRequest(**{**fields, **changes})


def ref(**changes: Any) -> OrderRef:
    """A reference to our order."""
    return OrderRef(**{"symbol": SYMBOL, "client_order_id": OUR_ID, **changes})


class Conversation:
    """Follows a call through its further questions with prepared answers by the end of the path, as the lane does."""

    def __init__(self, account: Account, answers: Mapping[str, HttpReply | Callable[[], HttpReply]]) -> None:
        self._account = account
        self._answers = answers
        self.asked: list[str] = []
        self.parameters: list[dict[str, str]] = []

    def follow(self, call: Call[Any], wall_ns: int = NOW_NS) -> Any:
        while True:
            self._account.sign(call.request, wall_ns)
            name = call.request.path.rpartition("/")[2]
            self.asked.append(name)
            self.parameters.append(dict(call.request.parameters))
            answer = self._answers[name]
            try:
                return call.read(answer() if callable(answer) else answer)
            except Undecided as more:
                call = more.further
