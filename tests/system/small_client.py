"""Somebody else's client of an Aster-like venue, in thirty lines: HMAC signatures, no code of the bot's."""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit


class SmallClient:
    """Signs with the served `api_key` and `secret`, the way old keys do."""

    def __init__(self, rest: str, credentials: Mapping[str, str]) -> None:
        self._address = urlsplit(rest)
        self._key, self._secret = credentials["api_key"], credentials["secret"]

    def call(self, method: str, path: str, **parameters: str) -> Any:
        """Return the decoded answer; raises AssertionError for a refusal."""
        now_ms = str(time.time_ns() // 1_000_000)  # noqa: TID251 - the venue checks it against the machine's clock
        text = urlencode({**parameters, "timestamp": now_ms, "recvWindow": "5000"})
        signature = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=5)
        try:
            connection.request(method, f"{path}?{text}&signature={signature}", headers={"X-MBX-APIKEY": self._key})
            reply = connection.getresponse()
            body = json.loads(reply.read())
        finally:
            connection.close()
        assert reply.status == http.client.OK, body
        return body

    def open_orders(self) -> list[dict[str, Any]]:
        return self.call("GET", "/fapi/v1/openOrders")

    def position(self, symbol: str) -> str:
        rows = self.call("GET", "/fapi/v2/positionRisk", symbol=symbol)
        return next(str(row["positionAmt"]) for row in rows if row["symbol"] == symbol)

    def buy_at_market(self, symbol: str, quantity: str, client_id: str) -> dict[str, Any]:
        return self.call(
            "POST",
            "/fapi/v1/order",
            symbol=symbol,
            side="BUY",
            type="MARKET",
            quantity=quantity,
            newClientOrderId=client_id,
        )
