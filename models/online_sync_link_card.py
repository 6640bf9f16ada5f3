"""What a connection's card shows, in words: it answers "is everything all right?"."""
from datetime import datetime, timezone

from odoo import _, api, fields, models
from odoo.tools import format_amount, format_date

from ..engine import schedule

ICON = '/account_online_sync/static/description/icon.png'


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    card = fields.Json(compute='_compute_card')
    icon = fields.Char("Picture", compute='_compute_icon')

    @api.depends('provider', 'institution_logo')
    def _compute_icon(self):
        for link in self:
            logo = link.institution_logo or ''
            icon = link.provider and link._provider().icon or ''
            link.icon = logo if logo.startswith('https://') else icon if '/' in icon else ICON

    @api.depends('state', 'next_run', 'auto_sync', 'consent_until', 'issue_count', 'account_ids')
    @api.depends_context('lang', 'tz', 'uid')
    def _compute_card(self):
        for link in self:
            accounts = link.account_ids.filtered(lambda account: account.mapping != 'skip')
            link.card = {
                'via': _("via %s", link._provider().title) if link.institution_name and link.provider else '',
                'accounts': [account._card_line() for account in accounts],
                'left_out': len(link.account_ids - accounts),
                'is_scheduled': link._is_scheduled(), 'by_hand': not link.auto_sync and _("only by hand") or '',
                'calls': link._calls_words(), 'consent': link._consent_words(),
                'needs': link.issue_count and (_("1 needs you") if link.issue_count == 1 else _("%s need you", link.issue_count)) or '',
                'quiet': link.state in ('connected', 'expiring') and not link.needs_person and _("nothing needs you") or '',
            }

    def _is_scheduled(self):
        return bool(self.state in ('connected', 'expiring') and self.auto_sync and self.next_run)

    def _calls_words(self):
        """Calls left: of the link, or of the account that has the fewest."""
        limit = self._capabilities().calls_per_day if self.provider else 0
        if not limit or self.state not in ('connected', 'expiring'):
            return ''
        now = datetime.now(timezone.utc)
        accounts = self.account_ids.filtered(lambda account: account.mapping != 'skip')
        left = min((schedule.calls_left(account._calls(), limit, now) for account in accounts), default=limit)
        return _("%(left)s of %(limit)s calls left today", left=left, limit=limit)

    def _consent_words(self):
        if not self.consent_until or self.state not in ('connected', 'expiring'):
            return ''
        return _("Consent until %(day)s (%(left)s days)", day=format_date(self.env, self.consent_until), left=self.consent_days_left)


class OnlineSyncAccount(models.Model):
    _inherit = 'online.sync.account'

    def _card_line(self):
        """One account on the card: what it feeds, and how far it is proved."""
        self.ensure_one()
        return {
            'name': self.name, 'journal': self.journal_id.code or '', 'state': self.state, 'words': self._state_words(),
            'balance': format_amount(self.env, self.bank_balance, self.currency_id) if self.bank_balance_date else '',
        }

    def _state_words(self):
        if self.state == 'unmapped':
            return _("needs a journal")
        if self.state == 'error':
            return self.env['online.sync.issue']._short(self.last_error, 80)
        if self.proof_state == 'differs' and not self.issue_ids.filtered(lambda issue: issue.kind in ('drift', 'duplicate', 'edited')):
            return _("today's balance is not settled yet")
        if self.proof_state == 'differs':
            return _("differs since %s", format_date(self.env, self.proof_began))
        if self.proof_state == 'opening':
            return _("opening balance missing")
        misdated = self.issue_ids.filtered(lambda issue: issue.kind == 'misdated')
        if misdated:
            return _("differed on %s", format_date(self.env, min(misdated.mapped('date_from'))))
        if self.proved_to:
            return _("proved to %s", format_date(self.env, self.proved_to, date_format='d MMM'))
        return _("not fetched yet")
