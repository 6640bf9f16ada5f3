"""The part of :class:`clients.odoo_books.OdooSide` that writes."""
from dataclasses import replace

from .books import ACTIVE, CANCELLED, DRAFT, POSTED, Intent, LineEdits, Outcome
from .errors import Rejected, SyncError, TransientError
from .odoo_habits import REFUSALS, with_kept
from .pace import LARGEST

WRONG_TAXES = ("Its taxes come to {found} instead of {wanted}, so it was left a draft. Compare the taxes of both sides, correct it and "
               "post it.")
WRONG_TOTAL = ("It comes to {found} instead of {wanted}, so it was left a draft. Compare the taxes of both sides, correct it and post it.")
UNKNOWN_STATE = "It is in a state that only an addon there knows. It goes on by itself once it is a draft, posted or cancelled."
LEFT_OPEN = "{why} It was opened for that and could not be posted again, so it is a draft now: {then}"
NOT_REACHED = "It stayed {found} instead of becoming {wanted}. Open it, see what holds it, and bring it to that state by hand."


class Writing:
    """What becomes of intents: created by marker, written, brought to their states, compared with what they were to come to."""

    def write_records(self, entity, intents):
        shape = self.shapes[entity]
        outcomes: dict[int, Outcome] = {}
        for first in range(0, len(intents), LARGEST):
            page = dict(enumerate(intents[first:first + LARGEST], first))
            habits = shape.habits(self, shape)
            refused = habits.refuse(page)
            outcomes.update({n: Outcome(page[n].key, None, error) for n, error in refused.items()})
            page = {n: one for n, one in page.items() if n not in refused}
            keys, errors, found = habits.make({n: one for n, one in page.items() if not one.key})
            changes = self._with_free_numbers(shape, {n: one for n, one in page.items() if one.key})
            for number, intent in changes.items():
                keys[number] = intent.key
                errors[number] = self._update(shape, intent)
            self._restore(entity, shape, {n: one for n, one in changes.items() if one.keeps and not errors.get(n)}, errors)
            errors.update(habits.prepare({n: one for n, one in page.items() if n not in found and not errors.get(n)}, keys))
            states = {n: (keys[n], one.state or one.reopens) for n, one in page.items()
                      if keys.get(n) and not errors.get(n)}
            errors.update(self._unexpected(entity, {n: page[n] for n, (_key, state) in states.items() if state}, keys))
            self._bring_to_states(shape, {n: one for n, one in states.items() if not errors.get(n)}, errors)
            errors.update(habits.settle({n: one for n, one in page.items() if n not in found and not errors.get(n)}, keys))
            unread: dict[str, SyncError] = {}
            records = self.read_records(entity, {key for key in keys.values() if key}, refused=unread)
            errors.update({n: unread[key] for n, key in keys.items() if key in unread and not errors.get(n)})
            for n, (key, state) in states.items():      # Odoo may do nothing without a word
                if key in records and records[key].state != state and state and not errors.get(n):
                    errors[n] = Rejected(NOT_REACHED.format(found=records[key].state, wanted=state))
            outcomes.update({n: Outcome(keys.get(n) or '', records.get(keys.get(n)), errors.get(n), n in found) for n in page})
        return [outcomes[number] for number in range(len(intents))]

    def foresee(self, entity, intents):
        shape = self.shapes[entity]
        return shape.habits(self, shape).refuse(dict(enumerate(intents)))

    def _unexpected(self, entity, intents, keys):
        """{number: error} for new documents whose totals are not what they are on the other side."""
        wanted = {number: intent for number, intent in intents.items() if intent.expects}
        names = {name for intent in wanted.values() for name in intent.expects}
        records = self.read_records(entity, {keys[number] for number in wanted}, names) if wanted else {}
        return {number: _wrong(intent.expects, records[keys[number]].fields) for number, intent in wanted.items() if any(
            records[keys[number]].fields.get(name) != value for name, value in intent.expects.items())}

    def create_rows(self, shape, intents):
        """({number: key}, {number: error}, numbers of those that an earlier attempt had created): many at once, else one by one."""
        keys, errors, found = {}, {}, set()
        intents = self._with_free_numbers(shape, intents)
        rows = [(number, intent.marker, self._values(shape, intent)) for number, intent in intents.items()]

        def create(part):
            if self.is_careful:
                made, touched = self._made_before(shape, part)
                keys.update(made)
                found.update(touched)
                part = [row for row in part if row[0] not in made]
            ids = self._create_at_once(shape, part)
            if ids is None:
                self._create_each(shape, part, keys, errors, found)
            else:
                keys.update({number: str(id_) for (number, _marker, _row), id_ in zip(part, ids, strict=True)})
        for alike in _by_names(rows):
            self.access.writing.batches(alike, create)
        return keys, errors, found

    def _create_each(self, shape, rows, keys, errors, found):
        for number, marker, row in rows:
            try:
                keys[number] = str(self._create_marked(shape, [row], [marker])[0])
            except REFUSALS as error:
                known = self.access.find_marked(shape.model, marker)
                if known:
                    keys[number] = str(known)
                    found.add(number)
                else:
                    errors[number] = error

    def _made_before(self, shape, rows):
        """({number: key}, numbers of those that somebody changed since) of what an attempt that broke off had created.

        None of it is created again: Odoo would write all values once more, over what somebody changed, and compute others anew. A payment
        would lose the account that its entry needs.
        """
        ids = {number: self.access.find_marked(shape.model, marker) for number, marker, _row in rows}
        ids = {number: id_ for number, id_ in ids.items() if id_}
        untouched = self._untouched(shape, list(ids.values()))
        return {number: str(id_) for number, id_ in ids.items()}, {number for number, id_ in ids.items() if id_ not in untouched}

    def _create_at_once(self, shape, rows):
        """Ids of all, None when one of them was refused: then none was created."""
        try:
            return self._create_marked(shape, [row for _number, _marker, row in rows], [
                marker for _number, marker, _row in rows]) if rows else []
        except REFUSALS:
            return None

    def _create_marked(self, shape, rows, markers):
        try:
            return self.access.create_marked(shape.model, rows, markers, {**self.context, **shape.habits(self, shape).context})
        except TransientError:
            self.is_careful = True      # it may have been done: that is looked for before it is done again
            raise

    def _with_free_numbers(self, shape, intents):
        """A number that its journal here has given already stays behind; where the document has no reference, it becomes that."""
        maps = {one.name: one for one in shape.maps}
        wanted = {number: intent for number, intent in intents.items()
                  if intent.fields.get('number') and not (intent.key and maps['number'].readonly)}
        if not wanted:
            return intents
        name, reference = maps['number'].odoo, maps['reference'].odoo
        domain = ['|', (name, 'in', sorted({one.fields['number'] for one in wanted.values()})),
                  ('id', 'in', [int(one.key) for one in wanted.values() if one.key])]
        rows = self._rows(shape.model, domain, [name, 'journal_id', reference], 0)
        taken = {(row[name], str(row['journal_id'])): row['id'] for row in rows}
        own = {str(row['id']): {**row, 'reference': row[reference]} for row in rows}
        free = {number: self._with_free_number(shape, intent, taken, own.get(intent.key)) for number, intent in wanted.items()}
        return {**intents, **free}

    def _with_free_number(self, shape, intent, taken, own):
        """
        :param own: the document itself, where there is one already
        """
        fields = dict(intent.fields)
        journal = getattr(fields.get('journal'), 'key', str(own['journal_id']) if own else '')
        by = taken.get((fields.get('number'), journal))
        if not by or by == (own['id'] if own else self.access.find_marked(shape.model, intent.marker)):
            return intent       # free, or its own: of an attempt that broke off
        number = fields.pop('number')
        reference = fields.get('reference', own and own['reference']) or number
        return replace(intent, fields={**fields, 'reference': reference})

    def _update(self, shape, intent):
        ids = [int(intent.key)]
        try:
            values = self._values(shape, shape.habits(self, shape).complete(intent))
            if intent.reopens or intent.state == DRAFT:
                self._step(shape, DRAFT, ids)
            for part in _parts(shape, values):
                self.access.call(shape.model, 'write', ids, idempotent=_may_be_sent_twice(part), vals=part,
                                 context={**self.context, **shape.habits(self, shape).context_of(intent)})
        except REFUSALS as error:
            left: dict[int, SyncError] = {}
            if intent.reopens:      # refused: it is again what it was
                self._bring_to_states(shape, {0: (intent.key, intent.reopens)}, left)
            return Rejected(LEFT_OPEN.format(why=error.message, then=left[0].message)) if left else error
        return None

    def _restore(self, entity, shape, intents, errors):
        """What Odoo computed anew because of what was written, and what nobody wanted changed, is again as it was."""
        written = {number: intent for number, intent in intents.items() if intent.fields}
        names = {name for intent in written.values() for name in intent.keeps}
        records = self.read_records(entity, {intent.key for intent in written.values()}, names) if names else {}
        for number, intent in written.items():
            keeps = {name: value for name, value in intent.keeps.items() if isinstance(value, LineEdits) or name not in intent.fields}
            lost = _lost(keeps, records[intent.key].fields) if intent.key in records else {}
            if lost:
                errors[number] = self._update(shape, Intent(entity, intent.key, fields=lost))

    def _bring_to_states(self, shape, wanted, errors):
        """Call the methods that lead to the wanted states, for all records at once, one by one where that is refused."""
        by_state: dict[str, list[int]] = {}
        for number, (_key, state) in wanted.items():
            if state:
                by_state.setdefault(state, []).append(number)
        for state, numbers in by_state.items():
            ids = [(number, int(wanted[number][0])) for number in numbers]
            self.access.writing.batches(ids, lambda part, state=state: self._step_each(shape, state, part, errors))

    def _step_each(self, shape, state, ids, errors):
        """
        :param ids: (number, id) of records
        """
        try:
            self._step(shape, state, [id_ for _number, id_ in ids])
        except REFUSALS as error:
            if len(ids) == 1:
                number, id_ = ids[0]
                if state != POSTED or not shape.habits(self, shape).post_under_another_number(id_):
                    errors[number] = error
                return
            for one in ids:
                self._step_each(shape, state, [one], errors)

    def _step(self, shape, state, ids):
        if not shape.states:
            return shape.habits(self, shape).activate(ids, state == ACTIVE)
        rows = self._rows(shape.model, [('id', 'in', ids)], ['state'], len(ids))
        if any(row['state'] not in shape.states for row in rows):
            raise Rejected(UNKNOWN_STATE)
        left = [row['id'] for row in rows if shape.states[row['state']] != state]
        cancelled = [row['id'] for row in rows if shape.states[row['state']] == CANCELLED]
        habits = shape.habits(self, shape)
        if cancelled and state == POSTED:       # Odoo posts drafts only, and of a cancelled payment it does not even say so
            habits.step(DRAFT, cancelled)
        if left:
            habits.step(state, left)

    def _values(self, shape, intent: Intent):
        """What Odoo's `create` or `write` wants."""
        maps = {one.name: one for one in self._usable(shape.model, shape.maps) if not one.readonly}
        linked = self._linked(shape, intent, maps)
        values = {maps[name].odoo: self._raw(maps[name], value, linked.get(maps[name].odoo)) for name, value in intent.fields.items()
                  if name in maps and self._can_hold(shape.model, maps[name], value)}
        for lines in shape.lines:
            if lines.name in intent.fields and lines.odoo:
                values[lines.odoo] = self.commands(
                    shape, lines, with_kept(intent.fields[lines.name], intent.keeps.get(lines.name)))
        return values

    def _linked(self, shape, intent, maps):
        """{name of a many2many of Odoo: ids that are in it}"""
        names = [maps[name].odoo for name in intent.fields if name in maps and maps[name].kind == 'ids']
        if not names or not intent.key:
            return dict.fromkeys(names, ())
        rows = self._rows(shape.model, [('id', '=', int(intent.key))], names, 1)
        return {name: rows[0][name] for name in names} if rows else {}

    def _can_hold(self, model, one, value):
        """Whether this side has such a code, or such a choice where it may be left out. Else it keeps what it has."""
        if one.kind == 'code' and value:
            return value in self._codes_of(one.code).values()
        return not one.optional or not value or value in dict(self._fields(model)[one.odoo].get('selection') or ())

    def commands(self, shape, lines, edits):
        """What Odoo's `write` wants for the lines of a record: all of a new one, or :class:`clients.books.LineEdits`."""
        maps, habits = {one.name: one for one in self._usable(lines.model, lines.maps) if not one.readonly}, shape.habits(self, shape)

        def raw(fields, linked=None):
            own = {maps[name].odoo: self._raw(maps[name], value, linked) for name, value in fields.items()
                   if name in maps and self._can_hold(lines.model, maps[name], value)}
            return {**own, **habits.line_values(fields, linked is not None)}
        if not isinstance(edits, LineEdits):
            edits = LineEdits(add=edits)
        return [*([2, int(key), 0] for key in edits.remove), *([1, int(key), raw(fields)] for key, fields in edits.update.items()),
                *([0, 0, raw(line.fields, ())] for line in edits.add)]


def _by_names(rows):
    """Rows that have the same fields: what is created together with others would be told to be empty where only they have a value."""
    groups: dict[tuple[str, ...], list] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row[2])), []).append(row)
    return groups.values()


def _wrong(wanted, found):
    name, sentence = ('total', WRONG_TOTAL) if found.get('total') != wanted.get('total') or 'tax_amounts' not in wanted else (
        'tax_amounts', WRONG_TAXES)
    return Rejected(sentence.format(wanted=wanted.get(name) or 0, found=found.get(name) or 0))


def _parts(shape, values):
    """What is written one after the other."""
    names = {one.odoo for one in shape.lines} if shape.habits.lines_last else set()
    parts = ({name: value for name, value in values.items() if (name in names) == is_line} for is_line in (False, True))
    return [part for part in parts if part]


def _lost(keeps, found):
    """Those of the values that are to be kept and that are others now."""
    lost = {}
    for name, value in keeps.items():
        if isinstance(value, LineEdits):
            lines = {line.key: line.fields for line in found.get(name, ())}
            update = {key: _lost(fields, lines[key]) for key, fields in value.update.items() if key in lines}
            update = {key: fields for key, fields in update.items() if fields}
            lost.update({name: LineEdits(update=update)} if update else {})
        elif name in found and found[name] != value:
            lost[name] = value
    return lost


def _may_be_sent_twice(values):
    """A line that is added twice is there twice."""
    return not any(isinstance(command, list) and command[0] in (0, 2)
                   for value in values.values() if isinstance(value, list) for command in value)
