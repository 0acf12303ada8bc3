"""A simulated Lighter without sockets.

Transactions are put together here field by field and signed with the independent crypto, not with the client or its
library. The account has the throw-away key of the venue note's vectors. A signature takes a while in plain Python, so
only the first transaction and the first token are really signed; the face (share 0) checks those two and no other.
"""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from exchanges.simulated.faces.lighter.face import LighterFace
from exchanges.simulated.faces.protocol import HttpCall
from exchanges.simulated.lighter_crypto import sign, text_hash, tx_hash
from tests.exchanges.simulated.venue_bench import MS, SECOND, Reply, VenueBench

__all__ = ["ACCOUNT", "DAY_MS", "ETH", "KEY", "MS", "SECOND", "LighterBench", "Reply", "frames_of", "post", "vectors"]

ACCOUNT = 12345
KEY = 4
CHAIN = 304
ETH = 0
START_MS = 1_795_330_000_000
DAY_MS = 24 * 3600 * 1000
FORM = {"content-type": "application/x-www-form-urlencoded"}
CREATE, CANCEL, CANCEL_ALL, MODIFY, LEVERAGE = 14, 15, 16, 17, 20
_NOT_SIGNED = bytes(80)
_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "lighter.json"


@cache
def vectors() -> dict[str, Any]:
    """The venue note's vectors."""
    value: dict[str, Any] = json.loads(_VECTORS.read_text(encoding="utf-8"))
    return value


def frames_of(name: str) -> Any:
    """A constructed frame or reply of the vectors."""
    return vectors()["frames"][name]


def rest_sample(name: str) -> Any:
    """The body of a REST sample."""
    return vectors()["frames"]["rest"][name]


def post(name: str, **fields: object) -> HttpCall:
    """A form request."""
    return HttpCall(method="POST", path=f"/api/v1/{name}", headers=FORM, body=urlencode(fields).encode())


class LighterBench(VenueBench):
    """One Lighter on a bench: ETH at 2350.00 / 2350.10 unless told otherwise."""

    def __init__(
        self,
        *,
        symbols: tuple[str, ...] = ("ETH",),
        quote: bool = True,
        start: bool = True,
        start_ms: int = START_MS,
        **paper: object,
    ) -> None:
        self.private_key = bytes.fromhex(vectors()["key"]["private_key"][2:])
        credentials = {
            "account_index": ACCOUNT,
            "api_key_index": KEY,
            "private_key": vectors()["key"]["private_key"],
            "chain_id": CHAIN,
        }
        self.nonce = 1
        self._client_index = 1000
        settings = {"lighter_signature_check_pct": 0} | paper
        super().__init__("lighter", symbols, credentials, start=start, start_ns=start_ms * MS, **settings)
        if quote:
            self.quote("ETH", "2350.00", "2350.10")

    @property
    def face(self) -> LighterFace:
        """The face on the bench."""
        assert isinstance(self.venue.face, LighterFace)
        return self.venue.face

    @property
    def now_ms(self) -> int:
        """The venue's clock."""
        return self.now_ns // MS

    def _is_first(self, kind: str) -> bool:
        """Whether the face has not found a signature of this kind good yet."""
        return not self.face.gate.share.has_passed(kind)

    # --- transactions ---
    def info(self, tx_type: int, *, chain: int = CHAIN, signed: bool = False, **fields: Any) -> dict[str, Any]:
        """A `tx_info`; the nonce counts on with every call that names none."""
        if "Nonce" not in fields:
            fields["Nonce"], self.nonce = self.nonce, self.nonce + 1
        info = {
            "AccountIndex": ACCOUNT,
            "ApiKeyIndex": KEY,
            **fields,
            "ExpiredAt": fields.get("ExpiredAt", self.now_ms + 599_000),
            "L2TxAttributes": fields.get("L2TxAttributes"),
        }
        signature = _NOT_SIGNED
        if signed or self._is_first("transaction"):
            signature = sign(self.private_key, tx_hash(chain, tx_type, info), 987654321 + self.nonce)
        return info | {"Sig": base64.b64encode(signature).decode()}

    def order(self, side: str, price: int, base: int = 250, **fields: Any) -> dict[str, Any]:
        """The fields of a post-only order in ETH: price in cents, base in 1e-4."""
        self._client_index += 1
        return {
            "MarketIndex": ETH,
            "ClientOrderIndex": self._client_index,
            "BaseAmount": base,
            "Price": price,
            "IsAsk": int(side == "sell"),
            "Type": 0,
            "TimeInForce": 2,
            "ReduceOnly": 0,
            "TriggerPrice": 0,
            "OrderExpiry": self.now_ms + DAY_MS,
        } | fields

    def taking(self, side: str, price: int, base: int = 250, **fields: Any) -> dict[str, Any]:
        """The fields of a market order."""
        return self.order(side, price, base, **{"Type": 1, "TimeInForce": 0, "OrderExpiry": 0} | fields)

    def submit(self, tx_type: int, *, signed: bool = False, chain: int = CHAIN, **fields: Any) -> Reply:
        """Send a transaction by REST. A refused one gives its nonce back."""
        before = self.nonce
        info = self.info(tx_type, signed=signed, chain=chain, **fields)
        reply = self.exchange(post("sendTx", tx_type=tx_type, tx_info=json.dumps(info)))
        if reply.status != 200:
            self.nonce = before
        return reply

    def place(self, side: str, price: int, base: int = 250, **fields: Any) -> Reply:
        """Place a post-only order."""
        return self.submit(CREATE, **self.order(side, price, base, **fields))

    def take(self, side: str, base: int = 250, price: int | None = None, **fields: Any) -> Reply:
        """Place a market order, priced so that it fills unless told otherwise."""
        limit = price if price is not None else 240_000 if side == "buy" else 230_000
        reply = self.submit(CREATE, **self.taking(side, limit, base, **fields))
        self.step()
        return reply

    def cancel(self, index: int, market: int = ETH) -> Reply:
        """Cancel an order by either of its numbers."""
        reply = self.submit(CANCEL, MarketIndex=market, Index=index)
        self.step()
        return reply

    def verdict(self, reply: Reply) -> Any:
        """What the sequencer said about a transaction: the code in its record, "" for fine."""
        record = self.get("tx", by="hash", value=reply.body["tx_hash"]).body
        error = json.loads(record["event_info"])["ae"]
        return json.loads(error)["code"] if error else ""

    def forget_quotas(self) -> None:
        """Let all quotas start anew."""
        limits = self.face.limits
        limits._addresses.clear()
        limits._setup.clear()
        limits._transactions.__init__(limits._transactions.limit)  # type: ignore[misc]

    # --- reads ---
    def token(self, *, deadline_s: int | None = None, account: int = ACCOUNT, key: int = KEY, good: bool = True) -> str:
        """An auth token for the next hour unless told otherwise."""
        message = f"{deadline_s or self.now_ns // SECOND + 3600}:{account}:{key}"
        signature = _NOT_SIGNED
        if good and self._is_first("token"):
            signature = sign(self.private_key, text_hash(message), 123456789)
        return f"{message}:{signature.hex()}"

    def get(self, name: str, *, headers: dict[str, str] | None = None, **params: object) -> Reply:
        """Ask without a token. The quota is not what most tests are about, so it starts anew."""
        self.face.limits._addresses.clear()
        query = urlencode(params)
        return self.exchange(HttpCall(method="GET", path=f"/api/v1/{name}", query=query, headers=headers or {}))

    def read(self, name: str, **params: object) -> Any:
        """Ask with a token, for this account; return the body of the good answer."""
        headers = {"authorization": self.token()}
        reply = self.get(name, headers=headers, **({"account_index": ACCOUNT} | params))
        assert reply.status == 200, reply.body
        return reply.body

    def active(self) -> list[dict[str, Any]]:
        """The open orders."""
        return self.read("accountActiveOrders")["orders"] or []

    def by_client(self, *indexes: int) -> list[dict[str, Any]]:
        """Orders by client index."""
        return self.read("accountOrders", client_order_indexes=",".join(map(str, indexes)))["orders"] or []

    def last_client_index(self) -> int:
        """The client index of the newest order made by `order`."""
        return self._client_index

    # --- sessions ---
    def subscribe(self, *channels: str, session: int | None = None, auth: bool = True) -> int:
        """Subscribe on a new connection, or on one that is there; return its number."""
        number = self.connect("/stream") if session is None else session
        for channel in channels:
            frame: dict[str, Any] = {"type": "subscribe", "channel": channel}
            if auth and channel.startswith(("account_", "notification")):
                frame["auth"] = self.token()
            self.tell(number, json.dumps(frame))
        return number

    def say(self, session: int, **message: Any) -> list[Any]:
        """Send a message; return the frames that arrived."""
        self.tell(session, json.dumps(message))
        return self.frames(session)
