"""Three-way merge of one record, field by field: what both sides last agreed on, what is here, what is there.

A pure function over canonical values (:mod:`clients.books`) that point to other records in one language for both sides. *Moved* means: not
what that side held when they last agreed. Changes to different fields merge; the same field moved apart is settled by its rule, or left to
a person.
"""
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..clients.books import Line, LineEdits, Value

BOTH, PULL, PUSH, OFF = 'both', 'pull', 'push', 'off'
LOCAL, REMOTE, NEWEST, ASK = 'local', 'remote', 'newest', 'ask'
DELETED = 'deleted'


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field flows.

    :param direction: both, pull (from there to here only), push, off
    :param policy: who wins where both sides moved apart: local, remote, newest, ask
    :param lines: rules of the fields of its lines, for a list of lines
    :param key: the field by which such lines are known, as bank accounts are by their number; '' where two lines may be equal
    """

    direction: str = BOTH
    policy: str = ASK
    lines: Mapping[str, 'Rule'] | None = None
    key: str = ''


@dataclass(frozen=True, slots=True)
class Base:
    """What each side held when they last agreed: the same, but for values that a side keeps in a way of its own (upper case, its rounding).

    A list of lines holds the same lines in the same places on both sides.
    """

    local: Mapping[str, Value] = field(default_factory=dict)
    remote: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides moved apart, and that a person decides.

    :param name: the field; for a field of a line `lines/KEY/field`, where KEY is the line's key here (or there, when it is gone here)
    :param base, local, remote: what they agreed on, what is here and there; :data:`DELETED` for a line that one side removed
    """

    name: str
    base: Value
    local: Value
    remote: Value


@dataclass(frozen=True, slots=True)
class Settled:
    """A field that both sides moved apart, and that its rule decided."""

    name: str
    winner: str
    won: Value
    lost: Value


@dataclass(frozen=True, slots=True)
class Merged:
    """What to write on either side, and what a person must decide.

    :param twins: {list: pairs of keys} of lines that were added on both sides and are the same
    :param doubtful: lists of which it is asked whether a line that was added on one side is the one that was added on the other
    """

    to_local: Mapping[str, Value | LineEdits] = field(default_factory=dict)
    to_remote: Mapping[str, Value | LineEdits] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    settled: tuple[Settled, ...] = ()
    twins: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()

    def __bool__(self):
        return bool(self.to_local or self.to_remote or self.conflicts)


def merge(base: Base | None, local: Mapping[str, Value], remote: Mapping[str, Value], rules: Mapping[str, Rule],
          newer: str | None = None, decided: Mapping[str, str] | None = None, is_careful: bool = False) -> Merged:
    """Merge the fields that have a rule and that both sides tell.

    :param base: None when the two records were only just found to be the same: then what one side lacks is filled from the other
    :param newer: the side that was changed last, None when that cannot be said
    :param decided: what a person decided, {name of a conflict, or of a whole list: 'local' or 'remote'}
    :param is_careful: lines may have been written of which nobody remembers it: where both sides have new ones that are not equal, one may
        be the other, changed since. They are a conflict, of the whole list
    """
    return _Merge(base, newer, decided or {}, is_careful=is_careful).of(local, remote, rules)


def agree(base: Base | None, merged: Merged, local: Mapping[str, Value], remote: Mapping[str, Value], rules: Mapping[str, Rule],
          own: Collection[str] = (), before: Base | None = None, written: Collection[str] = ()) -> Base:
    """What the two sides agree on after `merged` was written, as both were read again.

    A value that was written and that the other side keeps in its own way is agreed on as it is: else it would go to and fro for ever. Where
    it came from it is agreed on as it was sent: if it changed there meanwhile, that is a change. What was neither equal nor written (a
    conflict, a field that does not flow) keeps its old base.

    What was agreed on and what a side that was written to computed anew, because of what was written, is agreed on as it is: it is nobody's
    change. Where a field only comes from that side, it is that side's to say.

    :param own: names of what is sent as something else than it is where it comes from
    :param before: what both sides held before anything was written
    :param written: sides that were written to, and by nobody else since
    """
    old = base or Base()
    new_local, new_remote = dict(old.local), dict(old.remote)
    for name, rule in rules.items():
        if rule.direction == OFF or name not in local or name not in remote:
            continue
        is_written = name in merged.to_local or name in merged.to_remote
        if rule.lines is not None:
            pairs = _agreed_lines(name, rule, old, merged, local[name], remote[name], before, written)
            if pairs is not None:
                new_local[name], new_remote[name] = pairs
        elif is_written or _same(local[name], remote[name]):
            sent = ({}, {}) if name in own else (merged.to_remote, merged.to_local)
            new_local[name], new_remote[name] = sent[0].get(name, local[name]), sent[1].get(name, remote[name])
        elif before and name not in own and name in unmoved({name: rule}, old.local, old.remote, before.local, before.remote):
            new_local[name] = local[name] if LOCAL in written and rule.direction != PUSH else before.local[name]
            new_remote[name] = remote[name] if REMOTE in written and rule.direction != PULL else before.remote[name]
    return Base(new_local, new_remote)


def unmoved(rules: Mapping[str, Rule], was_source: Mapping[str, Value], was_target: Mapping[str, Value], source: Mapping[str, Value],
            target: Mapping[str, Value], way: str = '') -> list[str]:
    """Names of fields that nobody has changed since they were agreed on, or that were the same from the beginning.

    :param was_source, was_target: what was agreed on
    :param way: only what flows to the target: :data:`PUSH` or :data:`PULL`
    """
    return [name for name, rule in rules.items() if rule.direction != OFF and (not way or rule.direction in (BOTH, way))
            and name in source and name in target and (
                _same(source[name], was_source[name]) and _same(target[name], was_target[name])
                if name in was_source and name in was_target else _same(source[name], target[name]))]


def unmoved_lines(rule: Rule, was_source: Sequence[Line], was_target: Sequence[Line], source: Sequence[Line], target: Sequence[Line],
                  way: str) -> Iterator[tuple[str, dict[str, Value]]]:
    """(key in the target, its fields that nobody has changed) of the lines that both sides know."""
    sources, targets = ({line.key: line.fields for line in lines} for lines in (source, target))
    for ours, theirs in zip(was_source, was_target, strict=True):
        if ours.key in sources and theirs.key in targets:
            here, there = sources[ours.key], targets[theirs.key]
            yield theirs.key, {name: there[name] for name in unmoved(_within(rule), ours.fields, theirs.fields, here, there, way)}


def is_empty(value: Value) -> bool:
    """Whether a value says nothing: None, an empty text, no references, no lines. False and zero say something."""
    return value is None or isinstance(value, (str, tuple, frozenset)) and not value


class _Merge:

    def __init__(self, base, newer, decided, prefix='', is_careful=False):
        self.base, self.newer, self.decided, self.prefix, self.is_careful = base, newer, decided, prefix, is_careful
        self.to_local, self.to_remote, self.conflicts, self.settled, self.twins, self.doubtful = {}, {}, [], [], {}, []

    def of(self, local, remote, rules) -> Merged:
        for name, rule in rules.items():
            if rule.direction == OFF or name not in local or name not in remote:
                continue
            if rule.lines is not None:
                self._lines(name, rule, local[name], remote[name])
            elif not _same(local[name], remote[name]):
                self._send(name, self._winner(name, rule, local[name], remote[name], _same), local[name], remote[name])
        return Merged(self.to_local, self.to_remote, tuple(self.conflicts), tuple(self.settled), self.twins, tuple(self.doubtful))

    def _send(self, name, winner, for_remote, for_local):
        if winner == LOCAL:
            self.to_remote[name] = for_remote
        elif winner == REMOTE:
            self.to_local[name] = for_local

    def _winner(self, name, rule, local, remote, same):
        """Which side's value goes to the other; None for neither."""
        here, there = self._moved(name, rule, local, remote, same)
        if here != there:
            return LOCAL if here else REMOTE
        base = self.base.local.get(name) if self.base else None
        return self.settle(self.prefix + name, rule, base, local, remote) if here else None

    def settle(self, name, rule, base, local, remote):
        """Who wins where both sides moved apart: who a person or the rule says. None for a conflict."""
        decided = self.decided.get(name) or self.decided.get(name.partition('/')[0])
        policy = self.newer if rule.policy == NEWEST else rule.policy
        winner = decided or (policy if policy in (LOCAL, REMOTE) else None)
        if winner is None:
            self.conflicts.append(Conflict(name, base, local, remote))
        elif not decided:
            won, lost = (local, remote) if winner == LOCAL else (remote, local)
            self.settled.append(Settled(name, winner, won, lost))
        return winner

    def _moved(self, name, rule, local, remote, same):
        """Whether the field moved here and there, as far as its direction lets it flow."""
        if _is_known(self.base, name):
            here, there = not same(local, self.base.local[name]), not same(remote, self.base.remote[name])
        else:   # nothing was agreed on: what one side lacks comes from the other
            here, there = not is_empty(local), not is_empty(remote)
        return here and rule.direction != PULL, there and rule.direction != PUSH

    # -- lines ------------------------------------------------------------------------------------------------------------------

    def _lines(self, name, rule, local, remote):
        """Decide a list of lines: one by one, or as a whole where nothing was agreed on yet and nothing tells which line is which."""
        local, remote = _flowing(local, rule), _flowing(remote, rule)
        known = _is_known(self.base, name)
        if known or rule.key:
            base = [_flowing(told[name], rule) for told in (self.base.local, self.base.remote)] if known else [(), ()]
            edits = _LineMerge(self, name, rule, *base)
            for_local, for_remote = edits.of(local, remote)
            self.twins[name] = edits.twins
            if for_local:
                self.to_local[name] = for_local
            if for_remote:
                self.to_remote[name] = for_remote
        elif not _same_lines(local, remote):
            winner = self._winner(name, rule, local, remote, _same_lines)
            self._send(name, winner, _replacing(remote, local, rule, PUSH), _replacing(local, remote, rule, PULL))


class _LineMerge:
    """The lines of one list: each line that both sides know is merged, new and removed ones cross over."""

    def __init__(self, outer, name, rule, base_local, base_remote):
        self.outer, self.name, self.rule = outer, f'{outer.prefix}{name}', rule
        self.base_local, self.base_remote = base_local, base_remote
        self.update = {LOCAL: {}, REMOTE: {}}
        self.add = {LOCAL: [], REMOTE: []}
        self.remove = {LOCAL: [], REMOTE: []}
        self.twins: tuple[tuple[str, str], ...] = ()

    def of(self, local, remote):
        """(edits for here, edits for there)"""
        ours, new_here = _assigned(self.base_local, local)
        theirs, new_there = _assigned(self.base_remote, remote)
        for place, (base_here, base_there) in enumerate(zip(self.base_local, self.base_remote, strict=True)):
            here, there = ours.get(place), theirs.get(place)
            if here and there:
                self._changed(base_here, base_there, here, there)
            elif here or there:
                self._removed(base_here, base_there, here, there)
        new_here, new_there = self._met(new_here, new_there)
        if self.outer.is_careful and new_here and new_there:
            self._ask(local, remote, new_here, new_there)
        else:
            self._add(new_here, new_there)
        return (LineEdits(self.update[side], tuple(self.add[side]), tuple(self.remove[side])) for side in (LOCAL, REMOTE))

    def _changed(self, base_here, base_there, here, there):
        self._merge(Base(base_here.fields, base_there.fields), here, there)

    def _merge(self, base, here, there):
        inner = _Merge(base, self.outer.newer, self.outer.decided, f'{self.name}/{here.key}/')
        merged = inner.of(here.fields, there.fields, _within(self.rule))
        self.outer.conflicts += merged.conflicts
        self.outer.settled += merged.settled
        if merged.to_local:
            self.update[LOCAL][here.key] = merged.to_local
        if merged.to_remote:
            self.update[REMOTE][there.key] = merged.to_remote

    def _removed(self, base_here, base_there, here, there):
        """One side removed the line: so does the other, unless it changed the line meanwhile."""
        gone, other, kept, base = (LOCAL, REMOTE, there, base_there) if here is None else (REMOTE, LOCAL, here, base_here)
        may_remove = self.rule.direction in (BOTH, PUSH if gone == LOCAL else PULL)
        may_return = self.rule.direction in (BOTH, PULL if gone == LOCAL else PUSH)
        winner = gone if may_remove else None
        if may_return and not _same_fields(kept.fields, base.fields):
            values = (DELETED, kept.fields) if here is None else (kept.fields, DELETED)
            winner = self.outer.settle(f'{self.name}/{kept.key}', self.rule, base.fields, *values) if may_remove else other
        if winner == gone:
            self.remove[other].append(kept.key)
        elif winner == other:
            self.add[gone].append(_sent(kept, self.rule, PULL if gone == LOCAL else PUSH))

    def _met(self, here, there):
        """The new lines of either side that are not the same as one of the other: by content, or by what such lines are known by."""
        twins = _twins(here, there)
        here, there = _without(here, twins, 0), _without(there, twins, 1)
        known = _known_alike(here, there, self.rule.key)
        for pair in known:
            self._merge(None, *pair)
        self.twins = tuple((ours.key, theirs.key) for ours, theirs in (*twins, *known))
        return _without(here, known, 0), _without(there, known, 1)

    def _ask(self, local, remote, here, there):
        """One of the new lines may be another one's copy: whose are kept?"""
        self.outer.doubtful.append(self.name)
        winner = self.outer.settle(self.name, self.rule, self.base_local, local, remote)
        if winner == LOCAL:
            self.remove[REMOTE] += [line.key for line in there]
            self._add(here, [])
        elif winner == REMOTE:
            self.remove[LOCAL] += [line.key for line in here]
            self._add([], there)

    def _add(self, here, there):
        """New lines cross over."""
        if self.rule.direction in (BOTH, PUSH):
            self.add[REMOTE] += [_sent(line, self.rule, PUSH) for line in here]
        if self.rule.direction in (BOTH, PULL):
            self.add[LOCAL] += [_sent(line, self.rule, PULL) for line in there]


def _agreed_lines(name, rule, old, merged, local, remote, before, written):
    """(lines here, lines there) that belong together now, in the same places; None where nothing is known of them yet."""
    local, remote = _flowing(local, rule), _flowing(remote, rule)
    is_written = name in merged.to_local or name in merged.to_remote
    known = _is_known(old, name)
    if not known and not rule.key and not is_written and not _same_lines(local, remote):
        return None
    base_here, base_there = (_flowing(old.local[name], rule), _flowing(old.remote[name], rule)) if known else ((), ())
    ours, new_here = _by_key(base_here, local)
    theirs, new_there = _by_key(base_there, remote)
    lines_before = [{line.key: line.fields for line in told.get(name, ())} for told in (before.local, before.remote)] if before else None
    pairs = [_agreed_pair(name, rule, merged, (base_here[place], base_there[place]), ours[place], theirs[place], lines_before, written)
             for place in sorted(ours.keys() & theirs.keys())]
    alone_here, alone_there = ours.keys() - theirs.keys(), theirs.keys() - ours.keys()
    twins, new_here, new_there = _agreed_twins(name, rule, merged, new_here, new_there)
    pairs += twins
    found = _found(merged, name, new_here + [ours[place] for place in sorted(alone_here)],
                   new_there + [theirs[place] for place in sorted(alone_there)], base_here, base_there)
    pairs += [(_as_sent(here, merged.to_remote, name), _as_sent(there, merged.to_local, name)) for here, there in found]
    # Removed on one side and not yet on the other: the base keeps it until that is decided.
    pairs += [(base_here[place], base_there[place]) for place in sorted(alone_here | alone_there)
              if not any(ours.get(place) is here or theirs.get(place) is there for here, there in found)]
    return tuple(here for here, _there in pairs), tuple(there for _here, there in pairs)


def _found(merged, name, here, there, base_here, base_there):
    """Pairs among the lines without a partner: what was sent and what came of it in the order of sending, then equal ones."""
    pairs: list[tuple[Line, Line]] = []
    sent_here, sent_there = _sent_lines(merged.to_remote, name, here), _sent_lines(merged.to_local, name, there)
    created_here, created_there = _created(here, sent_here, base_here), _created(there, sent_there, base_there)
    for ours, theirs in ((sent_here, created_there), (created_here, sent_there)):
        if len(ours) == len(theirs):
            pairs += zip(ours, theirs, strict=True)
    return pairs + _twins(_without(here, pairs, 0), _without(there, pairs, 1))


def _agreed_twins(name, rule, merged, here, there):
    """(what is agreed on of lines that were added on both sides, the other new lines here, those there)"""
    twins, by_key = dict(merged.twins.get(name, ())), {line.key: line for line in there}
    pairs = [(line, by_key[twins[line.key]]) for line in here if twins.get(line.key) in by_key]
    agreed = [_agreed_pair(name, rule, merged, (Line('', {}), Line('', {})), *pair) for pair in pairs]
    return agreed, _without(here, pairs, 0), _without(there, pairs, 1)


def _as_sent(line, edits, name):
    """A line that was sent to the other side, as it was then."""
    sent = next((one for one in edits[name].add if one.key == line.key), None) if name in edits else None
    return Line(line.key, {**line.fields, **{key: value for key, value in sent.fields.items() if key in line.fields}}) if sent else line


def _sent_lines(edits, name, lines):
    """The lines that were sent to be added on the other side, in that order."""
    by_key = {line.key: line for line in lines}
    return [by_key[line.key] for line in edits[name].add if line.key in by_key] if name in edits else []


def _created(lines, sent, base):
    """The lines that nobody knew before."""
    known = {line.key for line in (*sent, *base)}
    return [line for line in lines if line.key not in known]


def _agreed_pair(name, rule, merged, old_pair, here, there, lines_before=None, written=()):
    edits = Merged(_edits_of(merged.to_local, name, here.key), _edits_of(merged.to_remote, name, there.key))
    before = lines_before and Base(lines_before[0].get(here.key, {}), lines_before[1].get(there.key, {}))
    agreed = agree(Base(old_pair[0].fields, old_pair[1].fields), edits, here.fields, there.fields, _within(rule), before=before,
                   written=written)
    return Line(here.key, agreed.local), Line(there.key, agreed.remote)


def _edits_of(edits, name, key):
    return edits[name].update.get(key, {}) if name in edits else {}


def _within(rule):
    """The rules of the fields of a list's lines: none of them flows where the list does not."""
    if rule.direction == BOTH:
        return rule.lines
    return {name: replace(inner, direction=rule.direction if inner.direction in (BOTH, rule.direction) else OFF)
            for name, inner in rule.lines.items()}


def _by_key(base, lines):
    """({place in the base: line}, new lines)"""
    places = {line.key: place for place, line in enumerate(base) if line.key}
    found = {places[line.key]: line for line in lines if line.key in places}
    return found, [line for line in lines if line.key not in places]


def _assigned(base, lines):
    """({place in the base: line}, new lines): by key, then by content, for some replace all their lines when one changes."""
    found, left = _by_key(base, lines)
    new = []
    for line in left:
        place = next((place for place, one in enumerate(base) if place not in found and _same_fields(one.fields, line.fields)), None)
        if place is None:
            new.append(line)
        else:
            found[place] = line
    return found, new


def _twins(here, there):
    """Pairs of equal lines, one here and one there."""
    left, pairs = list(there), []
    for line in here:
        twin = next((other for other in left if _same_fields(line.fields, other.fields)), None)
        if twin:
            left.remove(twin)
            pairs.append((line, twin))
    return pairs


def _known_alike(here, there, key):
    """Pairs of lines that are known by the same, whatever else they say."""
    by_key = {_plain(line.fields.get(key)): line for line in there if key}
    pairs = [(line, by_key.pop(_plain(line.fields.get(key)), None)) for line in here if key and _plain(line.fields.get(key))]
    return [(line, other) for line, other in pairs if other]


def _plain(value):
    """A number however it is written."""
    return ''.join(character for character in value if character.isalnum()).upper() if isinstance(value, str) else value


def _without(lines, pairs, side):
    return [line for line in lines if not any(line is pair[side] for pair in pairs)]


def _flowing(lines, rule):
    """Lines with those fields only that flow."""
    names = {name for name, inner in rule.lines.items() if inner.direction != OFF}
    return tuple(Line(line.key, {name: value for name, value in line.fields.items() if name in names}) for line in lines)


def _sent(line, rule, way):
    """A line as it goes to the side that `way` leads to: without the fields that do not go there."""
    rules = _within(rule)
    return Line(line.key, {name: value for name, value in line.fields.items() if rules[name].direction in (BOTH, way)})


def _replacing(old, new, rule, way):
    return LineEdits(add=tuple(_sent(line, rule, way) for line in new), remove=tuple(line.key for line in old))


def _is_known(base, name):
    return base is not None and name in base.local and name in base.remote


def _same(one, other):
    return type(one) is type(other) and one == other


def _same_fields(one, other):
    return all(_same(one[name], other[name]) for name in one.keys() & other.keys())


def _same_lines(one, other):
    return len(one) == len(other) and all(_same_fields(a.fields, b.fields) for a, b in zip(one, other, strict=True))
