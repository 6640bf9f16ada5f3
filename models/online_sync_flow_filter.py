"""Which records of a kind concern the other side. What is paired already stays so, whatever the filter says."""
import ast
from dataclasses import replace
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..clients.books import Filter
from ..engine.plan import HERE

#: Joins conditions of a domain.
OPERATORS = ('&', '|', '!')


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    since = fields.Date("From", help="Only documents of this day or later. What others need of earlier ones crosses all the same.")
    journal_ids = fields.Many2many(
        'account.journal', string="Only these journals", check_company=True, help="Empty: all journals that are paired.")
    filter_domain = fields.Char(
        "Filter", default='[]', help="Only these records. It is applied on both sides, so it may name texts, numbers and dates, and no "
        "records: those have other ids there.")

    born_after = fields.Datetime("Created after", copy=False, help="Only records that were created later. What others need of earlier ones "
                                 "crosses all the same. Confirming the pairs sets it where the rest was to be left alone.")

    is_filtered = fields.Boolean(compute='_compute_is_filtered')

    @api.depends('since', 'journal_ids', 'filter_domain', 'born_after')
    def _compute_is_filtered(self):
        for flow in self:
            flow.is_filtered = bool(flow.since or flow.born_after or flow.journal_ids or (flow.filter_domain or '[]') != '[]')

    def action_open_settings(self):
        """Which of these records flow, and how."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'name': self.name, 'res_model': self._name, 'res_id': self.id, 'views': [(False, 'form')],
                'target': 'new'}

    def _filter(self, side):
        """clients.books.Filter in the language of a side."""
        late = timedelta() if side == HERE else self.link_id._clock_difference()
        return replace(self._filter_of_all(side), born_after=self.born_after + late if self.born_after else None)

    def _filter_of_all(self, side):
        """The filter without the day of creation: what was left alone may be paired."""
        return Filter(self.since or None, self._journal_keys(side), tuple(self._conditions()))

    def _filter_of_needed(self, side):
        """What goes for records that others need, too: what a bank told crosses by its journal only, never for the sake of a match."""
        return Filter(journals=self._journal_keys(side)) if self._entity().is_booked else Filter()

    def _journal_keys(self, side):
        """Keys of the journals on a side; None for all. Transactions of a bank that is connected here do not come from there as well."""
        feeds = self.env['online.sync.account']
        if self.entity == 'bank_transaction' and side != HERE:
            feeds = feeds.sudo().search([('company_id', '=', self.company_id.id), ('journal_id', '!=', False)])
        if not self.journal_ids and not feeds:
            return None
        if side == HERE:
            return frozenset(map(str, self.journal_ids.ids))
        domain = [('link_id', '=', self.link_id.id), ('entity', '=', 'journal'), ('res_id', 'not in', feeds.journal_id.ids)]
        if self.journal_ids:
            domain.append(('res_id', 'in', self.journal_ids.ids))
        return frozenset(self.env['online.sync.binding'].search(domain).mapped('external_id'))

    def _conditions(self):
        return ast.literal_eval(self.filter_domain or '[]')

    @api.constrains('filter_domain', 'entity')
    def _check_filter(self):
        for flow in self:
            try:
                conditions = flow._conditions()
                flow._model().search(conditions, limit=1)
            except (ValueError, SyntaxError, TypeError, KeyError):
                raise ValidationError(_("This filter cannot be used on both sides: it must be made of plain values.")) from None
            for condition in conditions:
                if condition not in OPERATORS and condition[1] in ('in', 'not in') and not condition[2]:
                    raise ValidationError(_(
                        "The filter has a rule without a value, for “%s”: choose one, or remove the rule.", condition[0]))
                if condition not in OPERATORS and flow._names_records(*condition):
                    raise ValidationError(_(
                        "The filter names records by “%s”, and they have other ids on the other side. Filter by a text of theirs, such as "
                        "their name or code.", condition[0]))

    def _names_records(self, path, _operator, value):
        """Whether a condition compares with ids of records."""
        field, model = None, self._model()
        for name in str(path).split('.'):
            field = model._fields.get(name)
            model = self.env[field.comodel_name] if field is not None and field.relational else model
        values = value if isinstance(value, (list, tuple)) else [value]
        is_id = str(path).rpartition('.')[2] == 'id' or field is not None and field.relational
        return is_id and any(isinstance(one, int) and not isinstance(one, bool) for one in values)

    def write(self, vals):
        """What a new filter lets through may have been there before: all is looked at once more."""
        if vals.keys() & {'since', 'journal_ids', 'filter_domain', 'born_after'}:
            vals = {**vals, 'is_loaded': False, 'first_cursor': False, 'is_fetched': False, 'pull_cursor': False}
        return super().write(vals)
