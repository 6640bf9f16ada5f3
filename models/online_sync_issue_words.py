"""Values of books in words: what a person reads in a question and in a dry run."""
from datetime import date, datetime, timezone
from decimal import Decimal

from odoo import _, api, models
from odoo.tools import format_date, format_datetime, formatLang, html2plaintext

from ..clients.books import ACTIVE, ARCHIVED, CANCELLED, DRAFT, POSTED, Line, Ref
from ..engine.entities import MONEY, NUMBER, STATE, TEXT
from ..engine.merge_rules import DELETED
from ..engine.plan import THERE

#: Lines that a sentence names, and the ones that a dry run does; the others are not said.
NAMED, LISTED = 2, 5
#: Where a line stands is no news: adding one moves those after it.
POSITION = 'position'


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    @api.model
    def _say(self, value):
        """A canonical value for a person."""
        if value == DELETED:
            return _("removed")
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, Decimal):
            return formatLang(self.env, float(value), digits=max(2, -value.normalize().as_tuple().exponent))
        if isinstance(value, datetime):
            return format_datetime(self.env, value.astimezone(timezone.utc).replace(tzinfo=None))
        if isinstance(value, date):
            return format_date(self.env, value)
        if isinstance(value, Ref):
            return self._title_of_ref(value)
        if isinstance(value, frozenset):
            return ', '.join(sorted(self._title_of_ref(ref) for ref in value)) or _("none")
        if isinstance(value, tuple):
            return _("%s line(s)", len(value))
        if isinstance(value, dict):
            return ', '.join(self._say(one) for one in value.values() if one not in (None, '') and not isinstance(one, (Line, tuple)))
        return self._say_text(value)

    @api.model
    def _say_text(self, value):
        """A text, or the name of a state."""
        if isinstance(value, str) and value.startswith('<'):
            value = html2plaintext(value).strip()
        states = {'draft': _("draft"), 'posted': _("posted"), 'cancelled': _("cancelled"), 'active': _("active"), 'archived': _("archived")}
        return states.get(value) or (f'“{self._short(str(value))}”' if value else _("empty"))

    def _say_sides(self, flow, name, *values):
        """Values of a field for a person: of lists of lines, what differs.

        :param values: of the two sides, and what they agreed on last
        """
        if not all(isinstance(value, tuple) for value in values[:2]):
            return [self._say(value) for value in values]
        field, here, there = flow._entity_field(name), *values[:2]
        return [self._say_lines(field, lines, others) if isinstance(lines, tuple) else self._say(lines)
                for lines, others in zip(values, ((there,), (here,), (here, there)), strict=False)]

    def _say_lines(self, field, lines, others):
        """Those of the lines that the others do not have like this: by what differs, else by their label and their numbers.

        :param others: lists of lines
        """
        words, found = [], [_counterparts(field, lines, other) for other in others]
        for place, line in enumerate(lines):
            alike = [known[place] for known in found if known[place]]
            names = [one.name for one in field.lines if one.name in line.fields and one.name != POSITION and (
                any(one.name in like.fields and like.fields[one.name] != line.fields[one.name] for like in alike) if alike
                else one.kind in (MONEY, NUMBER) and line.fields[one.name])]
            if names or not alike:
                words.append(self._say_line(field, line, names))
        return _first(words, NAMED) or _("%s line(s)", len(lines))

    def _say_edits(self, field, lines, edits):
        """What becomes of a list of lines.

        :param lines: what it is now
        :param edits: clients.books.LineEdits
        """
        own = {line.key: line for line in lines or ()}
        removed = [own[key] for key in edits.remove if key in own]
        changes = [(own[key], fields) for key, fields in edits.update.items() if key in own]
        added, taken = [], _by_label(field, edits.add, removed)
        for line, old in zip(edits.add, taken, strict=True):
            if old:     # it takes the place of one that is nearly the same
                changes.append((old, {name: value for name, value in line.fields.items() if old.fields.get(name) != value}))
            else:
                added.append(line)
        words = [said for line, fields in changes if (said := self._say_change(field, line, fields))]
        words += [_("new: %s", self._say_line(field, line, [
            one.name for one in field.lines if one.kind in (MONEY, NUMBER) and one.name != POSITION and line.fields.get(one.name)]))
            for line in added]
        words += [_("removed: %s", self._labelled(field, line, '')) for line in removed if not any(line is old for old in taken)]
        return _first(words, LISTED)

    def _say_change(self, field, line, fields):
        """What becomes of a line, '' where nothing does that a person would see."""
        titles = {one.name: one.title for one in field.lines}
        said = ', '.join(
            _("%(field)s %(old)s → %(new)s", field=titles[name], old=self._say(line.fields.get(name)), new=self._say(value))
            for name, value in fields.items() if name != POSITION)
        return self._labelled(field, line, said) if said else ''

    def _say_line(self, field, line, names):
        titles = {one.name: one.title for one in field.lines}
        return self._labelled(field, line, ', '.join(f'{titles[name]} {self._say(line.fields[name])}' for name in names))

    def _labelled(self, field, line, said):
        label = self._short(_label(field, line))
        return _("“%(line)s”: %(what)s", line=label, what=said) if label and said else said or f'“{label}”'

    @api.model
    def _say_written(self, name, value, said, where):
        """What is written to a side that gets a value of the other one.

        :param said: the value in words
        """
        is_there = where == THERE
        if name == STATE:
            return self._say_state_written(value, is_there)
        if value == DELETED:
            return _("Removes the line there") if is_there else _("Removes the line here")
        if isinstance(value, dict):
            return _("Adds the line there again: %s", said) if is_there else _("Adds the line here again: %s", said)
        if isinstance(value, tuple):
            return _("Writes these lines there: %s", said) if is_there else _("Writes these lines here: %s", said)
        if value in (None, '', frozenset()):
            return _("Empties it there") if is_there else _("Empties it here")
        said = said if said.startswith('“') else f'“{said}”'
        return _("Writes %s there", said) if is_there else _("Writes %s here", said)

    @api.model
    def _say_state_written(self, state, is_there):
        there = {DRAFT: _("Resets it to draft there"), POSTED: _("Posts it there"), CANCELLED: _("Cancels it there"),
                 ARCHIVED: _("Archives it there"), ACTIVE: _("Takes it out of the archive there")}
        here = {DRAFT: _("Resets it to draft here"), POSTED: _("Posts it here"), CANCELLED: _("Cancels it here"),
                ARCHIVED: _("Archives it here"), ACTIVE: _("Takes it out of the archive here")}
        return (there if is_there else here)[state]

    def _say_totals(self, local, remote):
        """What a document comes to on both sides, '' where that is the same."""
        here, there = local.fields.get('total'), remote.fields.get('total')
        if here == there or not isinstance(here, Decimal) or not isinstance(there, Decimal):
            return ''
        return _("Total: here %(here)s, there %(there)s", here=f"{self._say(here)} {local.fields.get('currency') or ''}".strip(),
                 there=f"{self._say(there)} {remote.fields.get('currency') or ''}".strip())

    @api.model
    def _title_of_ref(self, ref):
        binding = self.env['online.sync.binding'].browse(int(ref.key[1:])).exists() if ref.key.startswith('#') else None
        if binding:
            return self.env[binding.res_model].browse(binding.res_id).exists().display_name or binding.title or ''
        return _("a record that only one side has")


def _label(field, line):
    return next((line.fields[one.name] for one in field.lines if one.kind == TEXT and line.fields.get(one.name)), '')


def _counterparts(field, lines, other):
    """For each line the one of another list that is the same as far as one can tell, None for none."""
    return list(other) if len(lines) == len(other) else _by_label(field, lines, other)


def _by_label(field, lines, other):
    """The same, by what they say, else by their label."""
    left, found = list(other), [None] * len(lines)
    for is_same in (lambda one, line: _said(one) == _said(line), lambda one, line: _label(field, one) == _label(field, line)):
        for place, line in enumerate(lines):
            twin = next((one for one in left if is_same(one, line)), None) if found[place] is None else None
            if twin:
                found[place] = twin
                left.remove(twin)
    return found


def _said(line):
    return {name: value for name, value in line.fields.items() if name != POSITION}


def _first(words, count):
    return '; '.join(words[:count]) + (' …' if len(words) > count else '')
