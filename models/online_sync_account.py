import time
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..clients import errors
from ..engine import coverage, identity
from .compat import HAS_CONSTRAINT, create_partial_unique_index
from .values import clean_text

#: For so long a person waits for the balances of the accounts that were found.
SHOW_SECONDS = 10


class OnlineSyncAccount(models.Model):
    """Account mapping: a remote account and the bank journal it feeds."""

    _name = 'online.sync.account'
    _description = "Online Synchronization Account"
    _inherit = ['mail.thread']
    _order = 'link_id, id'
    _check_company_auto = True

    if HAS_CONSTRAINT:
        _external_id_uniq = models.Constraint('UNIQUE(link_id, external_id)', "This account is in the list already.")
    else:
        _sql_constraints = [('external_id_uniq', 'UNIQUE(link_id, external_id)', "This account is in the list already.")]

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, precompute=True, index=True)
    provider = fields.Selection(related='link_id.provider')
    link_state = fields.Selection(related='link_id.state', string="Connection's state")
    active = fields.Boolean(default=True)

    external_id = fields.Char("Provider's id", required=True, readonly=True)
    handle = fields.Char(readonly=True, help="What the provider calls it until the consent is renewed; empty: not accessible now.")
    name = fields.Char(required=True)
    institution = fields.Char("Bank")
    holder = fields.Char()
    iban = fields.Char("IBAN")
    number = fields.Char()
    kind = fields.Selection(
        [('bank', "Current account"), ('savings', "Savings"), ('card', "Card"), ('loan', "Loan"), ('other', "Other")],
        default='bank', required=True)
    currency_id = fields.Many2one('res.currency')

    mapping = fields.Selection(
        [('existing', "Existing journal"), ('create', "New journal"), ('skip', "Leave out")],
        string="What to do", default='skip', required=True)
    journal_id = fields.Many2one(
        'account.journal', check_company=True, ondelete='set null', index='btree_not_null',
        domain="[('type', 'in', ('bank', 'credit')), ('company_id', '=', company_id)]")
    new_journal_name = fields.Char("Name of the new journal")
    new_journal_code = fields.Char("Code of the new journal", size=5, help="Empty: Odoo's next free one.")
    start_date = fields.Date(
        "From", tracking=True,
        help="First day to fetch. Default: the day after the last line of the journal; empty: as far back as the bank goes.")

    adds_opening = fields.Boolean(
        "Opening balance", help="After the first run, make a first line with what the bank held before. For a journal without entries.")
    available_from = fields.Date(
        "Bank gives days from", readonly=True, help="The bank refused earlier days: they are not asked for again.")
    ids_trusted = fields.Boolean(
        default=True, readonly=True, help="Off once the bank used one id for two movements: from then on the content decides.")
    reading = fields.Json(readonly=True, groups='base.group_system')
    read_number = fields.Integer(readonly=True)
    first_read_done = fields.Boolean(readonly=True)
    calls = fields.Json(readonly=True, groups='base.group_system', help="Unattended calls of the last 24 hours.")
    next_try = fields.Datetime("Not before", readonly=True)
    last_ok = fields.Datetime("Last complete read", readonly=True)
    last_error = fields.Char(readonly=True)
    state = fields.Selection(
        [('skip', "Left out"), ('unmapped', "Needs a journal"), ('error', "Failed"), ('owed', "Not complete"), ('ok', "Up to date")],
        compute='_compute_state')
    proved_to = fields.Date(compute='_compute_proved_to')

    bank_balance = fields.Monetary("Bank's balance", readonly=True)
    bank_balance_date = fields.Date("Balance of", readonly=True)
    book_balance = fields.Monetary("Our balance", readonly=True)
    difference = fields.Monetary(readonly=True)
    proof_state = fields.Selection(
        [('agrees', "Agrees"), ('opening', "Opening balance missing"), ('differs', "Differs")], "Balance proof", readonly=True)
    proof_began = fields.Date("Differs since", readonly=True)

    coverage_ids = fields.One2many('online.sync.coverage', 'account_id')
    balance_ids = fields.One2many('online.sync.balance', 'account_id')
    transaction_ids = fields.One2many('online.sync.transaction', 'account_id', string="Inbox")
    issue_ids = fields.One2many('online.sync.issue', 'account_id', domain=[('state', '=', 'open')])

    def init(self):
        super().init()
        create_partial_unique_index(self, 'online_sync_account_journal_uniq', ['journal_id'], "journal_id IS NOT NULL AND active")

    # -- what the user sees -----------------------------------------------------------------------------------------------

    @api.depends('name', 'iban', 'number', 'currency_id')
    def _compute_display_name(self):
        for account in self:
            number = account.iban or account.number
            tail = number and f"…{identity.normalise_account(number)[-4:]}"
            account.display_name = ' · '.join(filter(None, [account.name, tail, account.currency_id.name]))

    @api.depends('mapping', 'journal_id', 'last_error', 'last_ok', 'reading')
    def _compute_state(self):
        for account in self:
            if account.mapping == 'skip':
                account.state = 'skip'
            elif not account.journal_id:
                account.state = 'unmapped'
            elif account.last_error:
                account.state = 'error'
            else:
                account.state = 'ok' if account.last_ok and not account.sudo().reading else 'owed'

    @api.depends('coverage_ids', 'start_date')
    def _compute_proved_to(self):
        for account in self:
            intervals = account.coverage_ids._intervals()
            account.proved_to = bool(intervals) and coverage.proved_to(
                account._first_day(), fields.Date.today(), intervals) or False

    # -- mapping ------------------------------------------------------------------------------------------------------------

    @api.constrains('journal_id', 'currency_id', 'mapping')
    def _check_journal(self):
        for account in self.filtered('journal_id'):
            journal = account.journal_id
            currency = journal.currency_id or journal.company_id.currency_id
            if account.currency_id and currency != account.currency_id:
                raise ValidationError(_(
                    "“%(account)s” is in %(theirs)s, the journal “%(journal)s” in %(ours)s. Choose a journal in %(theirs)s or let one "
                    "be created.", account=account.name, theirs=account.currency_id.name, journal=journal.name, ours=currency.name))
            # Not through the ORM: it would write first, and the unique index would object in words of its own.
            self.env.cr.execute("SELECT id FROM online_sync_account WHERE journal_id = %s AND id != %s AND active LIMIT 1",
                                [journal.id, account.id])
            other = self.browse(row[0] for row in self.env.cr.fetchall())
            if other:
                raise ValidationError(_(
                    "The journal “%(journal)s” is fed by “%(other)s” already. One journal has one bank account.",
                    journal=journal.name, other=other.display_name))

    @api.model
    def _store_remote(self, link, remotes, is_consent=False):
        """Bring the list of accounts to what a consent opens. Known ones keep their mapping, identity and coverage.

        :param remotes: clients.records.RemoteAccount
        :param is_consent: the list is a consent's own: what is not in it is not open any more. Any other list may lack an account that
            the provider cannot reach right now
        :returns: the accounts that are new
        """
        known = {account.external_id: account for account in self.with_context(active_test=False).search([('link_id', '=', link.id)])}
        seen, created = set(), self.browse()
        for remote in remotes:
            vals = self._prepare_account_vals(remote)
            account = known.get(remote.external_id)
            seen.add(remote.external_id)
            if account:
                account.write({**vals, 'active': True})
            else:
                created |= self.create({**vals, 'link_id': link.id, 'external_id': remote.external_id})
        for external_id, account in known.items():
            if is_consent and external_id not in seen:
                account.handle = False
        created._propose_mapping()
        return created

    def _show_balances(self, client):
        """What accounts that were just found hold, so that the user can tell them apart; the proof asks again, beside the movements.

        Nobody waits at the screen for them: after some seconds, or when the bank does not say them now, the others are not asked for.
        """
        balances, until = self.env['online.sync.balance'], time.monotonic() + SHOW_SECONDS
        for account in self.filtered(lambda account: account.handle and account.mapping != 'skip' and not account.bank_balance_date):
            calls_before = client.http.calls
            try:
                balances._show(account, balances._booked(account, client.fetch_balances(account._as_remote())))
            except errors.AccountUnavailable:
                continue
            except errors.SyncError:
                break
            finally:
                account.link_id._spend_calls(account, client, client.http.calls - calls_before)
            if time.monotonic() > until:
                break

    def write(self, vals):
        """What the provider says of an account is not for anybody's hand; a connection of another company least of all."""
        told = {'link_id', 'external_id', 'handle'} & vals.keys()
        if told and not self.env.su:
            raise AccessError(_("The bank decides which accounts a connection has."))
        return super().write(vals)

    def _propose_mapping(self):
        """Proposal for new accounts: the journal of the same IBAN, else a new one. Loans and unreadable accounts are left out."""
        for account in self:
            if not account.handle or not account.currency_id or account.kind == 'loan' or account._is_connected_elsewhere():
                continue
            journal = account._matching_journal()
            account.write({
                'mapping': 'existing' if journal else 'create', 'journal_id': journal.id,
                'new_journal_name': account._default_journal_name(),
            })
            account.start_date = account._default_start_date()
            account.adds_opening = not account._has_entries()

    def _is_connected_elsewhere(self):
        """Whether another connection of the company feeds a journal from this very account already."""
        others = self.search([
            ('company_id', '=', self.company_id.id), ('id', '!=', self.id), ('mapping', '!=', 'skip'), ('journal_id', '!=', False),
            ('currency_id', '=', self.currency_id.id)])
        return any(self._is_same_account(other) for other in others)

    def _is_same_account(self, other):
        """The same number, or the same id at the same provider (a second connection to the same bank)."""
        number = identity.normalise_account(self.iban or self.number)
        same_number = bool(number) and number == identity.normalise_account(other.iban or other.number)
        return same_number or self.link_id.provider == other.link_id.provider and self.external_id == other.external_id

    def _matching_journal(self):
        """A free journal of the same account number and currency; for a current account else the company's still unused bank journal."""
        self.ensure_one()
        journals = self.env['account.journal'].search([
            ('company_id', '=', self.company_id.id), ('type', '=', 'credit' if self.kind == 'card' else 'bank')], order='sequence, id')
        journals -= self.search([('journal_id', 'in', journals.ids)]).journal_id
        journals = journals.filtered(lambda journal: (journal.currency_id or journal.company_id.currency_id) == self.currency_id)
        number = identity.normalise_account(self.iban or self.number)
        same = journals.filtered(lambda journal: number and journal.bank_account_id.sanitized_acc_number == number)
        if same or self.kind != 'bank':
            return same[:1]
        return journals.filtered(lambda journal: not journal.bank_account_id and not self._has_entries(journal))[:1]

    def _has_entries(self, journal=None):
        """Whether anything was ever booked in a journal (by default the account's) or on its bank account."""
        journal = journal or self.journal_id
        return bool(journal) and bool(self.env['account.move.line'].search_count(
            ['|', ('journal_id', '=', journal.id), ('account_id', '=', journal.default_account_id.id)], limit=1))

    def _default_journal_name(self):
        self.ensure_one()
        return ' '.join(filter(None, [self.institution or self.link_id.institution_name, self.name]))

    def _default_start_date(self):
        """The day after the last line of the journal; False (as far as the bank goes) when it has none."""
        self.ensure_one()
        line = self.env['account.bank.statement.line'].search(
            [('journal_id', '=', self.journal_id.id), ('state', '=', 'posted')], limit=1) if self.journal_id else False
        return line.date + timedelta(days=1) if line else False

    @api.onchange('journal_id', 'mapping')
    def _onchange_journal(self):
        if self.mapping != 'existing':
            self.journal_id = False
        self.start_date = self._default_start_date()
        self.adds_opening = not self._has_entries()

    def _apply_mapping(self):
        """Make the journals that are to be made; called when the user has confirmed the list."""
        for account in self.filtered(lambda account: account.mapping != 'skip'):
            if not account.currency_id:
                raise UserError(_("“%s” has no currency that Odoo knows. Leave it out.", account.name))
            if account.mapping == 'create' and not account.journal_id:
                account.journal_id = account._create_journal()
                account.mapping = 'existing'
            if not account.journal_id:
                raise UserError(_("Choose a journal for “%s”, or leave it out.", account.name))
            if (account.iban or account.number) and not account.journal_id.bank_account_id:
                account.journal_id.set_bank_account(account.iban or account.number)
            if account.journal_id.bank_statements_source != 'account_online_sync':
                account.journal_id.bank_statements_source = 'account_online_sync'

    def _create_journal(self):
        self.ensure_one()
        if not self.currency_id.active:
            self.currency_id.sudo().active = True
        company = self.company_id
        vals = {
            'name': self.new_journal_name or self._default_journal_name(), 'type': 'credit' if self.kind == 'card' else 'bank',
            'company_id': company.id, 'bank_statements_source': 'account_online_sync',
        }
        if self.new_journal_code:
            vals['code'] = self.new_journal_code.strip()
        if self.currency_id != company.currency_id:
            vals['currency_id'] = self.currency_id.id
        return self.env['account.journal'].with_company(company).create(vals)

    def _first_day(self):
        """First day wanted, as far as it is known."""
        self.ensure_one()
        return self.start_date or fields.Date.today() - timedelta(days=self.link_id._capabilities().history_days)

    @api.model
    def _prepare_account_vals(self, remote):
        """What a consent says of an account, as values; mapping, identity and coverage are never among them."""
        currency = self.env['res.currency'].with_context(active_test=False).search([('name', '=', remote.currency)], limit=1)
        vals = {
            'handle': remote.handle, 'name': clean_text(remote.name) or remote.iban or remote.number or _("Account"),
            'institution': clean_text(remote.institution), 'holder': clean_text(remote.holder), 'kind': remote.kind,
        }
        told = {'iban': remote.iban, 'number': remote.number, 'currency_id': currency.id}
        vals.update({name: value for name, value in told.items() if value})     # what is left out once is not forgotten
        if remote.balance:
            vals.update(bank_balance=float(remote.balance.amount), bank_balance_date=remote.balance.date)
        return vals

    def _may_import(self):
        return bool(self.journal_id and self.mapping != 'skip')
