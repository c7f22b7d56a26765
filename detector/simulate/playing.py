"""What is played: sittings become titles, titles become stretches of time; machines add theirs."""

from dataclasses import dataclass, fields, replace

import numpy as np

from detector.simulate.catalogue import EPISODES, GENRES, channels, clips, next_episode
from detector.simulate.households import whereabouts
from detector.simulate.sittings import Sittings, begins, give_way, shown_ids, sit_down, slots, stays, zones
from detector.simulate.town import Town
from detector.simulate.world import Array, milliseconds, to_utc
from detector.tables import STARTED_BY

USER, AUTOPLAY = (STARTED_BY.index(by) for by in ("user", "autoplay"))

# What people sit down for, FIXED being a ritual's title or a favourite; how often one is seen to its end, and is the
# last of the sitting.
FILM, SHOW, CHANNEL, CLIP, FIXED = range(5)
_WHOLE, _THE_LAST = np.array([0.75, 0.85, 1.0, 0.9, 0.8]), np.array([0.9, 0.45, 1.0, 0.5, 1.0])
_CHANNEL_SHARE, _CLIP_SHARE, _OWN_TASTE = 0.04, 0.03, 0.7
_TYPICAL_S = 2_700
_PAUSED, _LONG_ENOUGH_S = 0.07, 600  # share of plays as long as that which are paused
_POSITION_UNKNOWN, _STARTER_UNKNOWN = 0.06, 0.08


@dataclass(frozen=True)
class Stretches:
    """Rows of the log before they are written out; ids are positions in the rolls of the town."""

    account: Array
    profile: Array
    device: Array
    place: Array
    slot: Array  # which address of the place
    zone: Array  # what the device's clock shows, position in ZONES
    title: Array
    start_ms: Array  # since 1970 UTC
    seconds: Array
    position_s: Array  # where in the title it begins; -1: not given
    by: Array  # position in STARTED_BY; -1: not given


@dataclass(frozen=True)
class _Plan:
    """What is watched in sittings, in order but not yet in time."""

    of: Array  # position of the sitting
    wait_s: Array  # since the stretch before
    title: Array
    seconds: Array
    position_s: Array
    by: Array
    sure: Array  # never paused, never left out


def play(town: Town) -> Stretches:
    """All that people and machines of the town play, in no order."""
    parts = _people(town), _machines(town)
    return Stretches(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Stretches)))


def _people(town: Town) -> Stretches:
    where, people = whereabouts(town), town.viewers
    sittings = sit_down(town, where)
    plan = _with_pauses(town, _choose(town, sittings))

    # Every sitting has a stretch, so that each begins where, end to end, the one before has ended.
    done = np.cumsum(plan.wait_s + plan.seconds)
    first = np.flatnonzero(np.diff(plan.of, prepend=-1))
    begin = done[first] - plan.seconds[first]
    length = np.diff(begin, append=done[-1:])
    offset = done - plan.seconds - begin[plan.of]

    start_ms = begins(town, sittings)
    sittings, kept = _without_clashes(town, sittings, start_ms, start_ms + length * 1000)
    daily = np.full(len(town.plan_streams), -1)
    sure = town.rituals["sure"] == 1
    daily[people["account"][town.rituals["viewer"][sure]]] = town.rituals["title"][sure]
    # A streak is as long as its ritual: its title is not watched by chance on the day before.
    chance = ~plan.sure & (plan.title == daily[people["account"][sittings.viewer]][plan.of])
    these = np.flatnonzero(kept[plan.of] & ~chance & stays(town, where, sittings, plan.of, offset))
    of = plan.of[these]
    viewer = sittings.viewer[of]
    return Stretches(
        account=people["account"][viewer],
        profile=people["profile"][viewer],
        device=shown_ids(town, sittings.device, sittings.day)[of],
        place=sittings.place[of],
        zone=zones(town, sittings.base)[of],
        slot=slots(town, sittings.place, sittings.device, sittings.day)[of],
        title=plan.title[these],
        start_ms=start_ms[of] + offset[these] * 1000,
        seconds=plan.seconds[these],
        position_s=plan.position_s[these],
        by=plan.by[these],
    )


def _without_clashes(town: Town, sittings: Sittings, start: Array, end: Array) -> tuple[Sittings, Array]:
    """The sittings, some of which moved from a busy TV to a device of one's own, and which of them take place."""
    strength = sittings.strength(town)

    def lost(group: Array, among: Array) -> Array:
        at = np.flatnonzero(among)
        return at[give_way(group[at], start[at], end[at], strength[at])]

    kept = np.ones(len(start), bool)
    kept[lost(sittings.viewer, kept)] = False
    device = sittings.device.copy()
    moved = lost(device, kept & sittings.on_tv)
    device[moved] = town.viewers["own"][sittings.viewer[moved]]
    kept[lost(device, kept)] = False
    return replace(sittings, device=device), kept


def _choose(town: Town, sittings: Sittings) -> _Plan:
    """The titles of each sitting, and how much of each is seen."""
    rng, rituals, runtime = town.rng, town.rituals, town.catalogue.runtime_s
    usual = sittings.ritual == 0
    fixed = np.where(usual, town.viewers["favourite"][sittings.viewer], rituals["title"][sittings.ritual])
    goal_of_sitting = _goals(town, sittings)
    n = _how_many(town, sittings, goal_of_sitting, fixed)
    of = np.repeat(np.arange(len(n)), n)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    goal, sure = goal_of_sitting[of], rituals["sure"][sittings.ritual][of] == 1
    title = _titles(town, sittings, of, nth, goal, fixed)
    series = rituals["series"][sittings.ritual][of] == 1

    chance = np.where(usual[of], _WHOLE[goal], rituals["whole"][sittings.ritual][of])
    chance[(goal == FILM) & (nth + 1 < n[of])] = 0  # another film follows because this one disappointed
    whole = sure | (rng.random(len(of)) < chance)
    share = np.where(whole, 1 - 0.25 * rng.random(len(of)) ** 3, 0.02 + 0.6 * rng.random(len(of)) ** 1.5)
    live_s = np.minimum(600 + rng.exponential(3_000, len(of)), 4 * 3600)
    by = np.where(((goal == SHOW) | series) & (nth > 0), AUTOPLAY, USER)
    return _Plan(
        of=of,
        wait_s=np.where(nth > 0, rng.integers(4, 90, len(of)), 0),
        title=title,
        seconds=np.where(goal == CHANNEL, live_s, (share * runtime[title]).clip(5)).astype(np.int64),
        position_s=-((goal == CHANNEL) | (rng.random(len(of)) < _POSITION_UNKNOWN)).astype(np.int64),
        by=np.where(rng.random(len(of)) < _STARTER_UNKNOWN, -1, by),
        sure=sure,
    )


def _goals(town: Town, sittings: Sittings) -> Array:
    """What each sitting is for."""
    rng, n, people = town.rng, len(sittings), town.viewers
    viewer = sittings.viewer
    favourite = (people["favourite"][viewer] >= 0) & (rng.random(n) < people["favourite_share"][viewer])
    drawn = rng.random(n)
    return np.select(
        [
            (sittings.ritual > 0) | favourite,
            drawn > 1 - _CHANNEL_SHARE,
            drawn > 1 - _CHANNEL_SHARE - _CLIP_SHARE,
            drawn < people["film_share"][viewer],
        ],
        [FIXED, CHANNEL, CLIP, FILM],
        SHOW,
    )


def _how_many(town: Town, sittings: Sittings, goal: Array, fixed: Array) -> Array:
    """How many titles follow one another in each sitting; the last begins before bed, or before the ritual's end."""
    rng, ritual = town.rng, sittings.ritual
    again = 1 + rng.poisson(town.rituals["again"][ritual])
    wanted = np.where(ritual == 0, rng.geometric(_THE_LAST[goal]), again)
    until = np.where(ritual == 0, town.viewers["bed"][sittings.viewer], town.rituals["until"][ritual])
    lasts_s = np.where(ritual == 0, _TYPICAL_S, town.catalogue.runtime_s[fixed])
    n: Array = np.minimum(wanted, 1 + (until * 60 - sittings.second).clip(0) // lasts_s)
    return n


def _titles(town: Town, sittings: Sittings, of: Array, nth: Array, goal: Array, fixed: Array) -> Array:
    """One title for each play; whoever follows shows sees two at a time, episode after episode."""
    rng = town.rng
    own = town.viewers["genre"][sittings.viewer]
    title = fixed[of]
    series = np.flatnonzero(town.rituals["series"][sittings.ritual][of])
    ritual = sittings.ritual[of[series]]
    gone = (sittings.day[of[series]] - town.rituals["first"][ritual]) * (1 + town.rituals["again"][ritual])
    steps = (gone.astype(np.int64) + nth[series]) % town.rituals["circle"][ritual]
    title[series] = next_episode(title[series], steps)

    def taste(genre: Array) -> Array:
        usual = (genre == 0) | (rng.random(len(genre)) < _OWN_TASTE)
        return np.where(usual, genre, rng.integers(0, GENRES, len(genre)))

    title[goal == FILM] = town.catalogue.films(rng, taste(own[of[goal == FILM]]))
    title[goal == CHANNEL] = channels(rng, int((goal == CHANNEL).sum()))
    title[goal == CLIP] = clips(rng, int((goal == CLIP).sum()))
    show = np.flatnonzero(goal == SHOW)
    thread = (2 * sittings.viewer + rng.integers(0, 2, len(sittings)))[of[show]]
    order = np.argsort(thread, kind="stable")
    show, thread = show[order], thread[order]
    begun = rng.integers(0, EPISODES, 2 * len(town.viewers))  # nobody begins at the beginning when the log does
    episode = np.arange(len(show)) - np.searchsorted(thread, thread) + begun[thread]
    new = np.diff(thread * len(title) + episode // EPISODES, prepend=-1) != 0
    first_episode = town.catalogue.shows(rng, taste(own[of[show[new]]]))
    title[show] = first_episode[np.cumsum(new) - 1] + episode % EPISODES
    return title


def _with_pauses(town: Town, plan: _Plan) -> _Plan:
    """Some plays are paused and resumed within half an hour: two stretches, the second from where the first ended."""
    rng, n = town.rng, len(plan.of)
    paused = ~plan.sure & (plan.seconds > _LONG_ENOUGH_S) & (rng.random(n) < _PAUSED)
    cut = np.where(paused, plan.seconds * rng.uniform(0.15, 0.85, n), plan.seconds).astype(np.int64)
    row = np.repeat(np.arange(n), 1 + paused)
    again = np.diff(row, prepend=-1) == 0
    parts = _Plan(*(getattr(plan, field.name)[row] for field in fields(_Plan)))
    return replace(
        parts,
        wait_s=np.where(again, rng.integers(60, 1_500, len(row)), parts.wait_s),
        seconds=np.where(again, parts.seconds - cut[row], cut[row]),
        position_s=np.where(again & (parts.position_s >= 0), cut[row], parts.position_s),
        by=np.where(again & (parts.by >= 0), USER, parts.by),
    )


def _machines(town: Town) -> Stretches:
    """Title after title in each shift, a shift being a day's hours or, round the clock, all days on end."""
    rng, rows = town.rng, town.machines
    first, last, begin, end = (rows[name] for name in ("first", "last", "from_minute", "to_minute"))
    nonstop = (begin == 0) & (end == 1440)
    shifts = np.where(nonstop, 1, last - first + 1)
    machine = np.repeat(np.arange(len(rows)), shifts)
    day = first[machine] + np.arange(len(machine)) - np.repeat(np.cumsum(shifts) - shifts, shifts)
    last_day = np.where(nonstop, last, 0)[machine] + np.where(nonstop[machine], 0, day)
    zone = zones(town, rows["place"])[machine]
    start_ms = to_utc(zone, milliseconds(town.first_day, day, begin[machine] * 60))
    # A shift may go on after midnight, but not after the last of all days.
    closing = np.minimum(last_day * 1440 + end[machine], town.days * 1440)
    end_ms = to_utc(zone, milliseconds(town.first_day, np.zeros_like(closing), closing * 60))

    length, gap, jitter = (rows[name][machine] for name in ("length_s", "gap_s", "jitter_s"))
    n = ((end_ms - start_ms) // 1000 // (length + gap + jitter)).clip(0)
    shift = np.repeat(np.arange(len(machine)), n)
    step = length[shift] + gap[shift] + rng.integers(-jitter[shift], jitter[shift] + 1)
    done = np.cumsum(step)
    offset = done - step - np.repeat(np.append(0, done)[np.cumsum(n) - n], n)
    which = machine[shift]
    nth = np.arange(len(shift)) - np.repeat(np.cumsum(n) - n, n)
    title = rows["title"][which] + nth % rows["playlist"][which]
    runtime = town.catalogue.runtime_s[title]
    today = day[shift] + offset // 86_400
    swaps = rows["nth"][which] + today // rows["swap_days"][which]
    place, device = rows["place"][which], rows["device"][which] + swaps % rows["devices"][which]
    return Stretches(
        account=rows["account"][which] + (rows["nth"][which] + today) % rows["accounts"][which],
        profile=np.zeros_like(which),
        device=shown_ids(town, device, today),
        place=place,
        slot=slots(town, place, device, today),
        zone=zone[shift],
        title=title,
        start_ms=start_ms[shift] + offset * 1000,
        seconds=np.where(runtime == 0, length[shift], np.minimum(length[shift], runtime)),
        position_s=np.where(runtime == 0, -1, 0),
        by=np.where(rng.random(len(which)) < _STARTER_UNKNOWN, -1, AUTOPLAY),
    )
