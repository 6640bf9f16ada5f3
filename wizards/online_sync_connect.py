from urllib.parse import parse_qsl, urlsplit

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import base, errors

#: Where the pasted address waits among the encrypted credentials.
LANDED = 'landed_url'
STEPS = [('choose', "Choose"), ('sign_in', "Sign in"), ('accounts', "Accounts"), ('flows', "What to synchronize"),
         ('first_run', "First run")]


class OnlineSyncConnect(models.TransientModel):
    """Four steps from nothing to a synchronized bank: choose, sign in, accounts, first run. Also renews a consent.

    Other books have flows in place of accounts, and no first run: before anything is written a person confirms what is the same.

    What the user types as a secret is never stored here: it goes straight into the connection's encrypted credentials.
    """

    _name = 'online.sync.connect'
    _description = "Connect a Bank"

    step = fields.Selection(STEPS, default='choose', required=True)
    provider = fields.Char()
    link_id = fields.Many2one('online.sync.link', ondelete='cascade')
    company_id = fields.Many2one('res.company', default=lambda self: self.env.company)
    needs_institution = fields.Boolean(compute='_compute_provider_facts')
    is_redirect = fields.Boolean(compute='_compute_provider_facts')
    provider_facts = fields.Json(compute='_compute_provider_facts')
    credentials = fields.Json(compute='_compute_credentials', inverse='_inverse_credentials')
    credentials_given = fields.Boolean(compute='_compute_credentials')
    country_id = fields.Many2one('res.country', default=lambda self: self.env.company.country_id)
    psu_type = fields.Selection([('business', "Business account"), ('personal', "Personal account")], default='business')
    institution = fields.Json(help="The bank chosen: {code, name, logo}.")
    landed_url = fields.Char(
        compute='_compute_landed_url', inverse='_inverse_landed_url',
        help="Where the browser landed after the bank, when this server cannot be reached from outside.")
    account_ids = fields.One2many(related='link_id.account_ids', readonly=False)
    kind = fields.Selection([('bank', "Bank"), ('books', "Accounting")], compute='_compute_provider_facts')
    problem = fields.Char(readonly=True, help="Why other books did not let us in.")
    asked = fields.Json(help="Credentials that are needed only sometimes, and now are.")
    flow_ids = fields.One2many(related='link_id.flow_ids', readonly=False)
    peer_name = fields.Char(related='link_id.institution_name', string="Company there")
    peer_url = fields.Char(related='link_id.peer_url')
    system = fields.Char(related='link_id.system')
    peer_protocol = fields.Char(related='link_id.peer_protocol')
    peer_currency = fields.Char(related='link_id.peer_currency')

    @api.constrains('link_id')
    def _check_link(self):
        """Much of what follows is done in superuser mode: only for connections that the user may change."""
        self.link_id.sudo(False).check_access('write')      # 19.0 runs constraints in superuser mode

    @api.depends('provider', 'asked')
    def _compute_provider_facts(self):
        for wizard in self:
            provider = wizard._provider()
            wizard.is_redirect = bool(provider and provider.capabilities.redirect)
            wizard.needs_institution = bool(provider and provider.capabilities.institutions)
            wizard.kind = provider.kind if provider else 'bank'
            wizard.provider_facts = provider and {**_facts(provider), 'asked': wizard.asked or []}

    @api.depends('link_id')
    def _compute_credentials(self):
        for wizard in self:
            provider = wizard._provider()
            known = wizard.link_id.sudo()._credentials_or_none() if wizard.link_id else {}
            wizard.credentials = {} if wizard.kind != 'books' else {    # an address is no secret; banks have none to show
                credential.name: known[credential.name] for credential in provider.credentials
                if credential.kind == 'text' and known.get(credential.name)}
            wizard.credentials_given = bool(provider) and all(
                known.get(credential.name) for credential in provider.credentials if credential.required)

    def _inverse_credentials(self):
        for wizard in self.filtered('link_id'):
            kept = {one.name for one in wizard._provider().credentials if one.kind != 'text'}      # empty: as it was
            typed = {name: (value or '').strip() for name, value in (wizard.credentials or {}).items()}
            typed = {name: value for name, value in typed.items() if value or name not in kept}
            if typed:
                link = wizard.link_id.sudo()
                link._store_credentials({**link._credentials_or_none(), **typed})

    def _compute_landed_url(self):
        self.landed_url = ''

    def _inverse_landed_url(self):
        """The address holds the bank's code: it goes where the other secrets are, until the next button takes it."""
        for wizard in self.filtered(lambda wizard: wizard.link_id and wizard.landed_url):
            link = wizard.link_id.sudo()
            link._store_credentials({**link._credentials_or_none(), LANDED: wizard.landed_url})

    def _provider(self):
        return base.client_class(self.provider).provider if self.provider else None

    # -- what the widgets ask -------------------------------------------------------------------------------------------------

    @api.model
    def get_providers(self):
        """All providers for the first step, as dictionaries."""
        return [_facts(provider) for provider in base.providers()]

    def get_institutions(self, country_id):
        """Banks of a country, as dictionaries; asks the provider with the credentials given so far."""
        self.ensure_one()
        country = self.env['res.country'].browse(country_id).exists()
        if not country:
            return []
        try:
            banks = self.link_id.sudo()._client().fetch_institutions(country.code)
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return [{'code': bank.code, 'name': bank.name, 'logo': bank.logo, 'bic': bank.bic, 'beta': bank.beta} for bank in banks]

    def run_first(self):
        """The first run; returns what the last screen shows."""
        self.ensure_one()
        self._check_manager()
        sentence = self.link_id._run_now('connect')
        return {**self.get_outcome(), 'sentence': sentence}

    def get_outcome(self):
        """Figures of the latest run."""
        self.ensure_one()
        link = self.link_id
        link.invalidate_recordset()
        log = link.log_ids[:1]
        lines = self.env['account.bank.statement.line'].search(
            [('journal_id', 'in', link.account_ids.journal_id.ids), ('state', '=', 'posted')])
        return {
            'matched': self.env['online.sync.match'].search_count([('statement_line_id', 'in', lines.ids), ('state', '=', 'applied')]),
            'open': len(lines.filtered(lambda line: not line.is_reconciled)),
            'ended': log.state != 'running', 'state': log.state, 'created': log.created, 'waiting': link.issue_count,
            'since': min(link.account_ids.filtered('start_date').mapped('start_date'), default=False),
            'more': bool(link.next_run and link.next_run <= fields.Datetime.now()), 'error': link.last_error or '',
        }

    # -- steps ------------------------------------------------------------------------------------------------------------------

    def _check_manager(self):
        if not self.env.user.has_group('account.group_account_manager'):
            raise UserError(_("Only an accounting administrator may connect a bank."))

    def _show(self, step=None):
        """Show the wizard again, at a step."""
        self.ensure_one()
        if step:
            self.step = step
        return {
            'type': 'ir.actions.act_window', 'name': self._title(), 'res_model': self._name, 'res_id': self.id,
            'views': [(False, 'form')], 'target': 'new',
            'context': {'dialog_size': 'extra-large' if self.step in ('accounts', 'flows') else 'large'},
        }

    def _title(self):
        return _("Connect a bank") if self.kind != 'books' else _("Connect %s", self._provider().title)

    def action_chosen(self):
        """The provider is chosen: make the connection, still without credentials."""
        self._check_manager()
        if not self.provider:
            raise UserError(_("Choose how to connect first."))
        if not self.link_id:
            self.link_id = self.env['online.sync.link'].create({'provider': self.provider, 'company_id': self.company_id.id})
        return self._show('sign_in')

    def action_back(self):
        """One step back; nothing is lost."""
        self.ensure_one()
        if self.step == 'sign_in' and self.link_id.state == 'draft' and not self.link_id.account_ids:
            link = self.link_id
            self.write({'link_id': False, 'provider': False, 'problem': False, 'asked': False})
            link.unlink()
        return self._show({'sign_in': 'choose', 'accounts': 'sign_in', 'flows': 'sign_in'}.get(self.step, 'choose'))

    def action_sign_in(self):
        """Sign in with what was typed; at a bank that wants the user, send the browser there."""
        self._check_manager()
        link = self.link_id
        if self.kind == 'books':
            return self._sign_in_books()
        self._take_institution()
        try:
            url = link.sudo()._sign_in({}, self._return_url(), presence=link._presence())
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        if url:
            return {'type': 'ir.actions.act_url', 'url': url, 'target': 'self'}
        return self._signed_in()

    def _sign_in_books(self):
        """What is wrong is said in the dialog, with the fields that are needed now; what was typed stays."""
        link = self.link_id
        try:
            with self.env.cr.savepoint():
                link.sudo()._sign_in({}, '')
                self._prepare_flows()
        except errors.SyncError as error:
            asked = getattr(error, 'field', '')
            optional = {credential.name for credential in self._provider().credentials if not credential.required}
            self.write({'problem': error.message_at_once, 'asked': sorted({*(self.asked or []), *({asked} & optional)})})
            return self._show()
        return self._show('flows')

    def _prepare_flows(self):
        """What flows at first, which fields cannot, and what our user may not do there."""
        link = self.link_id.sudo()
        flows = link.flow_ids
        flows._switch_on_first(link)
        client = link._client()
        flows._check_fields(link._sides(flows[:1], client))
        self.problem = link._say_missing_rights(client) or False

    def action_flows(self):
        """What is to flow is chosen: on to the connection's page, where pairs are confirmed before the first run."""
        self._check_manager()
        return self.link_id.action_open_form()

    def action_landed(self):
        """The user pasted the address at which the browser landed."""
        self._check_manager()
        link = self.link_id.sudo()
        credentials = link._credentials_or_none()
        answer = dict(parse_qsl(urlsplit(credentials.pop(LANDED, '')).query))
        link._store_credentials(credentials)
        if 'state' not in answer:
            raise UserError(_("Paste the whole address that the browser showed after the bank, from https:// to its end."))
        self.link_id._come_back(answer)
        return self._signed_in()

    def _take_institution(self):
        if not self.needs_institution:
            return
        if not self.institution:
            raise UserError(_("Choose your bank first."))
        self.link_id.write({
            'institution_code': self.institution['code'], 'institution_name': self.institution['name'],
            'institution_logo': self.institution.get('logo'), 'country_id': self.country_id.id, 'psu_type': self.psu_type})

    def _return_url(self):
        return f"{self.env['ir.config_parameter'].sudo().get_param('web.base.url')}/online_sync/return"

    def _signed_in(self):
        """Accounts next; a renewed consent whose accounts all have their place is done."""
        if self.link_id._is_mapped():
            return {'type': 'ir.actions.act_window_close'}
        return self._show('accounts')

    def action_accounts(self):
        """The list is confirmed: make what journals are to be made, then the first run."""
        self._check_manager()
        accounts = self.account_ids
        chosen = accounts.filtered(lambda account: account.mapping != 'skip')
        if not chosen and accounts and all(account._is_connected_elsewhere() for account in accounts):
            raise UserError(_("All of these accounts are connected already by another connection. Close this; nothing is missing."))
        if not chosen:
            raise UserError(_("Choose a journal for at least one account."))
        accounts.sudo()._apply_mapping()
        return self._show('first_run')

    def action_open_matching(self):
        """To the bank transactions that are left to match."""
        self.ensure_one()
        return self.link_id.account_ids.journal_id[:1].action_online_sync_matching()

    def action_open_transactions(self):
        """To the bank transactions that came."""
        self.ensure_one()
        return self.link_id.action_open_bank_transactions()


def _facts(provider):
    """What the wizard shows of a provider."""
    return {
        'code': provider.code, 'kind': provider.kind, 'title': provider.title, 'summary': provider.summary, 'serves': provider.serves,
        'cost': provider.cost,
        'needs': provider.needs, 'website': provider.website, 'icon': provider.icon, 'countries': list(provider.countries),
        'credentials': [
            {'name': c.name, 'label': c.label, 'kind': c.kind, 'help': c.help, 'required': c.required, 'placeholder': c.placeholder}
            for c in provider.credentials],
    }
