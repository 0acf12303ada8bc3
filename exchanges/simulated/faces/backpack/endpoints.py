"""What endpoints are made of: a route with its instruction and its budget, and an answer that may have to wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from exchanges.simulated.engine_types import Answer, Command
from exchanges.simulated.faces.backpack.limits import Bucket
from exchanges.simulated.faces.backpack.requests import Fields, Request


@dataclass(frozen=True, slots=True)
class Deferred:
    """An answer that needs the engine: the commands to hand over, and what makes the body of their answers.

    `render` gets one engine answer per command, in order, and may raise Refusal.
    """

    commands: tuple[Command, ...]
    render: Callable[[tuple[Answer, ...]], object]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is more than a JSON body with status 200. A body that is text goes out plain; None is empty."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request, int], object]
"""(request, now_ns) -> JSON-ready body, Reply or Deferred. Raises Refusal."""

BucketOf = Callable[[Fields], Bucket]


def ordinary(_: Fields) -> Bucket:
    """The budget of nearly everything."""
    return Bucket.ORDINARY


def history(_: Fields) -> Bucket:
    """The budget of the history service."""
    return Bucket.HISTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route. `instruction` is what a private request signs first; None for public ones. `takes_array`: its body is
    a JSON array and nothing else.
    """

    method: str
    path: str
    handler: Handler
    instruction: str | None = None
    bucket: BucketOf = ordinary
    takes_array: bool = False

    @property
    def name(self) -> str:
        """The path behind the version: `order`, `history/fills`."""
        return self.path.split("/v1/", 1)[-1]
