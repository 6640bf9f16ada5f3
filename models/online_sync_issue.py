import logging
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_amount, format_date

from ..clients.redaction import redact
from .compat import create_partial_unique_index
from .online_sync_transaction_stage import KEPT

_logger = logging.getLogger(__name__)

KINDS = [
    ('consent', "Sign in again"),
    ('setting', "Setting to change"),
    ('unavailable', "Account not readable"),
    ('failed', "Keeps failing"),
    ('duplicate', "Possible duplicate"),
    ('edited', "Amount changed by the bank"),
    ('copied', "Entered a second time"),
    ('vanished', "No longer at the bank"),
    ('drift', "Balance differs"),
    ('misdated', "Booked on another day"),
    ('opening', "Opening balance missing"),
    ('gap', "Days the bank does not give"),
    ('locked', "Locked period"),
    ('odd', "Does not fit the journal"),
    ('refused', "Refused by Odoo"),
]


class OnlineSyncIssue(models.Model):
    """Something that needs a person: one sentence, what it blocks, and the buttons that resolve it."""

    _name = 'online.sync.issue'
    _description = "Online Synchronization Issue"
    _inherit = ['mail.thread', 'mail.activity.mixin']
    _order = 'state, date desc, id desc'
    _rec_name = 'summary'
    _check_company_auto = True
    _mail_post_access = 'read'      # nobody writes issues but the buttons

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade', index=True)
    account_id = fields.Many2one('online.sync.account', ondelete='cascade', index='btree_not_null', check_company=True)
    transaction_id = fields.Many2one('online.sync.transaction', ondelete='set null', index='btree_not_null', check_company=True)
    other_transaction_id = fields.Many2one('online.sync.transaction', ondelete='set null', check_company=True)
    line_id = fields.Many2one(
        'account.bank.statement.line', string="Bank transaction", ondelete='set null', index='btree_not_null', check_company=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, precompute=True, index=True)
    journal_id = fields.Many2one(related='account_id.journal_id')
    kind = fields.Selection(KINDS, required=True, index=True)
    key = fields.Char(required=True, help="One open issue a subject.")
    state = fields.Selection([('open', "Open"), ('done', "Done")], required=True, default='open', index=True, tracking=True)
    summary = fields.Char("What", required=True)
    blocks = fields.Char("What it blocks")
    date = fields.Date("Since", required=True, default=fields.Date.context_today)
    date_from = fields.Date("First day")
    date_to = fields.Date("Last day")
    answer = fields.Char(help="What was done about it.", readonly=True)
    done_by_id = fields.Many2one('res.users', readonly=True)

    def init(self):
        super().init()
        create_partial_unique_index(self, 'online_sync_issue_open_uniq', ['link_id', 'key'], "state = 'open'")

    # -- raising --------------------------------------------------------------------------------------------------------

    @api.model
    def _raise(self, link, kind, key, **values):
        """Open an issue, or bring the open one of the same subject up to date."""
        key = f'{kind}:{key}'
        issue = self.search([('link_id', '=', link.id), ('key', '=', key), ('state', '=', 'open')], limit=1)
        if issue:
            changed = {name: values[name] for name in ('summary', 'blocks', 'date_from', 'date_to')
                       if name in values and issue[name] != values[name]}
            if changed:
                issue.write(changed)
            return issue
        return self.create({'link_id': link.id, 'kind': kind, 'key': key, **values})

    @api.model
    def _settle(self, account, kinds, key=None):
        """Close open issues of an account that no longer hold."""
        domain = [('account_id', '=', account.id), ('state', '=', 'open'), ('kind', 'in', list(kinds))]
        if key:
            domain.append(('key', '=', key))
        self.search(domain)._close_settled()

    @api.model
    def _raise_duplicate(self, row, other, edited=False):
        """`row` may be `other`, an inbox row or a bank transaction."""
        is_line = other._name == 'account.bank.statement.line'
        values = {
            'account_id': row.account_id.id, 'transaction_id': row.id,
            'line_id': other.id if is_line else other.statement_line_ids[:1].id,
            'other_transaction_id': False if is_line else other.id,
            'blocks': _("It is not in the books until you decide."),
        }
        text = {'amount': self._money(row), 'day': format_date(self.env, row.date), 'text': self._short(row.text)}
        if edited:
            summary = _("The bank changed the amount of “%(text)s” of %(day)s from %(before)s to %(amount)s.",
                        before=self._money(other), **text)
        elif is_line:
            summary = _("%(amount)s on %(day)s “%(text)s” may be in %(journal)s already (%(other)s of %(other_day)s, not from the bank).",
                        journal=other.journal_id.code, other=self._short(other.payment_ref), other_day=format_date(self.env, other.date),
                        **text)
        else:
            summary = _("%(amount)s on %(day)s “%(text)s” may be the one of %(other_day)s “%(other)s”, which the bank no longer shows.",
                        other_day=format_date(self.env, other.date), other=self._short(other.text), **text)
        return self._raise(row.link_id, 'edited' if edited else 'duplicate', row.id, summary=summary, **values)

    @api.model
    def _raise_copied(self, line, row):
        """Somebody entered, by hand or from a file, what the bank brought already."""
        return self._raise(
            row.link_id, 'copied', line.id, account_id=row.account_id.id, transaction_id=row.id, line_id=line.id,
            summary=_("%(amount)s on %(day)s “%(text)s” was entered in %(journal)s, where the bank had brought “%(other)s” already.",
                      amount=self._money(row), day=format_date(self.env, line.date), text=self._short(line.payment_ref),
                      journal=line.journal_id.code, other=self._short(row.text)),
            blocks=_("It may be in the books twice."))

    @api.model
    def _raise_vanished(self, row):
        text = {'amount': self._money(row), 'day': format_date(self.env, row.date), 'text': self._short(row.text)}
        if row.state == 'imported':
            summary = _("The bank no longer shows %(amount)s of %(day)s “%(text)s”, which is in the books.", **text)
            blocks = _("Nothing: it stays in the books until you decide.")
        else:
            summary = _("The bank no longer shows %(amount)s of %(day)s “%(text)s”, which waits to go into the books.", **text)
            blocks = _("Nothing: it goes into the books as soon as that is possible, unless you take it out.")
        return self._raise(
            row.link_id, 'vanished', row.id, account_id=row.account_id.id, transaction_id=row.id, line_id=row.statement_line_ids[:1].id,
            summary=summary, blocks=blocks)

    @api.model
    def _raise_locked(self, account, rows):
        """One issue for all rows of the account that a lock date keeps out, these among them."""
        if not rows:
            return self.browse()
        waiting = rows.search([('account_id', '=', account.id), ('state', '=', 'new'), ('status', '=', 'booked')]).filtered(
            lambda row: account.company_id._get_violated_lock_dates(row.date, False, account.journal_id))
        days = waiting.mapped('date')
        return self._raise(
            account.link_id, 'locked', account.id, account_id=account.id, date_from=min(days), date_to=max(days),
            summary=_("%(count)s transactions of %(account)s from %(first)s to %(last)s lie in a locked period.", count=len(waiting),
                      account=account.name, first=format_date(self.env, min(days)), last=format_date(self.env, max(days))),
            blocks=_("They wait in the inbox; their dates are not changed."))

    @api.model
    def _raise_odd(self, row):
        """The row does not fit the journal's currency."""
        if row.exact_amount:
            summary = _("“%(text)s” of %(day)s has more decimals than %(currency)s: %(amount)s.", text=self._short(row.text),
                        day=format_date(self.env, row.date), currency=row.currency_id.name, amount=row.exact_amount)
        else:
            summary = _("%(amount)s of %(day)s “%(text)s” is in %(currency)s, the journal in %(ours)s.", amount=self._money(row),
                        day=format_date(self.env, row.date), text=self._short(row.text), currency=row.currency_id.name,
                        ours=row.account_id.currency_id.name)
        return self._raise(row.link_id, 'odd', row.id, account_id=row.account_id.id, transaction_id=row.id, summary=summary,
                           blocks=_("It waits in the inbox. Book it by hand, then press Ignore."))

    @api.model
    def _raise_refused(self, row, error):
        """Odoo, or another addon, refused the bank transaction."""
        why = redact(error)
        _logger.warning("Transaction %s was refused: %s: %s", row.id, type(error).__name__, why)
        return self._raise(
            row.link_id, 'refused', row.id, account_id=row.account_id.id, transaction_id=row.id,
            summary=_("Odoo refused %(amount)s of %(day)s “%(text)s”: %(why)s", amount=self._money(row),
                      day=format_date(self.env, row.date), text=self._short(row.text), why=self._short(why, 200)),
            blocks=_("It waits in the inbox."))

    @api.model
    def _raise_gap(self, account, first, last):
        """The bank does not give these days. Days that touch an open question are one question with it: one answer is enough."""
        day = timedelta(days=1)
        touching = self.search([
            ('account_id', '=', account.id), ('kind', '=', 'gap'), ('state', '=', 'open'), ('date_from', '<=', last + day),
            ('date_to', '>=', first - day)], order='id')
        first, last = min([first, *touching.mapped('date_from')]), max([last, *touching.mapped('date_to')])
        key = touching[:1].key.partition(':')[2] if touching else f'{account.id}:{first}'
        touching[1:]._close_settled()
        return self._raise(
            account.link_id, 'gap', key, account_id=account.id, date_from=first, date_to=last,
            summary=_("The bank does not give %(first)s to %(last)s of %(account)s any more.", first=format_date(self.env, first),
                      last=format_date(self.env, last), account=account.name),
            blocks=_("Those days are not proved. Import a statement file for them, then press “They are complete”."))

    @api.model
    def _raise_opening(self, account, amount):
        return self._raise(
            account.link_id, 'opening', account.id, account_id=account.id, date_from=account.start_date,
            summary=_("%(account)s: the bank held %(amount)s before %(day)s, which is not in the books.", account=account.name,
                      amount=format_amount(self.env, float(amount), account.currency_id),
                      day=format_date(self.env, account.start_date)),
            blocks=_("The balance cannot be proved."))

    @api.model
    def _raise_drift(self, account, proof):
        currency = account.currency_id
        return self._raise(
            account.link_id, 'drift', account.id, account_id=account.id, date_from=proof.began, date_to=proof.date,
            summary=_("%(account)s: the bank holds %(bank)s, the books say %(books)s. The difference of %(difference)s began on %(day)s.",
                      account=account.name, bank=format_amount(self.env, float(proof.bank), currency),
                      books=format_amount(self.env, float(proof.books), currency),
                      difference=format_amount(self.env, float(proof.difference), currency), day=format_date(self.env, proof.began)),
            blocks=_("The days from then on are not proved."))

    @api.model
    def _raise_misdated(self, account, stretches, differs_on):
        """One issue for each stretch of days on which the books differed before they agreed again; what holds no more is settled.

        One that a person looked at and left is not raised again. A late line of the bank may make a stretch shorter or hide it, for the
        balances before it prove nothing any more: it is the same stretch as long as books and bank differ on its last day.

        :param stretches: engine.balance.Stretch
        :param differs_on: whether books and bank differ at the end of a day, by all that both know now
        :returns: the issues, open or left by a person, that hold
        """
        known = self.search([('account_id', '=', account.id), ('kind', '=', 'misdated')])
        known = known.filtered(lambda issue: issue.state == 'open' or issue.done_by_id)
        holds = known.filtered(lambda issue: differs_on(issue.date_to))
        (known - holds).filtered(lambda issue: issue.state == 'open')._close_settled()
        for stretch in stretches:
            if not holds.filtered(lambda issue, stretch=stretch: issue._is_stretch(stretch)):
                holds |= self._raise_stretch(account, f'{account.id}:{stretch.first}:{stretch.last}:{stretch.difference}', stretch)
        return holds

    def _is_stretch(self, stretch):
        return (self.date_from <= stretch.last and self.date_to >= stretch.first
                and self.key.rpartition(':')[2] == str(stretch.difference))

    def _raise_stretch(self, account, key, stretch):
        return self._raise(
            account.link_id, 'misdated', key, account_id=account.id, date_from=stretch.first, date_to=stretch.last,
            summary=_("%(account)s: from %(first)s to %(last)s the books differed by %(difference)s from the bank. They agree since.",
                      account=account.name, first=format_date(self.env, stretch.first), last=format_date(self.env, stretch.last),
                      difference=format_amount(self.env, float(stretch.difference), account.currency_id)),
            blocks=_("Those days are not proved: something is booked on another day than at the bank."))

    @api.model
    def _raise_unavailable(self, account, error):
        """One issue for all accounts of a connection that are not readable for the same reason: one sign-in opens them all."""
        why = str(error)
        affected = account.link_id.account_ids.filtered(lambda other: other.last_error == why) | account
        self.search([
            ('account_id', '=', account.id), ('kind', '=', 'unavailable'), ('state', '=', 'open'), ('summary', '!=', why),
        ])._close(_("Another reason now."), by=self.env['res.users'])
        return self._raise(
            account.link_id, 'unavailable', why[:80], account_id=account.id, summary=why,
            blocks=_("Not synchronized: %s.", ', '.join(affected.mapped('name'))))

    def _money(self, row):
        return format_amount(self.env, row.amount, row.currency_id)

    @staticmethod
    def _short(text, length=60):
        text = ' '.join((text or '').split())
        return text if len(text) <= length else f'{text[:length - 1]}…'

    # -- resolving: one button each -----------------------------------------------------------------------------------------

    def _close(self, answer, by=None):
        """Done, by whom and how.

        :param by: a user; no user when it no longer holds; the current one when not given
        """
        if self:
            by = self.env.user if by is None else by
            self.write({'state': 'done', 'answer': answer, 'done_by_id': by.id})
            self.activity_ids.unlink()

    def _close_settled(self):
        """Close what no longer holds."""
        self._close(_("Settled by itself."), by=self.env['res.users'])

    @api.model
    def _check_accountant(self):
        if not self.env.user.has_group('account.group_account_basic') and not self.env.su:
            raise AccessError(_("Ask an accountant: you may not decide what goes into the books."))

    def _open(self, *kinds):
        """Guard of the buttons: an issue that somebody else resolved meanwhile is not resolved again."""
        self.ensure_one()
        self.check_access('read')
        self._check_accountant()
        if self.state != 'open' or kinds and self.kind not in kinds:
            raise UserError(_("This was resolved already."))
        return self.sudo().with_company(self.company_id)

    def action_same(self):
        """The transaction and the one in the books are one: the books stay as they are."""
        for issue in self:
            issue = issue._open('duplicate')
            row, line = issue.transaction_id, issue.line_id
            if issue.other_transaction_id:
                issue.other_transaction_id._absorb_for_good(row)
            elif line and not line.online_sync_transaction_id:
                line.online_sync_transaction_id = row
                row.write({'state': 'imported', 'duplicate_line_id': False, 'state_reason': False})
            else:       # the line that it was the same as is gone meanwhile: without this one the books would lack the movement
                row._import_after_decision()
            issue.exists()._close(_("Same"))
        return self._reprove()

    def action_keep_both(self):
        """Two different movements: the one that waits goes into the books."""
        for issue in self:
            issue = issue._open('duplicate', 'edited', 'refused')
            issue.transaction_id._import_after_decision()
            issue._close(_("Keep both"))
        return self._reprove()

    def action_replace(self):
        """The bank corrected the amount: the old line goes, the new one comes."""
        for issue in self:
            issue = issue._open('edited')
            old = issue.other_transaction_id
            line = old.statement_line_ids
            if line.is_reconciled or line.move_id._get_violated_lock_dates(line.date, False) if line else False:
                raise UserError(_(
                    "The old line is reconciled or lies in a locked period. Undo its reconciliation first, or press Keep both and book the "
                    "difference."))
            old._take_out(_("Corrected by the bank"))
            old._settle_vanished()
            issue.transaction_id._import_after_decision()
            issue._close(_("Replaced"))
        return self._reprove()

    def action_delete_copy(self):
        """It is the same: what was entered goes, what the bank brought stays."""
        for issue in self:
            issue = issue._open('copied')
            if issue.line_id.is_reconciled:
                raise UserError(_("The line that was entered is matched. Undo its matching first."))
            issue.line_id.unlink()
            issue._close(_("Copy deleted"))
        return self._reprove()

    def action_delete_line(self):
        """The bank took the movement back: so do the books."""
        for issue in self:
            issue = issue._open('vanished')
            if any(issue.transaction_id.statement_line_ids.mapped('is_reconciled')):
                raise UserError(_("The bank transaction is matched. Undo its matching first."))
            issue.transaction_id._take_out(_("Taken back by the bank"))
            issue._close(_("Deleted"))
        return self._reprove()

    def action_ignore(self):
        """Leave it out of the books for good, or leave the books as they are."""
        for issue in self:
            issue = issue._open()
            if issue.kind in ('duplicate', 'edited', 'odd', 'refused'):
                issue.transaction_id.write({'state': 'ignored', 'state_reason': _("Ignored by %s", self.env.user.name)})
            elif issue.kind == 'vanished':
                issue.transaction_id.missed_reads = KEPT
            issue._close(_("Ignored"))
        return self._reprove()

    def action_try_again(self):
        """Try once more to bring into the books what waits."""
        for issue in self:
            issue = issue._open('locked', 'refused', 'odd')
            rows = issue.transaction_id or issue.account_id._waiting()
            imported = rows._import_lines()
            if imported and imported == rows.exists():
                issue._close(_("Imported"))
            elif not imported:
                raise UserError(_("It still does not go into the books: %s", issue.summary))
        return self._reprove()

    def action_add_opening(self):
        """Make the first line: the opening balance."""
        for issue in self:
            issue = issue._open('opening')
            issue.account_id._add_opening_balance()
            if issue.state == 'open':
                issue._close(_("Opening balance added"))
        return True

    def action_days_complete(self):
        """The user vouches for days that the bank does not give."""
        for issue in self:
            issue = issue._open('gap')
            issue.account_id._vouch(issue.date_from, issue.date_to, self.env.user)
            issue._close(_("Complete, says %s", self.env.user.name))
        return self._reprove()

    def action_fetch_again(self):
        """Read the days from the difference on once more."""
        issue = self._open('drift', 'vanished')
        return issue.account_id.sudo(False)._fetch_again(issue.date_from or issue.transaction_id.date)

    def action_reconnect(self):
        self.ensure_one()
        return self.link_id.action_reconnect()

    def action_open(self):
        """Open what the issue is about; for a difference the bank transactions from the day on which it began."""
        self.ensure_one()
        if self.kind in ('drift', 'misdated') and self.journal_id:
            action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_bank_transactions')
            days = [('date', '>=', self.date_from)]
            if self.kind == 'misdated':
                days.append(('date', '<=', self.date_to + timedelta(days=7)))
            return {**action, 'domain': [('journal_id', '=', self.journal_id.id), *days], 'context': {}}
        record = self._about() or self.transaction_id or self.account_id or self.link_id
        return {'type': 'ir.actions.act_window', 'res_model': record._name, 'res_id': record.id, 'views': [(False, 'form')]}

    def _about(self):
        """The record of other books that the issue is about, None for none."""
        return None

    def _reprove(self):
        for account in self.exists().account_id:
            account.sudo()._prove_balance()
        return True
