"""What each kind of fault does to a world, and how long afterwards the bot may be busy with it."""

from typing import TYPE_CHECKING, Any, Final

from exchanges.simulated.faces.mishaps import Mishap, Mishaps, PlannedMishap
from tests.simulation.deeds import Deeds
from tests.simulation.faults import Fault
from tests.simulation.lines import Armed, flipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import World

_NS: Final = 1_000_000_000
_LINE: Final = frozenset(
    {
        *("request_lost", "request_late", "reply_lost", "reply_late", "reset_before", "reset_after"),
        *("html", "truncated", "empty", "garbled", "redirect", "refused"),
        "deaf",
        *("frame_lost", "frame_twice", "frame_again", "frame_late", "frame_swapped", "frame_garbled"),
    }
)
_REPLY_TIMEOUT_S: Final = 10.0
_EXPIRY_S: Final = 30


class Harm:
    """Inflicts the faults of a plan on a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._is_healed = False
        self._unknown_s = 0.0
        """How long the fate of what a dead process has sent may stay unknown."""
        self._deeds = Deeds(world)
        world.line.on_fired = self._line_fired
        self._acts: dict[str, Callable[[Fault], float | None]] = {
            "mishap": self._mishap,
            "listen_key": self._listen_key,
            "cut": self._cut,
            "stall": self._stall,
            "half_open": self._half_open,
            "partition": self._partition,
            "outage": self._outage,
            "crash": self._crash,
            "power": self._power,
            "second": self._second,
            "skew": self._skew,
            "suspend": self._suspend,
            "hiccup": self._hiccup,
            "die": self._die,
            "disk_full": self._disk_full,
            "line_cut": self._line_cut,
            "line_stall": lambda fault: self._line_held(fault, "is_stalled"),
            "line_half_open": lambda fault: self._line_held(fault, "is_half_open"),
            "mute": self._mute,
            "bitflip": self._bitflip,
            **self._deeds.acts,
        }

    def inflict(self, fault: Fault) -> None:
        """Let a fault happen, or arm it for the next thing it fits."""
        if self._is_healed:
            return
        world = self._world
        if fault.kind in _LINE:
            world.line.armed.append(Armed(fault.kind, fault.where, fault.amount))
            return
        trouble_s = self._acts[fault.kind](fault)
        if trouble_s is not None:
            world.fired[fault.kind] += 1
            world.scheduler.note(fault.kind.encode())
            world.trace.add("FAULT", f"{fault.kind} {fault.where} {fault.amount:g}")
            self.note_trouble(trouble_s)

    def heal(self) -> None:
        """End everything that is wrong now, and let nothing more go wrong."""
        self._is_healed = True
        world = self._world
        world.line.armed.clear()
        self._mishaps.clear()
        world.line.is_down = world.host.is_down = world.disk.is_full = False
        world.clock.skew_ns = 0
        for reader in tuple(world.line.readers):
            if reader.is_stalled or reader.is_half_open or reader.is_silent:
                reader.cut("healed")
        for fiber in world.bot.fibers():
            world.scheduler.thaw(fiber)
        self._deeds.heal()
        if not world.bot.is_alive:
            world.bot.bury()
            world.bot.boot()

    def settle_s(self) -> float:
        """How long the bot may take until everything is proven."""
        world = self._world
        unknown_s = max(world.fence_s_for_unknown(), self._unknown_s)
        return 2 * _REPLY_TIMEOUT_S + unknown_s + 2 * world.audit_s + 30

    @property
    def _mishaps(self) -> Mishaps:
        face: Any = self._world.host.venue.face
        mishaps: Mishaps = face.mishaps
        return mishaps

    def note_trouble(self, seconds: float) -> None:
        """For so long from now on the bot may have to do without the truth."""
        world = self._world
        world.troubled_until_ns = max(world.troubled_until_ns, world.scheduler.now_ns + int(seconds * _NS))

    def _line_fired(self, armed: Armed) -> None:
        """Something armed has happened: for how long the bot may have to do without the truth."""
        world = self._world
        world.fired[armed.kind] += 1
        unknown_s = _REPLY_TIMEOUT_S + world.fence_s_for_unknown() + 2 * world.audit_s
        trouble_s = {
            "frame_lost": 2 * world.audit_s + 5,
            "frame_garbled": 2 * world.audit_s + 5,
            "frame_late": armed.amount + 10,
            "frame_swapped": 5.0,
            "frame_twice": 5.0,
            "frame_again": 5.0,
            "refused": 10.0,
            "deaf": 60 + 2 * world.audit_s,
        }.get(armed.kind, unknown_s + (armed.amount if armed.kind.endswith("late") else 0.0))
        self.note_trouble(trouble_s)

    # --- the venue ---

    def _mishap(self, fault: Fault) -> float | None:
        world = self._world
        planned = PlannedMishap(mishap=Mishap(fault.where), count=1, delay_ns=int(fault.amount * _NS))
        try:
            self._mishaps.plan(planned)
        except ValueError:  # not in this venue's dialect
            return None
        if planned.mishap is Mishap.RATE_LIMITED:
            world.invariants.wire.allowed_refusals += 1
        # it happens with the next request, which may be a while
        return 30 + _REPLY_TIMEOUT_S + fault.amount + world.fence_s_for_unknown() + 2 * world.audit_s

    def _listen_key(self, _fault: Fault) -> float | None:
        face: Any = self._world.host.venue.face
        face.listen_keys.expire_now(self._world.host.wall_ns())
        world = self._world
        is_known = world.invariants.is_stream_alive()  # else the frame that tells of an expiry was lost before
        world.credential_ended_ns = world.clock.monotonic_ns()
        # this one is counted when it has happened; the frame that tells of it may be lost in the step
        fired = world.fired.total() + 1
        world.host.step()
        if is_known:
            world.scheduler.after(_EXPIRY_S * _NS, lambda: self._look_after_expiry(fired))
        return float(_EXPIRY_S)

    def _look_after_expiry(self, fired: int) -> None:
        """L3: with nothing else in the way a stream whose credential has expired is replaced."""
        world = self._world
        if world.fired.total() == fired and world.scheduler.now_ns >= world.troubled_until_ns and world.bot.is_alive:
            world.invariants.judge_stream()

    def _cut(self, fault: Fault) -> float | None:
        readers = [reader for reader in self._world.line.readers if reader.kind == fault.where and reader.is_open]
        for reader in readers:
            reader.cut("connection reset")
        return 20.0 if readers else None

    def _stall(self, fault: Fault) -> float | None:
        return self._hold(fault, "is_stalled")

    def _mute(self, fault: Fault) -> float | None:
        return self._hold(fault, "is_silent")

    def _half_open(self, fault: Fault) -> float | None:
        return self._hold(fault, "is_half_open")

    def _hold(self, fault: Fault, flag: str) -> float | None:
        world = self._world
        readers = [reader for reader in world.line.readers if reader.kind == fault.where and reader.is_open]
        for reader in readers:
            setattr(reader, flag, True)
            # what a network swallowed does not come later on the same connection
            world.scheduler.after(int(fault.amount * _NS), lambda reader=reader: reader.cut("connection reset"))
        return fault.amount + 30 + world.audit_s if readers else None

    def _line_cut(self, fault: Fault) -> float | None:
        return None if self._cut(fault) is None else self._settled_s()

    def _line_held(self, fault: Fault, flag: str) -> float | None:
        held_s = self._hold(fault, flag)
        return None if held_s is None else held_s + self._settled_s()

    def _settled_s(self) -> float:
        """What was in flight is unknown: so long until it is settled."""
        return 30 + self._world.fence_s_for_unknown() + 2 * self._world.audit_s

    def _partition(self, fault: Fault) -> float | None:
        world = self._world
        world.line.is_down = True
        world.scheduler.after(int(fault.amount * _NS), self._end_partition)
        return fault.amount + 60 + world.fence_s_for_unknown() + 2 * world.audit_s

    def _end_partition(self) -> None:
        self._world.line.is_down = False

    def _outage(self, fault: Fault) -> float | None:
        world = self._world
        world.host.is_down = True
        for reader in tuple(world.line.readers):
            reader.cut("closed by the venue")
        world.scheduler.after(int(fault.amount * _NS), self._end_outage)
        return fault.amount + 60 + world.fence_s_for_unknown() + 2 * world.audit_s

    def _end_outage(self) -> None:
        self._world.host.is_down = False

    # --- the machine ---

    def _crash(self, fault: Fault) -> float | None:
        world = self._world
        if not world.bot.is_alive:
            return None
        world.bot.kill()
        world.scheduler.after(int(fault.amount * _NS), self._boot)
        # what the dead process knew of its nonces died with it
        self._unknown_s = world.fence_s
        return fault.amount + 60 + world.fence_s

    def _boot(self) -> None:
        if not self._world.bot.is_alive:
            self._world.bot.boot()

    def _power(self, fault: Fault) -> float | None:
        world = self._world
        if not world.bot.is_alive:
            return None
        self._unknown_s = world.fence_s + 60
        world.bot.kill()
        world.disk.lose_power(world.bot.state_dir)
        world.scheduler.after(int(fault.amount * _NS), self._boot)
        return fault.amount + 60 + world.fence_s + 2 * world.audit_s

    def _second(self, _fault: Fault) -> float | None:
        world = self._world
        if world.bot.handle is None or world.bot.handle.has_ended:
            return None
        if not world.bot.is_second_refused():
            world.invariants.break_rule("S12", "a second instance on the same account and tag was let in")
        return 0.0

    def _skew(self, fault: Fault) -> float | None:
        world = self._world
        world.clock.skew_ns = int(fault.amount * _NS) * (1 if fault.where == "ahead" else -1)
        world.scheduler.after(120 * _NS, self._end_skew)
        return 120 + 60 + world.fence_s_for_unknown() + 2 * fault.amount

    def _end_skew(self) -> None:
        self._world.clock.skew_ns = 0

    def _suspend(self, fault: Fault) -> float | None:
        world = self._world
        if not world.bot.is_alive:
            return None
        world.bot.freeze("", fault.amount)
        return fault.amount + 60 + world.fence_s_for_unknown() + 2 * world.audit_s

    def _hiccup(self, fault: Fault) -> float | None:
        if not self._world.bot.fibers(fault.where):
            return None
        self._world.bot.freeze(fault.where, fault.amount)
        return fault.amount + 30 + self._world.fence_s_for_unknown()

    def _die(self, fault: Fault) -> float | None:
        world = self._world
        if not world.bot.is_up or not world.bot.break_actor(fault.where):
            return None
        return 60 + world.fence_s_for_unknown() + 2 * world.audit_s

    def _disk_full(self, fault: Fault) -> float | None:
        world = self._world
        world.disk.is_full = True
        world.scheduler.after(int(fault.amount * _NS), self._end_disk_full)
        return fault.amount + 30 + world.fence_s_for_unknown()

    def _end_disk_full(self) -> None:
        self._world.disk.is_full = False

    def _bitflip(self, fault: Fault) -> float | None:
        """The process is killed, and one byte of its intent file is not what was written."""
        world = self._world
        if not world.bot.is_alive:
            return None
        world.bot.kill()
        path = world.bot.state_dir / "intents.log"
        data = path.read_bytes() if path.is_file() else b""
        if data:
            path.write_bytes(flipped(data, fault.amount))
            self._unknown_s = world.fence_s + 60  # what cannot be read may be an order that is still on its way
        world.scheduler.after(_NS, self._boot)
        return 60 + world.fence_s + 2 * world.audit_s
