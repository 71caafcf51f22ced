"""How long an mp4 or mov lasts by its several accounts: times of samples, media, edits, movie.

The samples' own times are the measure. The duration of the media is theirs, give or take one
picture; the edits show no more than there is and last as long as the track says. An edit that ends
before the media is a cut, and legal; but where one changed bit in a scale of time would make it end
just where the media does, that bit is what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipelines.readers.containers.index import Index, Odd, Scale, Track
from pipelines.records import Int64s

HELD_BACK = 64  # pictures; H.264 and H.265 allow 16
ROUNDED = 2  # ticks of the movie
SLACK = Fraction(1, 100)
SCALE_BITS = 32
MOST = 1 << 24  # samples whose times are looked at one by one
FEW = 3  # steps that one changed time, or two, make uneven


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Times of the samples of a track, in its ticks."""

    usual: int  # step
    total: int  # of all steps
    end: int  # of the last picture
    first: int  # time of the first picture

    def ends(self, rate: int) -> Fraction:
        """When the last of them ends, in seconds."""
        return Fraction(max(self.end, self.total), rate)


def spans_odd(index: Index) -> Iterator[Odd]:
    """Yield what the accounts of the moving pictures differ in."""
    timed = [(track, _times(track)) for track in index.tracks if track.kind in {b"vide", b"soun"}]
    known = [(track, times) for track, times in timed if times is not None and track.media.rate]
    for number, (track, times) in enumerate(known):
        if track.counted_otherwise:
            continue
        yield from _media_odd(track, times)
        yield from _order_odd(track) if track.kind == b"vide" else ()
        if index.movie.rate:
            others = (other for at, other in enumerate(known) if at != number)
            longest = max((two.ends(one.media.rate) for one, two in others), default=Fraction(0))
            yield from _edits_odd(track, times, index.movie, others=longest)


def _times(track: Track) -> Times | None:
    pairs = track.pairs(b"stts")
    if not len(pairs) or not track.samples:
        return None
    total, longest = int((pairs[:, 0] * pairs[:, 1]).sum()), int(pairs[:, 1].max())
    steps = _spread(track, b"stts") if track.kind == b"vide" else None
    if steps is None:
        return Times(usual=longest, total=total, end=total, first=0)
    late = _spread(track, b"ctts")
    shown = np.cumsum(steps) - steps + (0 if late is None else late)
    end, usual = int((shown + steps).max()), int(np.median(steps))
    return Times(usual=usual, total=total, end=end, first=int(shown.min()))


def _spread(track: Track, kind: bytes) -> Int64s | None:
    """Return the ticks of each sample; None where they are not those of all samples."""
    pairs = track.pairs(kind)
    counts = pairs[:, 0]
    if track.samples > MOST or (counts < 0).any() or int(counts.sum()) != track.samples:
        return None
    return np.repeat(pairs[:, 1], counts)


def _media_odd(track: Track, times: Times) -> Iterator[Odd]:
    said = track.media.ticks
    shown = times.end - times.first
    near = (times.total, times.total - times.usual, times.total + times.usual, times.end, shown)
    if said and min(abs(said - one) for one in near) > max(ROUNDED, times.usual // 4):
        what = f"mdhd of {said} ticks, samples of {times.total}"
        yield Odd(track.boxes[b"mdhd"].at - 8, what)


def _order_odd(track: Track) -> Iterator[Odd]:
    steps, late = _spread(track, b"stts"), _spread(track, b"ctts")
    if steps is None or late is None:
        return
    if what := uneven(steps, late):
        yield Odd(track.boxes[b"ctts"].at - 8, what)


def uneven(steps: Int64s, late: Int64s) -> str:
    """Say which pictures at even steps are not shown at even steps, in whatever order they are.

    None is shown later than a decoder can hold it back.

    A film that was cut lacks some at its ends. If many are uneven, that is how it is.
    """
    longest, latest = int(steps.max(initial=1)), int(abs(late).max(initial=0))
    if latest > HELD_BACK * longest:
        return f"a picture {latest} ticks late, where one lasts {longest} at most"
    if len(steps) < 3 or (steps[:-1] != steps[0]).any() or steps[0] < 1:
        return ""
    shown = np.sort(np.cumsum(steps) - steps + late)
    apart = np.diff(shown)
    odd = np.flatnonzero((apart == 0) | (apart % steps[0] != 0))
    if not 0 < len(odd) <= FEW:
        return ""
    return f"pictures at {shown[odd[0] :][:2].tolist()} ticks, of even steps"


def _edits_odd(track: Track, times: Times, movie: Scale, *, others: Fraction) -> Iterator[Odd]:
    """Compare what is shown with what there is, and with another track that may be longer."""
    rate = track.media.rate
    ends, rounded = times.ends(rate), Fraction(ROUNDED, movie.rate)
    slack = max(rounded, Fraction(times.usual, rate), ends * SLACK)
    if not track.edits:
        said = Fraction(track.shown, movie.rate)
        lasts = ends, ends - Fraction(times.first, rate), others
        if track.shown and min(abs(said - one) for one in lasts) > slack:
            what = f"tkhd of {float(said):.3f} s, samples of {float(ends):.3f} s"
            yield Odd(track.boxes[b"tkhd"].at - 8, what)
    elif all(ticks for ticks, _ in track.edits):  # else one is open
        reached = max(_reached(track, edit, movie) for edit in track.edits)
        skips = max(first for _, first in track.edits) > times.first
        at = track.boxes[b"elst"].at - 8
        if reached > ends + (rounded if skips else slack) and abs(reached - others) > slack:
            yield Odd(at, f"edits to {float(reached):.3f} s, samples to {float(ends):.3f} s")
        short = reached < ends - max(rounded, min(slack, Fraction(times.usual, rate)))
        if short and not skips and len(track.edits) == 1 and (what := _cut(track, times, movie)):
            yield Odd(at, f"edits to {float(reached):.3f} of {float(ends):.3f} s: {what}")


def _cut(track: Track, times: Times, movie: Scale) -> str:
    """Say what shows that the end of the only edit is damaged, not cut."""
    ((ticks, _),) = track.edits
    whole = Fraction(times.ends(1) - times.first, track.media.rate)
    told = _fits(Scale(track.shown, movie.rate), whole)
    if ticks < track.shown and told and _one_byte_off(ticks, track.shown):
        return f"{ticks} ticks, where the track has {track.shown}"
    return _turned_bit(track, times, movie)


def _one_byte_off(one: int, other: int) -> bool:
    turned = one ^ other
    return turned.bit_length() - 1 >> 3 == (turned & -turned).bit_length() - 1 >> 3


def _reached(track: Track, edit: tuple[int, int], movie: Scale) -> Fraction:
    ticks, first = edit
    if first < 0:
        return Fraction(0)
    return Fraction(first, track.media.rate) + Fraction(ticks, movie.rate)


def _turned_bit(track: Track, times: Times, movie: Scale) -> str:
    """Say which scale would make the edit end where the media does, if one of its bits turned."""
    ((ticks, first),) = track.edits
    left = times.ends(1) - first
    for bit in range(SCALE_BITS):
        movie_rate, media_rate = movie.rate ^ 1 << bit, track.media.rate ^ 1 << bit
        if movie_rate and _fits(Scale(ticks, movie_rate), left / track.media.rate):
            return f"{movie_rate} ticks a second of the movie would fit, not {movie.rate}"
        if media_rate and _fits(Scale(ticks, movie.rate), left / media_rate):
            return f"{media_rate} ticks a second of the track would fit, not {track.media.rate}"
    return ""


def _fits(one: Scale, other: Fraction) -> bool:
    """Say whether two durations are the same to a tick of the first."""
    return abs(Fraction(one.ticks, one.rate) - other) <= Fraction(1, one.rate)
