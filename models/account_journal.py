from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from .values import time_ago


class AccountJournal(models.Model):     # this class name: the base class finds its sources by a mangled name
    _inherit = 'account.journal'

    online_sync_matching = fields.Selection(
        [('alone', "Match what is certain"), ('propose', "Propose only"), ('shadow', "Propose and measure"), ('off', "Off")],
        string="Bank matching", required=True, default=lambda self: self._default_online_sync_matching(),
        help="Match what is certain: what is unique and without contradiction is reconciled alone, the rest is proposed.\n"
             "Propose only: a person accepts each.\nPropose and measure: as before, and the journal shows how often the person decided "
             "the same.\nOff: nothing is looked for after a synchronization.")

    @api.model
    def _default_online_sync_matching(self):
        """Off where Odoo Enterprise matches already: by its widget's model on 18.0, by its methods on bank transactions on 19.0."""
        lines = self.env['account.bank.statement.line']
        is_enterprise = 'bank.rec.widget' in self.env or any(
            hasattr(lines, name) for name in ('_try_auto_reconcile_statement_lines', 'set_line_bank_statement_line'))
        return 'off' if is_enterprise else 'alone'

    def __get_bank_statements_available_sources(self):
        return super().__get_bank_statements_available_sources() + [('account_online_sync', _("Online Synchronization"))]

    def _online_sync_accounts(self):
        """The mappings of these journals, by journal."""
        accounts = self.env['online.sync.account'].search([('journal_id', 'in', self.ids), ('mapping', '!=', 'skip')])
        return {account.journal_id: account for account in accounts}

    def _fill_bank_cash_dashboard_data(self, dashboard_data):
        """Add what the card says of the synchronization: last run, proof, whether a person is needed."""
        result = super()._fill_bank_cash_dashboard_data(dashboard_data)
        accounts = self._online_sync_accounts()
        open_lines = dict(self.env['account.bank.statement.line']._read_group(
            [('journal_id', 'in', self.ids), ('is_reconciled', '=', False), ('state', '=', 'posted')], ['journal_id'], ['__count']))
        for journal in self.filtered(lambda journal: journal.type in ('bank', 'credit')):
            account = accounts.get(journal, self.env['online.sync.account'])
            issues = len(account.issue_ids) + len(account.link_id.issue_ids.filtered(lambda issue: not issue.account_id))
            dashboard_data[journal.id]['online_sync'] = {
                'to_match': open_lines.get(journal) and _("%s to match", open_lines[journal]) or '',
                'connected': account.link_id.state in ('connected', 'expiring', 'error'),
                'last': account.last_ok and time_ago(self.env, account.last_ok) or '',
                'last_exact': account.last_ok and format_datetime(self.env, account.last_ok, dt_format='short') or '',
                'words': account and account._state_words() or '',
                'consent': account.link_id.state == 'expiring' and account.link_id._consent_words() or '',
                'expired': account.link_id.state == 'expired',
                'needs': issues and (_("1 needs you") if issues == 1 else _("%s need you", issues)) or '',
            }
        return result

    def action_online_sync_now(self):
        """Synchronize Now, from the dashboard."""
        account = self._online_sync_accounts().get(self)
        if not account:
            raise UserError(_("This journal is not connected to a bank."))
        return account.link_id.action_synchronize_now()

    def action_online_sync_reconnect(self):
        """Renew the consent, from the dashboard."""
        return self._online_sync_accounts()[self].link_id.action_reconnect()

    def action_online_sync_matching(self):
        """The Bank Matching screen of the journal."""
        self.ensure_one()
        action = self.env['ir.actions.client']._for_xml_id('account_online_sync.action_online_sync_matching')
        return {**action, 'context': {'active_id': self.id}}

    def action_online_sync_transactions(self):
        """The journal's bank transactions."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_bank_transactions')
        return {**action, 'domain': [('journal_id', '=', self.id)], 'context': {'default_journal_id': self.id}}

    def action_online_sync_issues(self):
        """What needs a person for this journal."""
        self.ensure_one()
        account = self._online_sync_accounts().get(self)
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_issue')
        domain = ['|', ('account_id', '=', account.id), '&', ('account_id', '=', False), ('link_id', '=', account.link_id.id)]
        return {**action, 'domain': domain}
