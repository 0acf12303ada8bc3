"""Bent frames at the living connection of each venue: counted, audited, and nothing else."""

from random import Random

import pytest

from actors.messages import OrderCanceled, OrderFilled
from actors.status import ConnectionPhase
from exchanges.errors import MalformedMessage
from exchanges.reports import NoticeKind, StreamNotice
from tests.contract.desk import open_desk
from tests.contract.venues import SUBJECTS
from tests.fuzz.corpus import corpus_of
from tests.fuzz.mutate import mutate


def bent_frames(corpus, count, wanted):
    """Frames bent until the parser says what is wanted of them."""
    rng, reader = Random(1), corpus.venue()
    found = []
    while len(found) < count:
        frame = mutate(rng.choice(corpus.private), rng)
        try:
            reports = reader.parse_private(frame, 1)
        except MalformedMessage:
            reports = None
        if wanted(reports):
            found.append(frame)
    return found


def is_ignored(reports):
    return bool(reports) and all(
        isinstance(report, StreamNotice) and report.kind is NoticeKind.IGNORED for report in reports
    )


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def desk(request):
    with open_desk(request.param) as made:
        made.live()
        yield made


def test_unreadable_frames_are_counted_audited_and_change_nothing(desk):
    # RELIABILITY.md S14: an invalid private frame changes no ledger
    corpus = corpus_of(desk.subject.name)
    entry = desk.place_filled()
    filled, fills, asked = desk.filled(entry), len(desk.told(OrderFilled)), desk.questions
    frames = bent_frames(corpus, 200, lambda reports: reports is None)
    desk.deliver(*frames)
    desk.sync()
    assert desk.statuses[-1].malformed == len(frames)
    assert desk.questions > asked, "no audit"
    assert (desk.filled(entry), len(desk.told(OrderFilled)), desk.told(OrderCanceled)) == (filled, fills, [])
    assert desk.phase is ConnectionPhase.LIVE
    second = desk.place_filled()
    assert desk.filled(second) == second.quantity


def test_frames_of_no_interest_are_counted(desk):
    frames = bent_frames(corpus_of(desk.subject.name), 20, is_ignored)
    before = desk.statuses[-1]
    desk.deliver(*frames)
    desk.sync()
    assert desk.statuses[-1].ignored == before.ignored + len(frames)
    assert desk.statuses[-1].malformed == before.malformed
    assert desk.phase is ConnectionPhase.LIVE
