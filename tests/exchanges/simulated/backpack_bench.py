"""A simulated Backpack without sockets.

Requests are signed here by a few lines of their own, not with the face's checks or the client's signer. The clock
begins at the time stamp of the venue note's vectors and the account has their throw-away key.
"""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchanges.simulated.faces.backpack.face import BackpackFace
from exchanges.simulated.faces.backpack.switches import ReplyOrder
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.venue_bench import MS, SECOND, Reply, VenueBench

__all__ = ["MS", "SECOND", "SOL", "START_MS", "BackpackBench", "Reply", "sign", "vectors"]

SOL = "SOL_USDC_PERP"
START_MS = 1_750_000_000_000
_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "backpack.json"


@cache
def vectors() -> dict[str, Any]:
    """The venue note's vectors."""
    value: dict[str, Any] = json.loads(_VECTORS.read_text(encoding="utf-8"))
    return value


@cache
def instructions() -> dict[tuple[str, str], str]:
    """Method and path -> instruction: the vectors' table, and two of the note's (3.5) that it leaves out."""
    return {(row["method"], row["path"]): row["instruction"] for row in vectors()["instructions"]} | {
        ("GET", "/api/v1/borrowLend/positions"): "borrowLendPositionQuery",
        ("GET", "/wapi/v1/history/interest"): "interestHistoryQueryAll",
    }


def sample(name: str) -> Any:
    """The body of a REST sample."""
    return dict(vectors()["rest_samples"])[name]


def frame_sample(name: str) -> dict[str, Any]:
    """A stream sample."""
    found: dict[str, Any] = dict(vectors()["ws_samples"])[name]
    return found


def sign(text: str, secret: str) -> str:
    """Return the signature of a text."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret))
    return base64.b64encode(key.sign(text.encode())).decode()


def spelled(value: object) -> str:
    """A value as it is signed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def text_of(instruction: str, items: list[dict[str, Any]], timestamp_ms: int, window: int) -> str:
    """The text to sign for one set of fields, or for each order of a batch."""
    parts = []
    for item in items:
        parts.append(f"instruction={instruction}")
        parts += [f"{name}={spelled(item[name])}" for name in sorted(item)]
    return "&".join([*parts, f"timestamp={timestamp_ms}", f"window={window}"])


class BackpackBench(VenueBench):
    """One Backpack on a bench: SOL at 141.27 / 141.30 unless told otherwise. Replies come before events."""

    def __init__(
        self,
        *,
        symbols: tuple[str, ...] = (SOL,),
        quote: bool = True,
        start: bool = True,
        reply_order: ReplyOrder = ReplyOrder.REPLY_FIRST,
        **paper: object,
    ) -> None:
        meta = vectors()["meta"]
        self.api_key, self.secret = meta["api_key_base64"], meta["secret_base64"]
        credentials = {"api_key": self.api_key, "secret": self.secret}
        super().__init__("backpack", symbols, credentials, start=start, start_ns=START_MS * MS, **paper)
        self.face.switches.reply_order = reply_order
        self._client_id = 0
        if quote:
            self.quote(SOL, "141.27", "141.30")

    @property
    def face(self) -> BackpackFace:
        """The face on the bench."""
        assert isinstance(self.venue.face, BackpackFace)
        return self.venue.face

    @property
    def now_ms(self) -> int:
        """The venue's clock."""
        return self.now_ns // MS

    # --- requests ---
    def headers(self, text: str, timestamp_ms: int, window: int = 5000) -> dict[str, str]:
        """The headers that go with a signed text."""
        return {
            "x-api-key": self.api_key,
            "x-signature": sign(text, self.secret),
            "x-timestamp": str(timestamp_ms),
            "x-window": str(window),
            "content-type": "application/json; charset=utf-8",
        }

    def signed_call(
        self, method: str, path: str, params: Any, *, timestamp_ms: int | None = None, window: int = 5000
    ) -> HttpCall:
        """A signed request. `params` are the fields, or the list of them for a batch."""
        stamp = self.now_ms if timestamp_ms is None else timestamp_ms
        items = params if isinstance(params, list) else [params]
        headers = self.headers(text_of(instructions()[method, path], items, stamp, window), stamp, window)
        if method == "GET":
            return HttpCall(method=method, path=path, query=query_of(params), headers=headers)
        return HttpCall(method=method, path=path, headers=headers, body=json.dumps(params).encode())

    def call(self, method: str, path: str, **params: Any) -> Reply:
        """Send a signed request and wait for its answer."""
        return self.exchange(self.signed_call(method, path, {name.rstrip("_"): each for name, each in params.items()}))

    def exchange(self, call: HttpCall) -> Reply:
        """Send a request and wait for its answer: orders that may take are held for a moment."""
        request_id = self.send(call)
        for _ in range(100):
            reply = self.answer(request_id)
            if reply is not None:
                return reply
            self.wait(0.01)
        raise AssertionError(f"no answer to {call}")

    def public(self, name: str, **params: Any) -> Reply:
        """Send an unsigned request."""
        return self.exchange(HttpCall(method="GET", path=f"/api/v1/{name}", query=query_of(params)))

    def order(self, side: str, price: str | None, quantity: str = "0.50", **params: Any) -> dict[str, Any]:
        """The body of a post-only limit order with a fresh client id, or of a market order where it has no price."""
        self._client_id += 1
        body: dict[str, Any] = {"symbol": SOL, "side": side, "quantity": quantity, "clientId": self._client_id}
        if price is None:
            return body | {"orderType": "Market"} | params
        return body | {"orderType": "Limit", "price": price, "postOnly": True} | params

    def place(self, side: str, price: str | None, quantity: str = "0.50", **params: Any) -> Reply:
        """Place an order."""
        return self.call("POST", "/api/v1/order", **self.order(side, price, quantity, **params))

    def cancel(self, **params: Any) -> Reply:
        """Cancel an order in SOL."""
        return self.call("DELETE", "/api/v1/order", symbol=SOL, **params)

    def query(self, **params: Any) -> Reply:
        """Ask for a resting order in SOL."""
        return self.call("GET", "/api/v1/order", symbol=SOL, **params)

    def long(self, quantity: str = "0.50") -> None:
        """Buy at the market."""
        assert self.place("Bid", None, quantity).body["status"] == "Filled"

    # --- sessions ---
    def subscribe(self, *names: str, session: int | None = None, signed: bool = True) -> int:
        """Subscribe on a new connection, or on one that is there; return its number."""
        number = self.connect("/") if session is None else session
        frame: dict[str, Any] = {"method": "SUBSCRIBE", "params": list(names)}
        if signed and any(name.startswith("account.") for name in names):
            frame["signature"] = self.proof()
        self.tell(number, json.dumps(frame))
        return number

    def proof(self, *, timestamp_ms: int | None = None, window: int = 5000) -> list[str]:
        """The four strings that prove a private subscription."""
        stamp = self.now_ms if timestamp_ms is None else timestamp_ms
        text = f"instruction=subscribe&timestamp={stamp}&window={window}"
        return [self.api_key, sign(text, self.secret), str(stamp), str(window)]

    def data(self, session: int) -> list[dict[str, Any]]:
        """Take the data of the frames that arrived."""
        return [frame["data"] for frame in self.frames(session)]


def query_of(params: dict[str, Any]) -> str:
    """The URL query of parameters, in the order given."""
    return "&".join(f"{name}={quote(spelled(value), safe='')}" for name, value in params.items())
