import json
from decimal import Decimal

from odoo import _, api, fields, models

from ..clients.records import BOOKED, PENDING, RemoteTransaction
from .compat import create_partial_unique_index


class OnlineSyncTransaction(models.Model):
    """Inbox: what the bank said, kept apart from the books and kept for ever. It is the memory that makes every line come once."""

    _name = 'online.sync.transaction'
    _description = "Online Synchronization Transaction"
    _inherit = ['mail.thread']
    _order = 'date desc, id desc'
    _rec_name = 'text'
    _check_company_auto = True

    account_id = fields.Many2one('online.sync.account', required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='account_id.link_id', store=True, precompute=True, index=True)
    company_id = fields.Many2one(related='account_id.company_id', store=True, precompute=True)
    journal_id = fields.Many2one(related='account_id.journal_id')
    status = fields.Selection([(BOOKED, "Booked"), (PENDING, "Pending")], string="At the bank", required=True)
    state = fields.Selection(
        [('new', "Waiting"), ('imported', "Imported"), ('duplicate', "Possible duplicate"), ('ignored', "Ignored"),
         ('superseded', "Superseded")],
        required=True, default='new', tracking=True,
        help="Waiting: not in the books yet.\nImported: a bank transaction stands for it.\nPossible duplicate: a person decides.\n"
             "Ignored: a person wants it out of the books; it stays out.\nSuperseded: the bank no longer has it, or has it as another one.")
    state_reason = fields.Char("Why")
    is_decided = fields.Boolean(help="A person said that it is no duplicate.")
    is_held = fields.Boolean(help="The read in progress decides at its end whether it is new.")

    date = fields.Date(required=True)
    value_date = fields.Date()
    amount = fields.Monetary(required=True)
    exact_amount = fields.Char(
        readonly=True, help="The amount as the bank wrote it, where it has more decimals than the currency.")
    currency_id = fields.Many2one('res.currency', required=True)
    original_amount = fields.Monetary(currency_field='original_currency_id')
    original_currency_id = fields.Many2one('res.currency')
    balance_after = fields.Monetary("Balance after it")
    has_balance_after = fields.Boolean()
    text = fields.Text()
    partner_name = fields.Char("Counterpart")
    partner_account = fields.Char("Counterpart's account")
    reference = fields.Char()
    transaction_type = fields.Char("Type")

    external_id = fields.Char("Provider's id", readonly=True)
    shown_id = fields.Char(help="The id under which the bank shows it while that id belongs to another row.", readonly=True)
    end_to_end_id = fields.Char("End-to-end id", readonly=True)
    fingerprint = fields.Char(readonly=True, required=True)
    occurrence = fields.Integer(readonly=True, default=1, help="Number among the movements of equal content: two equal coffees.")
    read_number = fields.Integer(readonly=True, help="The read that made the row.")
    missed_reads = fields.Integer(readonly=True, default=0, help="Complete reads in a row that did not show it.")
    raw = fields.Json("The provider's answer", groups='base.group_system', readonly=True)

    raw_text = fields.Text(compute='_compute_raw_text', groups='base.group_system')

    duplicate_of_id = fields.Many2one('online.sync.transaction', string="Maybe the same as", ondelete='set null', index='btree_not_null')
    duplicate_line_id = fields.Many2one(
        'account.bank.statement.line', string="Maybe the same as the bank transaction", ondelete='set null', index='btree_not_null')
    superseded_by_id = fields.Many2one('online.sync.transaction', string="Became", ondelete='set null', index='btree_not_null')
    statement_line_ids = fields.One2many('account.bank.statement.line', 'online_sync_transaction_id', string="Bank transaction")

    @api.depends('raw')
    def _compute_raw_text(self):
        for row in self:
            row.raw_text = json.dumps(row.raw, indent=2, ensure_ascii=False) if row.raw else False

    def action_ignore(self):
        """Leave the rows out of the books for good."""
        rows = self._for_decision().filtered(lambda row: row.state in ('new', 'duplicate') and row.status == BOOKED)
        rows.write({'state': 'ignored', 'state_reason': _("Ignored by %s", self.env.user.name)})
        self.env['online.sync.issue'].sudo().search([('transaction_id', 'in', rows.ids), ('state', '=', 'open')])._close(_("Ignored"))

    def action_import(self):
        """Bring into the books what was left out of them."""
        rows = self._for_decision().filtered(lambda row: row.state in ('new', 'duplicate', 'ignored') and row.status == BOOKED)
        done = self.browse()
        for of_account in rows.grouped('account_id').values():
            done |= of_account._import_after_decision()
        self.env['online.sync.issue'].sudo().search([('transaction_id', 'in', done.ids), ('state', '=', 'open')])._close(_("Imported"))

    def _for_decision(self):
        """The rows in superuser mode, for an accountant who may see them."""
        self.check_access('read')
        self.env['online.sync.issue']._check_accountant()
        return self.sudo()

    def init(self):
        super().init()
        create_partial_unique_index(
            self, 'online_sync_transaction_external_id_uniq', ['account_id', 'external_id'], "external_id IS NOT NULL")
        create_partial_unique_index(
            self, 'online_sync_transaction_content_uniq', ['account_id', 'fingerprint', 'status', 'occurrence'], "state != 'superseded'")
        self.env.cr.execute("""
            CREATE INDEX IF NOT EXISTS online_sync_transaction_account_date_idx ON online_sync_transaction (account_id, date)
        """)

    # -- as the engine knows it -------------------------------------------------------------------------------------------

    def _as_record(self):
        """The row as the engine knows a movement."""
        self.ensure_one()
        return RemoteTransaction(
            status=self.status, date=self.date, amount=self._exact(self.amount), currency=self.currency_id.name,
            external_id=self.external_id or self.shown_id or '', end_to_end_id=self.end_to_end_id or '', text=self.text or '',
            partner_account=self.partner_account or '',
            balance_after=self._exact(self.balance_after) if self.has_balance_after else None,
        )

    def _exact(self, value):
        """A Monetary value as Decimal with the currency's decimals."""
        return Decimal(f'{value:.{self.currency_id.decimal_places}f}')
