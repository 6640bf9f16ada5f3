"""What is to be done about a record that two sides have, or one side alone. Decides, writes nothing: a dry run is a run without the rest.

References are in one language for both sides: what both sides know is `#` and the number of its binding, what only one side knows is
`here:KEY` or `there:KEY`.
"""
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..clients.books import ARCHIVED, CANCELLED, DRAFT, POSTED, Intent, Line, LineEdits, Record, Ref, Value
from .agree import unmoved, unmoved_lines
from .entities import CREATE, FILE, STATE, Entity
from .merge import merge
from .merge_lines import replacing
from .merge_rules import BOTH, LOCAL, OFF, PULL, PUSH, REMOTE, Base, Conflict, Merged, Rule, is_empty

HERE, THERE = 'here', 'there'
#: What a plan does.
NOTHING, UPDATE, CREATE_HERE, CREATE_THERE, BLOCKED, IGNORED = 'nothing', 'update', 'create_here', 'create_there', 'blocked', 'ignored'
#: It may be there already: a person says.
ASKED = 'asked'
#: Why a change of a posted document was left to a person.
POSTED_DOCUMENT = 'posted'


@dataclass(frozen=True, slots=True)
class Options:
    """How a flow treats what is not the same on both sides.

    :param direction: both, pull or push
    :param missing_here, missing_there: create, link or ignore what this side lacks
    :param arrives_as: draft or posted, for documents that are posted where they come from
    :param archives: whether archiving (and deleting) crosses, as archiving
    :param follows: whether a posted document is reset, changed or cancelled because the other side was; else a person is asked
    """

    direction: str = BOTH
    missing_here: str = CREATE
    missing_there: str = CREATE
    arrives_as: str = POSTED
    archives: bool = True
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one record.

    :param needs: references that one side does not know yet
    :param held: names of fields that were not written because the document is posted, by the side that it would have changed
    """

    kind: str
    to_local: Intent | None = None
    to_remote: Intent | None = None
    merged: Merged = field(default_factory=Merged)
    needs: frozenset[Ref] = frozenset()
    held: tuple[Conflict, ...] = ()

    def intents(self) -> list[tuple[str, Intent]]:
        """(side, what to write there)"""
        return [(side, intent) for side, intent in ((HERE, self.to_local), (THERE, self.to_remote)) if intent]

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What a person decides: of a list that is held as a whole nothing of its lines besides."""
        held = {one.name for one in self.held}
        return (*(one for one in self.merged.conflicts if one.name.partition('/')[0] not in held), *self.held)


def plan_pair(entity: Entity, base: Base | None, local: Record, remote: Record, rules: Mapping[str, Rule], options: Options, *,
              newer: str | None = None, decided: Mapping[str, str] | None = None, known: Collection[Ref] = (),
              is_careful: bool = False) -> Plan:
    """The plan for a record that both sides have.

    :param rules: of the fields, and of :data:`STATE`
    :param known: references that both sides will know by then, in a dry run
    :param is_careful: an earlier run may have written lines of which nobody remembers it
    """
    decided = decided or {}
    here = {**with_number(entity, base and base.local, local.fields), STATE: local.state}
    there = {**with_number(entity, base and base.remote, remote.fields), STATE: remote.state}
    told = rules
    rules = _without_own(entity, _without_checks(entity, rules), base, here, there)
    merged = _turned(merge(base, here, there, rules, newer, decided, is_careful), here, there, decided, rules)
    undecided = merge(base, here, there, rules, newer, is_careful=is_careful) if decided else merged
    to_local, held_here = _kept_apart(
        entity, local, merged.to_local, options, _allowed(decided, undecided.to_local),
        _may_be_ours(entity, base, HERE, here, rules))
    to_remote, held_there = _kept_apart(
        entity, remote, merged.to_remote, options, _allowed(decided, undecided.to_remote),
        _may_be_ours(entity, base, THERE, there, rules))
    if STATE in {*held_here, *held_there, *(conflict.name for conflict in merged.conflicts)}:
        to_local, to_remote = _without_content(entity, to_local), _without_content(entity, to_remote)
    merged = replace(merged, to_local=to_local, to_remote=to_remote)
    held = (*(_held(name, base, local, remote) for name in held_here), *(_held(name, base, local, remote) for name in held_there))
    needs = frozenset((*unknown(to_local, THERE), *unknown(to_remote, HERE))).difference(known)
    if needs:
        return Plan(BLOCKED, merged=merged, needs=needs, held=held)
    keeps_here = _keeps(entity, base, PULL, there, here, to_local, rules)
    keeps_there = _keeps(entity, base, PUSH, here, there, to_remote, rules)
    return Plan(UPDATE if to_local or to_remote else NOTHING,
                _intent(entity, local, to_local, _expected(entity, remote, told, to_remote), keeps_here),
                _intent(entity, remote, to_remote, _expected(entity, local, told, to_local), keeps_there), merged, held=held)


def plan_alone(entity: Entity, record: Record, side: str, rules: Mapping[str, Rule], options: Options, marker: str,
               defaults: Mapping[str, Value] | None = None, is_needed: bool = False, known: Collection[Ref] = ()) -> Plan:
    """The plan for a record that only one side has.

    :param side: where it is: :data:`HERE` or :data:`THERE`
    :param defaults: values of fields that do not flow, for the new record; of fields of its lines by `lines/field`
    :param known: references that both sides will know by then, in a dry run
    :param is_needed: another record points to it: then it crosses also when it is archived
    """
    missing = options.missing_there if side == HERE else options.missing_here
    way = PUSH if side == HERE else PULL
    if options.direction not in (BOTH, way) or missing != CREATE or record.state == ARCHIVED and not is_needed:
        return Plan(IGNORED)
    sent = _sent(record.fields, _without_checks(entity, rules), way, {field.name for field in entity.fields if field.initial})
    if not all(any(sent.get(name) for name in group) for group in entity.one_of):
        return Plan(IGNORED)
    needs = frozenset(unknown(sent, side)).difference(known)
    if needs and entity.is_appendix:
        return Plan(IGNORED)        # looked at again when its document is on both sides
    if needs:
        return Plan(BLOCKED, needs=needs)
    if record.state == CANCELLED:
        return Plan(IGNORED)
    state = ARCHIVED if record.state == ARCHIVED else POSTED if record.state == POSTED and options.arrives_as == POSTED else ''
    expects = _expected(entity, record, rules) if state == POSTED else {}
    fields = _completed(sent, defaults or {})
    intent = Intent(entity.name, marker=marker, fields=fields, state=state, expects=expects)
    return Plan(CREATE_THERE, to_remote=intent) if side == HERE else Plan(CREATE_HERE, to_local=intent)


def _completed(sent, defaults, prefix=''):
    """What is sent, with values for what does not flow."""
    own = {name[len(prefix):]: value for name, value in defaults.items() if name.startswith(prefix) and '/' not in name[len(prefix):]}
    inner = {name: tuple(Line(line.key, _completed(line.fields, defaults, f'{name}/')) for line in value)
             for name, value in sent.items() if isinstance(value, tuple)}
    return {**own, **sent, **inner}


def wrong_totals(entity: Entity, local: Record, remote: Record, rules: Mapping[str, Rule]) -> list[str]:
    """Names of the amounts that both sides compute and that are not the same to the cent."""
    return [name for name in _checks(entity, rules) if name in local.fields and name in remote.fields
            and local.fields[name] != remote.fields[name]]


def unknown(value, side: str) -> Iterator[Ref]:
    """References within a value that the other side does not know."""
    if isinstance(value, Ref):
        if value.key.startswith(f'{side}:'):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from unknown(one, side)
    elif isinstance(value, (tuple, frozenset)):
        for one in value:
            yield from unknown(one.fields if isinstance(one, Line) else one, side)
    elif isinstance(value, LineEdits):
        yield from unknown(value.update, side)
        yield from unknown(value.add, side)


def _checks(entity, rules):
    return [field.name for field in entity.fields if field.check and rules.get(field.name, Rule(OFF)).direction != OFF]


def _turned(merged, here, there, decided, rules):
    """A change of one side that a person does not want: the other side's value goes back to where it was made, as far as it flows there."""
    to_local, to_remote = dict(merged.to_local), dict(merged.to_remote)
    for name, winner in decided.items():
        if winner == REMOTE and name in to_remote:
            del to_remote[name]
            to_local.update(_instead(name, here, there, rules[name], PULL))
        elif winner == LOCAL and name in to_local:
            del to_local[name]
            to_remote.update(_instead(name, there, here, rules[name], PUSH))
    return replace(merged, to_local=to_local, to_remote=to_remote)


def _instead(name, old, new, rule, way):
    """What makes the new value of the old one, {} where it does not flow that way."""
    if rule.direction not in (BOTH, way):
        return {}
    return {name: replacing(old[name], new[name], rule, way) if rule.lines is not None else new[name]}


def _without_checks(entity, rules):
    checks = {field.name for field in entity.fields if field.check}
    return {name: rule for name, rule in rules.items() if name not in checks}


def with_number(entity: Entity, agreed: Mapping[str, Value] | None, fields: Mapping[str, Value]) -> Mapping[str, Value]:
    """Fields with the number that was agreed on where it has none now: it gets the next one, and that is nobody's change."""
    lost = {field.name: agreed[field.name] for field in entity.fields
            if agreed and field.own and field.frozen and field.name in agreed and field.name in fields and is_empty(fields[field.name])}
    return {**fields, **lost}


def _without_own(entity, rules, base, here, there):
    """Each side keeps what it gave by itself before anybody knew that these are the same."""
    kept = {field.name for field in entity.fields if field.own and not (base and field.name in base.local)
            and not is_empty(here.get(field.name)) and not is_empty(there.get(field.name))}
    return {name: rule for name, rule in rules.items() if name not in kept}


def _allowed(decided, undecided):
    """Names of fields that a person decided: whole, or lines of which all that is to be written follows from what was decided."""
    return {*decided, *(name.partition('/')[0] for name in decided if name.partition('/')[0] not in undecided)}


def _may_be_ours(entity, base, side, values, rules):
    """Whether a document that is a draft on the other side only may be one that we opened there, or did not post, and died.

    :param side: where it is posted: :data:`HERE` or :data:`THERE`
    :param values: what it holds
    """
    agreed = (base.local if side == HERE else base.remote) if base else {}
    if agreed.get(STATE) != POSTED:
        return True
    merged = merge(base, values, base.remote, rules) if side == HERE else merge(base, base.local, values, rules)
    moved = merged.to_remote if side == HERE else merged.to_local
    return any(field.frozen and field.name in moved for field in entity.fields)


def _kept_apart(entity, target, edits, options, allowed, is_doubtful):
    """(edits that may be written to a side, names of those that a person must allow because its document is posted)

    :param is_doubtful: that it is a draft on the other side may be our own doing
    """
    is_firm = entity.is_booked or entity.is_document and target.state == POSTED
    if not is_firm or options.follows and not (is_doubtful and edits.get(STATE) == DRAFT):
        return edits, []
    frozen = {field.name for field in entity.fields if field.frozen} | {STATE} if not options.follows else {STATE}
    held = [name for name in edits if name in frozen and name not in allowed]
    return {name: value for name, value in edits.items() if name not in held}, held


def _without_content(entity, edits):
    """While it is asked whether a document is posted, what it says does not cross: nothing of it is agreed on until then."""
    frozen = {field.name for field in entity.fields if field.frozen}
    return {name: value for name, value in edits.items() if not entity.is_document or name not in frozen}


def _held(name, base, local, remote):
    values = [record.state if name == STATE else record.fields[name] for record in (local, remote)]
    return Conflict(name, base.local.get(name) if base else None, *values)


def _expected(entity, record, rules, edits=()):
    """The amounts that a document must come to where it is posted: those of the other side, when it is posted and stays as it is.

    :param edits: what is written to the other side
    """
    if record.state != POSTED or STATE in edits or any(field.frozen and field.name in edits for field in entity.fields):
        return {}
    return {name: record.fields[name] for name in _checks(entity, rules) if name in record.fields}


def _keeps(entity, base, way, source, target, edits, rules):
    """What is agreed on and not written to the target: it computes some of it anew because of what is written."""
    old = (base.local, base.remote) if base else ({}, {})
    was_source, was_target = old if way == PUSH else old[::-1]
    own = {field.name for field in entity.fields if field.own or field.kind == FILE} | {STATE}
    kept = {name: target[name] for name in unmoved(rules, was_source, was_target, source, target, way)
            if rules[name].lines is None and name not in edits and name not in own}
    for name, rule in rules.items() if edits else ():
        if rule.lines is not None and name in was_source and name in was_target and name in source and name in target:
            update = edits[name].update if isinstance(edits.get(name), LineEdits) else {}
            lines = {key: {inner: value for inner, value in fields.items() if inner not in update.get(key, ())}
                     for key, fields in unmoved_lines(rule, was_source[name], was_target[name], source[name], target[name], way)}
            kept[name] = LineEdits(update={key: fields for key, fields in lines.items() if fields})
    return kept


def _intent(entity, record, edits, expected, keeps):
    """
    :param expected: what it must come to once it is posted
    """
    if not edits:
        return None
    fields = {name: value for name, value in edits.items() if name != STATE}
    is_closed = record.state in (POSTED, CANCELLED) and any(field.frozen and field.name in fields for field in entity.fields)
    state, reopens = edits.get(STATE, ''), record.state if is_closed else ''
    return Intent(entity.name, record.key, fields=fields, state=state, version=record.version, reopens=reopens,
                  expects=expected if (state or reopens) == POSTED else {}, keeps=keeps)


def _sent(fields, rules, way, initial=()):
    """The fields of a new record that flow there.

    :param initial: names of those that it gets in any case
    """
    sent = {}
    for name, value in fields.items():
        rule = rules.get(name)
        if rule is None or rule.direction not in (BOTH, way) and name not in initial:
            continue
        if rule.lines is not None:
            value = tuple(Line(line.key, _sent(line.fields, rule.lines, way)) for line in value)
        sent[name] = value
    return sent
