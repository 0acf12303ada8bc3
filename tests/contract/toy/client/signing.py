"""Signatures: HMAC-SHA256 over time, method, target and body."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlencode

from exchanges.secrets import Secret
from exchanges.venue import HttpRequest, SignedRequest


@dataclass(frozen=True, slots=True)
class Signer:
    """One key and its secret."""

    key: str
    secret: Secret

    def sign(self, request: HttpRequest, wall_ns: int) -> SignedRequest:
        """Return the request as it goes out; every one is signed."""
        query = urlencode(request.parameters)
        target = f"{request.path}?{query}" if query else request.path
        body = (request.body or "").encode()
        headers = self.headers(request.method, target, body, wall_ns)
        return SignedRequest(
            operation=request.operation, method=request.method, target=target, headers=headers, body=body
        )

    def headers(self, method: str, target: str, body: bytes, wall_ns: int) -> dict[str, str]:
        """Return what proves who is asking, and when."""
        now_ms = str(wall_ns // 1_000_000)
        signed = f"{now_ms}\n{method}\n{target}\n".encode() + body
        code = hmac.new(self.secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
        return {"toy-key": self.key, "toy-time": now_ms, "toy-sign": code}
