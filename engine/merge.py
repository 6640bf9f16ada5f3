"""Three-way merge of one record, field by field: what both sides last agreed on, what is here, what is there.

A pure function. *Moved* means: not what that side held when they last agreed. Changes to different fields merge; the same field moved apart
is settled by its rule, or left to a person.
"""
from collections.abc import Mapping

from ..clients.books import LineEdits, Value
from .merge_lines import (
    as_sent,
    assigned,
    equal_pairs,
    flowing,
    is_known,
    known_alike,
    replacing,
    same,
    same_fields,
    same_lines,
    within,
    without,
)
from .merge_rules import BOTH, DELETED, LOCAL, NEWEST, OFF, PULL, PUSH, REMOTE, Base, Conflict, Merged, Rule, Settled, is_empty


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
            elif not same(local[name], remote[name]):
                self._send(name, self._winner(name, rule, local[name], remote[name], same), local[name], remote[name])
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
        if is_known(self.base, name):
            here, there = not same(local, self.base.local[name]), not same(remote, self.base.remote[name])
        else:   # nothing was agreed on: what one side lacks comes from the other
            here, there = not is_empty(local), not is_empty(remote)
        return here and rule.direction != PULL, there and rule.direction != PUSH

    # -- lines ------------------------------------------------------------------------------------------------------------------

    def _lines(self, name, rule, local, remote):
        """Decide a list of lines: one by one, or as a whole where nothing was agreed on yet and nothing tells which line is which."""
        local, remote = flowing(local, rule), flowing(remote, rule)
        known = is_known(self.base, name)
        if known or rule.key:
            base = [flowing(told[name], rule) for told in (self.base.local, self.base.remote)] if known else [(), ()]
            edits = _LineMerge(self, name, rule, *base)
            for_local, for_remote = edits.of(local, remote)
            self.twins[name] = edits.twins
            if for_local:
                self.to_local[name] = for_local
            if for_remote:
                self.to_remote[name] = for_remote
        elif not same_lines(local, remote):
            winner = self._winner(name, rule, local, remote, same_lines)
            self._send(name, winner, replacing(remote, local, rule, PUSH), replacing(local, remote, rule, PULL))


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
        ours, new_here = assigned(self.base_local, local, self.rule.key)
        theirs, new_there = assigned(self.base_remote, remote, self.rule.key)
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
        merged = inner.of(here.fields, there.fields, within(self.rule))
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
        if may_return and not same_fields(kept.fields, base.fields):
            values = (DELETED, kept.fields) if here is None else (kept.fields, DELETED)
            winner = self.outer.settle(f'{self.name}/{kept.key}', self.rule, base.fields, *values) if may_remove else other
        if winner == gone:
            self.remove[other].append(kept.key)
        elif winner == other:
            self.add[gone].append(as_sent(kept, self.rule, PULL if gone == LOCAL else PUSH))

    def _met(self, here, there):
        """The new lines of either side that are not the same as one of the other: by content, or by what such lines are known by."""
        twins = equal_pairs(here, there)
        here, there = without(here, twins, 0), without(there, twins, 1)
        known = known_alike(here, there, self.rule.key)
        for pair in known:
            self._merge(None, *pair)
        self.twins = tuple((ours.key, theirs.key) for ours, theirs in (*twins, *known))
        return without(here, known, 0), without(there, known, 1)

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
            self.add[REMOTE] += [as_sent(line, self.rule, PUSH) for line in here]
        if self.rule.direction in (BOTH, PULL):
            self.add[LOCAL] += [as_sent(line, self.rule, PULL) for line in there]
