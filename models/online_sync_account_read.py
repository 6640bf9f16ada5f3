"""Reading an account: one page a step, the ledger of days, and what to do when the bank says no."""
from datetime import datetime, timedelta, timezone

from odoo import _, fields, models, tools

from ..clients import errors
from ..clients.records import RemoteAccount, Window
from ..engine import coverage, identity, schedule
from ..engine.reading import Reading
from .values import clean_json, clean_text, to_naive

#: Passes over a window whose list does not stand still, before it counts as failed.
MOST_PASSES = 3


class OnlineSyncAccount(models.Model):
    _inherit = 'online.sync.account'

    # -- one page -----------------------------------------------------------------------------------------------------------

    def _sync_step(self, client, log):
        """One page: fetch, stage, import, advance. Never commits: cursor and data of a page live or die together.

        :param client: clients.base.BankClient
        :param log: online.sync.log of the run
        :returns: whether there is more to do for this account in this run
        :raises clients.errors.SyncError: nothing was written
        """
        self.ensure_one()
        reading = self._current_reading()
        if not reading.windows:
            return self._finish_reading(reading, client, log)
        if reading.goes_on_in(log.id):
            return self._find_place_again(client, reading, log)
        page = self._fetch_page(client, reading, reading.token)
        if reading.shows_again(page):
            raise errors.RestartRead(
                _("The bank sent the same page twice. Nothing was taken from it; it is tried again later."), request_id=page.request_id)
        log._count(pages=1, **self.env['online.sync.transaction']._stage_page(self, page, reading, log.id))
        self._take_notices(page, log)
        if not reading.token:
            self._finish_window(reading, log)
        self.reading = reading.dump()
        return True

    def _find_place_again(self, client, reading, log):
        """Another run stopped in the middle of a window: go on there only if its last page still says the same.

        Bank lists are mostly paged by position. A line that came in or went away since then would be shown twice, or never.
        """
        page = self._fetch_page(client, reading, reading.last_token)
        if reading.is_latest(page):
            reading.run = log.id
        else:
            self._restart_window(reading)
        self.reading = reading.dump()
        return True

    def _next_token(self, log):
        """What the next step of a run asks with; '' for the first page of a window."""
        reading = Reading.load(self.reading)
        if not reading:
            return ''
        return reading.last_token if reading.goes_on_in(log.id) else reading.token

    def _current_reading(self):
        """The read in progress, or a new one of the windows that are owed."""
        reading = Reading.load(self.reading)
        return reading or self._begin_reading()

    def _begin_reading(self, whole=False):
        """A new read of what is owed, or of the whole time since the first day."""
        self._forget_held()
        self.read_number += 1
        start, today = max(filter(None, [self._first_day(), self.available_from])), fields.Date.today()
        options = {'overlap_days': max(self.link_id.overlap_days, identity.NEAR_DAYS + 1),
                   'window_days': self.link_id._capabilities().window_days}
        everything = coverage.plan(start, today, [], **options)
        windows = everything if whole else coverage.plan(
            start, today, self.coverage_ids._intervals(), again_from=self._unfinished_since(), **options)
        return Reading(self.read_number, windows, planned_on=today, whole=windows == everything)

    def _unfinished_since(self):
        """The day from which on the next read shows how the story of a movement went on, if there is such a movement.

        A second miss of a booked movement makes it a question; a pending one may be booked under its old date.
        """
        rows = self.env['online.sync.transaction']._unfinished(self)
        return min(rows.mapped('date')) - timedelta(days=1) if rows else None

    def _forget_held(self):
        """What an unfinished read held will be shown again."""
        self.env['online.sync.transaction'].search([('account_id', '=', self.id), ('is_held', '=', True)]).unlink()

    def _fetch_page(self, client, reading, token):
        """One page from the wire, within the calls that the bank allows."""
        self.link_id._check_budget(self, client, first_page=not token)
        first_read = not self.first_read_done and not self.start_date
        return next(client.fetch_pages(self._as_remote(), reading.window, token, first_read=first_read))

    def _finish_window(self, reading, log):
        """The window was read to its end: note it in the ledger and decide what had to wait for the end."""
        window, message = self._given(reading, reading.proved(fields.Date.today())), ''
        reading.passes += 1
        counts = self.env['online.sync.transaction']._finish_window(self, reading) if reading.complete else None
        if counts is not None:
            log._count(**counts)
            self.first_read_done = True
            status = coverage.OK if reading.count else coverage.EMPTY
        elif reading.complete and reading.passes < MOST_PASSES:
            return self._restart_window(reading)
        else:
            self._forget_held()
            window, status, message = reading.window, coverage.FAILED, _("The provider said that its answer is incomplete.")
            if reading.complete:
                message = _("The bank's list changed while it was read.")
            self.last_error = message
            log._count(failed=1)
        if window and not self.start_date and reading.first_day:    # a first read may give more than was asked for
            window = Window(min(window.date_from, reading.first_day), window.date_to)
        if window:
            self.env['online.sync.coverage']._record(self, window, status, count=reading.count, message=message, log=log)
        return reading.next_window()

    def _given(self, reading, window):
        """The part of a window that its read proves, None for nothing.

        Days before those that the provider promises prove nothing when a first read shows nothing of them: it may just not go so far.
        """
        promised = fields.Date.today() - timedelta(days=self.link_id._capabilities().history_days)
        first = min(filter(None, [reading.first_day, promised]))
        if not window or not self.start_date or window.date_from >= first or self.env['online.sync.transaction'].search_count([
                ('account_id', '=', self.id), ('date', '<', first)], limit=1):
            return window
        last = min(first - timedelta(days=1), window.date_to)
        if coverage.owed(window.date_from, last, self.coverage_ids._intervals()):
            self.available_from = last + timedelta(days=1)
            self.env['online.sync.issue']._raise_gap(self, window.date_from, last)
        return Window(last + timedelta(days=1), window.date_to) if last < window.date_to else None

    def _finish_reading(self, reading, client, log):
        """All windows are done: retry what waits, ask for the balance, prove the books.

        :returns: whether there is more to read: an interrupted read of an earlier day does not know the days since, and the first
            balance needs a read of all days beside it
        """
        self.env['online.sync.transaction']._release_orphans(self)
        self._waiting()._import_lines()
        if not self._waiting():
            self.env['online.sync.issue']._settle(self, ('locked',))
        self._settle_start()
        self.write({'reading': False, 'next_try': False})
        self.env['online.sync.balance']._record(self, self._fetch_balances(client, log))
        is_of_today = not reading.planned_on or reading.planned_on == fields.Date.today()
        must_read_all = not self._find_out_opening(reading.whole and is_of_today)
        self._prove_balance()
        failed = self.coverage_ids.filtered(lambda row: row.log_id == log and row.status not in coverage.PROVING)
        if not failed:
            self.write({'last_ok': fields.Datetime.now(), 'last_error': False})
            self.env['online.sync.issue']._settle(self, ('failed', 'unavailable'))
        if must_read_all and not failed:
            self.reading = self._begin_reading(whole=True).dump()
        return not failed and (must_read_all or not is_of_today)

    def _fetch_balances(self, client, log):
        """What the bank says the account holds; nothing where it does not say so now: the movements never wait for it."""
        try:
            self.link_id._check_budget(self, client, first_page=False)
            return client.fetch_balances(self._as_remote())
        except errors.ReauthRequired:
            raise
        except errors.RateLimited as error:
            self.next_try = to_naive(error.retry_after) or fields.Datetime.now() + timedelta(hours=24)
        except errors.SyncError as error:
            log._count(failed=1)
            log.write({'error': error.log_line()[:500], 'request_id': error.request_id or log.request_id})
            self.link_id.last_error = _("%(account)s: the balance could not be read: %(why)s", account=self.name, why=error.message)
            log._say(self.link_id.last_error)
        return []

    def _waiting(self):
        """Booked movements that are not in the books yet."""
        return self.env['online.sync.transaction'].search(
            [('account_id', '=', self.id), ('state', '=', 'new'), ('status', '=', 'booked'), ('is_held', '=', False)])

    def _settle_start(self):
        """After a first read as far back as the bank goes, the mapping starts with the first day that was read.

        Not with the first movement: one of an earlier day may be booked late.
        """
        if not self.start_date and self.first_read_done:
            first = self.env['online.sync.transaction'].search(
                [('account_id', '=', self.id), ('status', '=', 'booked')], order='date', limit=1)
            read = self.coverage_ids.filtered(lambda row: row.status in coverage.PROVING).mapped('date_from')
            self.start_date = min([*filter(None, [first.date]), *read], default=fields.Date.today())

    def _as_remote(self):
        """The account as its client knows it; AccountUnavailable when the consent does not open it (any more)."""
        if not self.handle:
            raise errors.AccountUnavailable(_(
                "The bank does not open “%s” with the present consent. Renew the consent and tick this account at the bank, or leave it "
                "out.", self.name))
        return RemoteAccount(
            external_id=self.external_id, handle=self.handle, name=self.name, currency=self.currency_id.name or '',
            iban=self.iban or '', number=self.number or '', kind=self.kind)

    def _take_notices(self, page, log):
        """Show what the provider says; a sign-in that is needed is more than a sentence."""
        for notice in page.notices:
            if notice.external_id and notice.external_id != self.external_id:
                continue
            text, provider = clean_text(notice.text)[:200], self.link_id._provider()
            if notice.level == 'reauth':
                raise errors.ReauthRequired(
                    _("%(provider)s says “%(text)s”. Sign in to the bank again there: %(website)s", provider=provider.title, text=text,
                      website=provider.website), account_only=bool(notice.external_id))
            log._say(_("%(account)s: the provider says “%(text)s”", account=self.name, text=text))

    def _distrust_ids(self):
        """The account's ids named two movements: from now on the content decides (law 2)."""
        if self.ids_trusted:
            self.ids_trusted = False
            self.message_post(body=_(
                "The bank used one id for two different movements. From now on movements of this account are told apart by their content."))

    # -- from the client's records to values ------------------------------------------------------------------------------

    def _prepare_transaction_vals(self, tx):
        """Values of an inbox row for a movement as the bank tells it; what identifies the row is added by who calls."""
        self.ensure_one()
        currency = self._currency(tx.currency)
        exact = round(tx.amount, currency.decimal_places) != tx.amount
        return {
            'account_id': self.id, 'status': tx.status, 'date': tx.date, 'value_date': tx.value_date or False,
            'amount': float(tx.amount), 'exact_amount': str(tx.amount) if exact else False, 'currency_id': currency.id,
            'original_amount': float(tx.original_amount) if tx.original_amount is not None else False,
            'original_currency_id': self._currency(tx.original_currency).id if tx.original_currency else False,
            'balance_after': float(tx.balance_after) if tx.balance_after is not None else False,
            'has_balance_after': tx.balance_after is not None,
            'text': clean_text(tx.text), 'partner_name': clean_text(tx.partner_name),
            'partner_account': clean_text(tx.partner_account), 'reference': clean_text(tx.reference),
            'transaction_type': clean_text(tx.type), 'end_to_end_id': identity.normalise_end_to_end(tx.end_to_end_id),
            'fingerprint': identity.fingerprint_of(tx), 'raw': clean_json(dict(tx.raw)),
        }

    def _currency(self, code):
        """The currency of an ISO code, whether Odoo uses it or not; ProtocolError for a code that is none."""
        return self.env['res.currency'].browse(self._currency_id(code))

    @tools.ormcache('code')
    def _currency_id(self, code):
        currency = self.env['res.currency'].with_context(active_test=False).search([('name', '=', code)], limit=1)
        if not currency:
            raise errors.ProtocolError(_("The bank sent an amount in “%s”, which is no currency that Odoo knows.", clean_text(code)[:10]))
        return currency.id

    def _find_partners(self, numbers):
        """Partners of account numbers: {normalised number: partner id}. Never our own company; nothing where two partners share it."""
        wanted = list({identity.normalise_account(number) for number in numbers if number} - {''})
        if not wanted:
            return {}
        own = (self.company_id.root_id | self.env['res.company'].sudo().search([])).partner_id
        banks = self.env['res.partner.bank'].search([
            ('sanitized_acc_number', 'in', wanted), ('company_id', 'in', (False, self.company_id.id)),
            ('partner_id', 'not in', own.ids)])
        found = {}
        for bank in banks:
            found.setdefault(bank.sanitized_acc_number, set()).add(bank.partner_id.commercial_partner_id.id)
        return {number: partners.pop() for number, partners in found.items() if len(partners) == 1}

    # -- when the bank says no --------------------------------------------------------------------------------------------

    def _record_failure(self, error, log):
        """Write down why a step failed. What was owed stays owed; the page's token stays, unless the error says otherwise.

        :returns: whether the step may be tried again at once
        """
        self.ensure_one()
        if isinstance(error, errors.RestartRead):
            return self._restart_reading(error, log)
        if isinstance(error, errors.PeriodUnavailable) and self._shorten_reading(error, log):
            return True
        status, vals = coverage.FAILED, {'last_error': str(error)}
        if isinstance(error, errors.RateLimited):
            status = coverage.RATE_LIMITED
            vals = {'next_try': to_naive(error.retry_after) or fields.Datetime.now() + timedelta(hours=24)}
        elif isinstance(error, errors.ReauthRequired):
            status = coverage.CONSENT_EXPIRED
        else:
            log._count(failed=1)
        self.write(vals)
        for window in self._current_reading().windows[:1]:
            self.env['online.sync.coverage']._record(self, window, status, message=str(error), log=log)
        if isinstance(error, errors.AccountUnavailable) or getattr(error, 'account_only', False):
            self.last_error = str(error)
            self.env['online.sync.issue']._raise_unavailable(self, error)
        return False

    def _restart_window(self, reading):
        """Begin the window in progress again, as a new read: what is in the inbox already is known to it."""
        self.read_number += 1
        self._forget_held()
        reading.restart(self.read_number)

    def _restart_reading(self, error, log):
        """We lost our place in the bank's list: begin the window again, once in a run; a second time is a failure like any other."""
        reading = self._current_reading()
        may_try_again = bool(reading.digests) and reading.restarted_by != log.id
        if reading.digests:
            self._restart_window(reading)
            reading.restarted_by = log.id
            self.reading = reading.dump()
        return may_try_again or self._record_failure(
            errors.TransientError(error.message, status=error.status, request_id=error.request_id), log)

    def _shorten_reading(self, error, log):
        """The bank does not go back so far: ask for what it has and tell what is missing. Returns whether anything is left to ask."""
        reading = self._current_reading()
        window = reading.window
        kept_from = fields.Date.today() - timedelta(days=self.link_id._capabilities().history_days - 1)
        middle = window.date_to - (window.date_to - window.date_from) // 2
        earliest = error.earliest or (kept_from if window.date_from < kept_from <= window.date_to else middle)
        if not window.date_from < earliest <= window.date_to:
            return False
        self.available_from = earliest
        before = earliest - timedelta(days=1)
        if self.start_date and coverage.owed(window.date_from, before, self.coverage_ids._intervals()):
            self.env['online.sync.issue']._raise_gap(self, window.date_from, earliest - timedelta(days=1))
        log._say(_("%(account)s: the bank gives nothing before %(day)s.", account=self.name, day=earliest))
        reading.windows[0] = Window(earliest, window.date_to)
        self._restart_window(reading)
        self.reading = reading.dump()
        return True

    # -- what a person says about days --------------------------------------------------------------------------------------

    def _vouch(self, first, last, user):
        """A person says that the books hold all of these days."""
        self.env['online.sync.coverage']._record(self, Window(first, last), coverage.OK, message=_("Complete, says %s", user.name))

    def _fetch_again(self, day):
        """Read again from `day` on, at once. Returns what the screen shows."""
        self.ensure_one()
        return self.link_id._notify([self.link_id._run_now('manual', owed=[(self.id, day)])])

    def _owe_again(self, day):
        """Take back that the days from `day` on are proved: they are read again."""
        for row in self.coverage_ids.filtered(lambda row: row.status in coverage.PROVING and row.date_to >= day):
            if row.date_from >= day:
                row.unlink()
            else:
                row.date_to = day - timedelta(days=1)
        self.reading = False

    # -- calls ------------------------------------------------------------------------------------------------------------

    def _calls_left(self):
        """Unattended calls left in these 24 hours, None where there is no limit."""
        self.ensure_one()
        capabilities = self.link_id._capabilities()
        return schedule.calls_left(self._calls(), capabilities.calls_per_day, datetime.now(timezone.utc))

    def _calls(self):
        """Instants of the calls that count for this account."""
        holder = self.link_id if self.link_id._capabilities().calls_scope == 'link' else self
        return [datetime.fromisoformat(call) for call in holder.sudo().calls or []]
