"""What two sides agree on once a merge was written, and what nobody has changed since."""
from collections.abc import Collection, Iterator, Mapping, Sequence

from ..clients.books import Line, Value
from .merge_lines import equal_pairs, flowing, is_known, known_alike, known_lines, same, same_lines, within, without
from .merge_rules import BOTH, LOCAL, OFF, PULL, PUSH, REMOTE, Base, Merged, Rule


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
        elif is_written or same(local[name], remote[name]):
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
                same(source[name], was_source[name]) and same(target[name], was_target[name])
                if name in was_source and name in was_target else same(source[name], target[name]))]


def unmoved_lines(rule: Rule, was_source: Sequence[Line], was_target: Sequence[Line], source: Sequence[Line], target: Sequence[Line],
                  way: str) -> Iterator[tuple[str, dict[str, Value]]]:
    """(key in the target, its fields that nobody has changed) of the lines that both sides know."""
    sources, targets = ({line.key: line.fields for line in lines} for lines in (source, target))
    for ours, theirs in zip(was_source, was_target, strict=True):
        if ours.key in sources and theirs.key in targets:
            here, there = sources[ours.key], targets[theirs.key]
            yield theirs.key, {name: there[name] for name in unmoved(within(rule), ours.fields, theirs.fields, here, there, way)}


def _agreed_lines(name, rule, old, merged, local, remote, before, written):
    """(lines here, lines there) that belong together now, in the same places; None where nothing is known of them yet."""
    local, remote = flowing(local, rule), flowing(remote, rule)
    is_written = name in merged.to_local or name in merged.to_remote
    known = is_known(old, name)
    if not known and not rule.key and not is_written and not same_lines(local, remote):
        return None
    base_here, base_there = (flowing(old.local[name], rule), flowing(old.remote[name], rule)) if known else ((), ())
    ours, new_here = known_lines(base_here, local)
    theirs, new_there = known_lines(base_there, remote)
    lines_before = [{line.key: line.fields for line in told.get(name, ())} for told in (before.local, before.remote)] if before else None
    pairs = [_agreed_pair(name, rule, merged, (base_here[place], base_there[place]), ours[place], theirs[place], lines_before, written)
             for place in sorted(ours.keys() & theirs.keys())]
    alone_here, alone_there = ours.keys() - theirs.keys(), theirs.keys() - ours.keys()
    twins, new_here, new_there = _agreed_twins(name, rule, merged, new_here, new_there)
    pairs += twins
    left_here, left_there = ([*new, *(known[place] for place in sorted(alone))] for new, known, alone in (
        (new_here, ours, alone_here), (new_there, theirs, alone_there)))
    found = _found(merged, name, left_here, left_there, base_here, base_there)
    alike = known_alike(without(left_here, found, 0), without(left_there, found, 1), rule.key)
    pairs += [_agreed_pair(name, rule, merged, _old_pair(base_here, base_there, ours, theirs, pair), *pair) for pair in alike]
    pairs += [(_as_sent(here, merged.to_remote, name), _as_sent(there, merged.to_local, name)) for here, there in found]
    # Removed on one side and not yet on the other: the base keeps it until that is decided.
    pairs += [(base_here[place], base_there[place]) for place in sorted(alone_here | alone_there)
              if not any(ours.get(place) is here or theirs.get(place) is there for here, there in (*found, *alike))]
    return tuple(here for here, _there in pairs), tuple(there for _here, there in pairs)


def _old_pair(base_here, base_there, ours, theirs, pair):
    """What was agreed on about one of two lines, nothing where both are new."""
    place = next((place for place in range(len(base_here)) if ours.get(place) is pair[0] or theirs.get(place) is pair[1]), None)
    return (Line('', {}), Line('', {})) if place is None else (base_here[place], base_there[place])


def _found(merged, name, here, there, base_here, base_there):
    """Pairs among the lines without a partner: what was sent and what came of it in the order of sending, then equal ones."""
    pairs: list[tuple[Line, Line]] = []
    sent_here, sent_there = _sent_lines(merged.to_remote, name, here), _sent_lines(merged.to_local, name, there)
    created_here, created_there = _created(here, sent_here, base_here), _created(there, sent_there, base_there)
    for ours, theirs in ((sent_here, created_there), (created_here, sent_there)):
        if len(ours) == len(theirs):
            pairs += zip(ours, theirs, strict=True)
    return pairs + equal_pairs(without(here, pairs, 0), without(there, pairs, 1))


def _agreed_twins(name, rule, merged, here, there):
    """(what is agreed on of lines that were added on both sides, the other new lines here, those there)"""
    twins, by_key = dict(merged.twins.get(name, ())), {line.key: line for line in there}
    pairs = [(line, by_key[twins[line.key]]) for line in here if twins.get(line.key) in by_key]
    agreed = [_agreed_pair(name, rule, merged, (Line('', {}), Line('', {})), *pair) for pair in pairs]
    return agreed, without(here, pairs, 0), without(there, pairs, 1)


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
    agreed = agree(Base(old_pair[0].fields, old_pair[1].fields), edits, here.fields, there.fields, within(rule), before=before,
                   written=written)
    return Line(here.key, agreed.local), Line(there.key, agreed.remote)


def _edits_of(edits, name, key):
    return edits[name].update.get(key, {}) if name in edits else {}
