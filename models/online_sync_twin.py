"""From a record here to its twin there and to what crossed: smart buttons on the forms of what is synchronized."""
from collections import Counter, defaultdict

from lxml import etree

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import errors
from ..clients.odoo_balances import account_title

TWIN = 'online.sync.twin'
READERS = 'account.group_account_basic,account.group_account_readonly'
COUNT = 'online_sync_twin_count'
#: Records of a model that are looked for by their name.
FOUND = 100


class OnlineSyncTwin(models.AbstractModel):
    """Mixin of the models whose forms have the buttons."""

    _name = 'online.sync.twin'
    _description = "Has a twin in other books"

    online_sync_twin_count = fields.Integer("Twins", compute='_compute_online_sync_twin_count', groups=READERS)

    def _get_view(self, view_id=None, view_type='form', **options):
        """The buttons are on each form of the model, also on one that another addon made."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == 'form' and arch.find('.//sheet') is not None:
            self._add_online_sync_buttons(arch)
        return arch, view

    def _add_online_sync_buttons(self, arch):
        box = arch.find(".//div[@name='button_box']")
        if box is None:
            box = etree.Element('div', {'name': 'button_box', 'class': 'oe_button_box'})
            arch.find('.//sheet').insert(0, box)
        for name, icon, text, title in (
                ('action_open_online_sync_twin', 'fa-clone', _("Twin"), _("The same record in the other books")),
                ('action_open_online_sync_history', 'fa-history', _("Crossed"), _("What crossed between the two books, and what waits"))):
            button = etree.SubElement(box, 'button', {
                'name': name, 'type': 'object', 'class': 'oe_stat_button', 'icon': icon, 'invisible': f'not {COUNT}', 'groups': READERS,
                'title': title})
            etree.SubElement(button, 'field', {'name': COUNT, 'invisible': '1'})
            etree.SubElement(button, 'span', {'class': 'o_stat_text'}).text = text

    def _compute_online_sync_twin_count(self):
        """One query for all of them."""
        synchronized = {record: record._online_sync_synchronized() for record in self}
        pairs = self.env['online.sync.binding']._of_records(*synchronized.values())
        found = Counter((pair.res_model, pair.res_id) for pair in pairs)
        for record, own in synchronized.items():
            record.online_sync_twin_count = sum(found[own._name, id_] for id_ in own.ids)

    def _online_sync_synchronized(self):
        """The records that are synchronized for this one."""
        return self._origin

    def _online_sync_pairs(self):
        self.ensure_one()
        return self.env['online.sync.binding']._of_records(self._online_sync_synchronized())

    def action_open_online_sync_history(self):
        """What crossed of the record and when, and what waits."""
        return self._online_sync_pairs()._open_history()

    def action_open_online_sync_twin(self):
        """Open the record of the other side in a new tab; where there are several, the list of them."""
        return self._online_sync_pairs()._open_twins()


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def _address_of(self, entity, key):
        """Where a browser finds a record of the other side."""
        self.ensure_one()
        try:
            return self.sudo()._client().address_of(entity, key)
        except errors.SyncError:
            raise UserError(_("%s is not connected. Sign in first.", self.name)) from None


def _name_of(record):
    """What people call a record; '' where it has no name, as a match."""
    if record._name == 'account.account':       # 19.0 leaves the code out
        return account_title({'code': record.code, 'name': record.name})
    return record.display_name if record.display_name != f'{record._name},{record.id}' else ''


class OnlineSyncBinding(models.Model):
    _inherit = 'online.sync.binding'

    name_here = fields.Char("Here", compute='_compute_name_here')

    def _compute_name_here(self):
        """One query a model for all of them."""
        names = {}
        for model in set(self.mapped('res_model')):
            ids = self.filtered(lambda binding, model=model: binding.res_model == model).mapped('res_id')
            records = self.env[model].with_context(active_test=False).search([('id', 'in', ids)]) if model in self.env else ()
            names.update({(model, record.id): _name_of(record) for record in records})
        for binding in self:
            binding.name_here = names.get((binding.res_model, binding.res_id)) or binding.title or _("(gone)")

    @api.depends('title')
    def _compute_display_name(self):
        for binding in self:
            names = dict.fromkeys(filter(None, (binding.name_here, binding.title)))
            binding.display_name = ' ⇄ '.join(names)

    @api.model
    def _search_display_name(self, operator, value):
        """Also by what the record is called here."""
        if not value or operator not in ('ilike', 'like', '=ilike', '=like', '='):
            return super()._search_display_name(operator, value)
        called = [self.env[model].with_context(active_test=False).search([('display_name', operator, value)], limit=FOUND)
                  for model, in self._read_group([], ['res_model']) if model in self.env and self.env[model].has_access('read')]
        return ['|', ('title', operator, value), ('id', 'in', self._of_records(*called).ids)]

    @api.model
    def _of_records(self, *records):
        """The pairs of records, which may be of several models."""
        ids = defaultdict(set)
        for one in records:
            ids[one._name].update(one.ids)
        pairs = self.search_fetch(
            [('res_model', 'in', list(ids)), ('res_id', 'in', list(set().union(*ids.values())))], ['res_model', 'res_id'])
        return pairs.filtered(lambda pair: pair.res_id in ids[pair.res_model])

    def _open_twins(self):
        if len(self) == 1:
            return self.action_open_there()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_binding')
        return {**action, 'domain': [('id', 'in', self.ids)], 'context': {}}

    def _open_history(self):
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_change')
        return {**action, 'context': {}, 'domain': [
            ('flow_id', 'in', self.flow_id.ids), ('res_id', 'in', self.mapped('res_id')),
            '|', ('state', '!=', 'done'), ('crossed', '!=', False)]}

    def action_open_there(self):
        """The twin, in a new tab."""
        self.ensure_one()
        there = self.merged_into_id if self.gone == 'there' and self.merged_into_id else self
        return {'type': 'ir.actions.act_url', 'url': self.link_id._address_of(self.entity, there.external_id), 'target': 'new'}

    def action_open_here(self):
        """The record of this database."""
        self.ensure_one()
        if not self.env[self.res_model].browse(self.res_id).exists():
            raise UserError(_("This record was deleted here."))
        return {'type': 'ir.actions.act_window', 'res_model': self.res_model, 'res_id': self.res_id, 'views': [(False, 'form')]}


class AccountMove(models.Model):
    _name = 'account.move'
    _inherit = ['account.move', TWIN]

    def _online_sync_synchronized(self):
        """Of the entry of a bank transaction the bank transaction."""
        return self._origin.statement_line_id or super()._online_sync_synchronized()


class AccountBankStatementLine(models.Model):
    _name = 'account.bank.statement.line'
    _inherit = ['account.bank.statement.line', TWIN]


class ResPartner(models.Model):
    _name = 'res.partner'
    _inherit = ['res.partner', TWIN]


class AccountPayment(models.Model):
    _name = 'account.payment'
    _inherit = ['account.payment', TWIN]


class AccountAccount(models.Model):
    _name = 'account.account'
    _inherit = ['account.account', TWIN]


class AccountTax(models.Model):
    _name = 'account.tax'
    _inherit = ['account.tax', TWIN]


class AccountJournal(models.Model):
    _name = 'account.journal'
    _inherit = ['account.journal', TWIN]


class AccountPaymentTerm(models.Model):
    _name = 'account.payment.term'
    _inherit = ['account.payment.term', TWIN]


class ResBank(models.Model):
    _name = 'res.bank'
    _inherit = ['res.bank', TWIN]


class ResCurrency(models.Model):
    _name = 'res.currency'
    _inherit = ['res.currency', TWIN]


class ProductProduct(models.Model):
    _name = 'product.product'
    _inherit = ['product.product', TWIN]


class ProductTemplate(models.Model):
    _name = 'product.template'
    _inherit = ['product.template', TWIN]

    def _online_sync_synchronized(self):
        return self._origin.product_variant_ids
