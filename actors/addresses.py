"""The typed view of a mailbox.

An actor is given the addresses of its collaborators when it is built. A Pykka `ActorRef`, a worker thread's queue
and a test's probe all satisfy it, and
mypy refuses a message the receiver does not take.
"""

from typing import Protocol, TypeVar

M_contra = TypeVar("M_contra", contravariant=True)


class Address(Protocol[M_contra]):
    """Somewhere a message can be told to. `tell` never blocks and never answers. Safe from any thread."""

    def tell(self, message: M_contra, /) -> None:
        """Put the message into the mailbox."""
        ...
