"""Values of books in words: what a person reads in a question and in a dry run."""
from datetime import date, datetime, timezone
from decimal import Decimal

from odoo import _, api, models
from odoo.tools import format_date, format_datetime, formatLang, html2plaintext

from ..clients.books import Line, Ref
from ..engine.entities import MONEY, NUMBER, TEXT
from ..engine.merge_rules import DELETED

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
        words = []
        for place, line in enumerate(lines):
            alike = [one for other in others if (one := _counterpart(field, line, place, lines, other))]
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
        titles, words = {one.name: one.title for one in field.lines}, []
        for key, fields in edits.update.items():
            said = ', '.join(_("%(field)s %(old)s → %(new)s", field=titles[name], old=self._say(own[key].fields.get(name)),
                               new=self._say(value)) for name, value in fields.items()) if key in own else ''
            words += [self._labelled(field, own[key], said)] if said else []
        words += [_("new: %s", self._say_line(field, line, [
            one.name for one in field.lines if one.kind in (MONEY, NUMBER) and one.name != POSITION and line.fields.get(one.name)]))
            for line in edits.add]
        words += [_("removed: %s", self._labelled(field, own[key], '')) for key in edits.remove if key in own]
        return _first(words, LISTED)

    def _say_line(self, field, line, names):
        titles = {one.name: one.title for one in field.lines}
        return self._labelled(field, line, ', '.join(f'{titles[name]} {self._say(line.fields[name])}' for name in names))

    def _labelled(self, field, line, said):
        label = self._short(_label(field, line))
        return _("“%(line)s”: %(what)s", line=label, what=said) if label and said else said or f'“{label}”'

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


def _counterpart(field, line, place, lines, other):
    """The line of another list that is the same one as far as one can tell; None for none."""
    if len(lines) == len(other):
        return other[place]
    same = [one for one in other if one.fields == line.fields] or [one for one in other if _label(field, one) == _label(field, line)]
    return same[0] if same else None


def _first(words, count):
    return '; '.join(words[:count]) + (' …' if len(words) > count else '')
