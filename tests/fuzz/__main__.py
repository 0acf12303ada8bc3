"""`python -m tests.fuzz --frames N --venue V [--seed S] [--json]`: bend N payloads of a venue and judge every reading.

Four of five are frames of its streams, the others answers of REST. Prints payloads per second and every kind of
failure with the payload itself; exit code 1 where there is one.
"""

import argparse
import faulthandler
import json
import logging
import resource
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Final

from loguru import logger

from tests.fuzz.corpus import VENUES, corpus_of
from tests.fuzz.frames import FrameSearch
from tests.fuzz.outcome import Tally
from tests.fuzz.replies import ReplySearch

_STEP: Final = 5_000
_REPLIES: Final = 0.2
_STUCK_S: Final = 300


def search(venue: str, payloads: int, seed: int) -> Tally:
    """Bend so many payloads of one venue. A reading that never ends kills the process with a traceback."""
    corpus = corpus_of(venue)
    rng = Random(f"{venue}/{seed}")
    frames, replies = FrameSearch(corpus, rng), ReplySearch(corpus, rng)
    left = payloads
    while left > 0:
        step = min(left, _STEP)
        faulthandler.dump_traceback_later(_STUCK_S, exit=True, file=sys.__stderr__)
        replies.run(round(step * _REPLIES))
        frames.run(step - round(step * _REPLIES))
        left -= step
    faulthandler.cancel_dump_traceback_later()
    total = Tally()
    total += frames.tally
    total += replies.tally
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=100_000, metavar="N", help="payloads per venue (default 100000)")
    parser.add_argument("--venue", choices=VENUES, help="one venue (default: all of them)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per venue")
    chosen = parser.parse_args(arguments)
    if chosen.frames < 1:
        parser.error("--frames must be at least 1")
    logger.remove()  # noqa: TID251 - a process of its own: what the desk logs while the corpus is made is not the answer
    logging.disable()
    failed = 0
    for venue in [chosen.venue] if chosen.venue else VENUES:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        corpus_of(venue)
        began = time.perf_counter()
        tally = search(venue, chosen.frames, chosen.seed)
        seconds = time.perf_counter() - began
        grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
        print(_text(venue, chosen.seed, tally, seconds, grown_mib, as_json=chosen.json), flush=True)  # noqa: T201
        failed += tally.failed
    return 1 if failed else 0


def _text(venue: str, seed: int, tally: Tally, seconds: float, grown_mib: float, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {
                "venue": venue,
                "seed": seed,
                "readings": tally.readings,
                "accepted": tally.accepted,
                "refused": tally.refused,
                "failed": tally.failed,
                "per_second": round(tally.readings / seconds),
                "seconds": round(seconds, 1),
                "memory_grown_mib": round(grown_mib, 1),
                "failures": [str(failure) for failure in tally.failures],
            }
        )
    line = (
        f"{venue}: {tally.readings} readings in {seconds:.1f} s ({tally.readings / seconds:.0f} a second), "
        f"{tally.accepted} accepted, {tally.refused} refused, {tally.failed} failed; memory +{grown_mib:.1f} MiB; "
        f"seed {seed}"
    )
    return "\n".join([line, *map(str, tally.failures)])


if __name__ == "__main__":
    sys.exit(main())
