import json
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import psycopg2

from odoo import _, api, fields, models
from odoo.tools import SQL

from ..clients.records import BOOKED, PENDING, RemoteTransaction
from ..engine import identity
from .compat import create_partial_unique_index

#: Bank transactions created at once.
BATCH = 500
#: `missed_reads` of a movement that a person keeps although the bank no longer shows it.
KEPT = -1
#: Days for which a pending movement is looked for; a hold on a card lasts up to 30.
LONGEST_PENDING = timedelta(days=45)


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
        rows = self._for_decision().filtered(lambda row: row.state in ('new', 'duplicate'))
        rows.write({'state': 'ignored', 'state_reason': _("Ignored by %s", self.env.user.name)})
        self.env['online.sync.issue'].sudo().search([('transaction_id', 'in', rows.ids), ('state', '=', 'open')])._close(_("Ignored"))

    def action_import(self):
        """Bring into the books what was left out of them."""
        rows = self._for_decision().filtered(lambda row: row.state in ('new', 'duplicate', 'ignored') and row.status == BOOKED)
        done = rows._import_after_decision()
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

    # -- staging: what a page says -> rows ------------------------------------------------------------------------------

    @api.model
    def _stage_page(self, account, page, reading, run=0):
        """Bring the inbox to what a page says; import what is certain.

        :param account: online.sync.account
        :param page: clients.records.Page
        :param reading: engine.reading.Reading
        :param run: id of the run's log
        :returns: Counter of fetched, created, updated, skipped, waiting
        """
        transactions = [tx for tx in page.transactions if not account.start_date or tx.date >= account.start_date]
        rows = self._load_known(account, transactions, reading)
        verdicts = identity.identify(
            transactions, [row.known for row in rows.values()], trust_ids=account.ids_trusted, whole_window=True)
        fresh = [(transactions[v.index], v) for v in verdicts if v.kind in (identity.NEW, identity.HELD)]
        shown = [(transactions[v.index], rows[v.known], v) for v in verdicts if v.kind == identity.KNOWN and v.known]
        occurrences = self._occurrences(rows)
        updated = self._refresh(account, shown, occurrences)
        if any(v.distrust for v in verdicts):
            account._distrust_ids()
        used = {row.known.external_id for row in rows.values()} | {tx.external_id for tx, _row, _verdict in shown}
        created = self._create_rows(account, fresh, used, occurrences, reading)
        waiting = created.filtered(lambda row: row.status == BOOKED and not row.is_held)
        waiting |= updated.filtered(lambda row: row.status == BOOKED and row.state == 'new' and not row.is_held)
        waiting._import_lines()
        reading.advance(page, [v.known for v in verdicts if v.kind == identity.KNOWN and v.known], fields.Date.today(), run)
        return Counter(
            fetched=len(page.transactions), created=len(created), updated=len(updated),
            skipped=len(page.transactions) - len(created) - len(updated),
        )

    @api.model
    def _load_known(self, account, transactions, reading):
        """Rows of the account that share an id, a content or a day of the window with a page, by id."""
        if not transactions:
            return {}
        ids = [value for tx in transactions for value in (tx.external_id, tx.pending_id) if value]
        days = [tx.date for tx in transactions]
        near = identity.NEAR
        prints = {identity.fingerprint_of(tx) for tx in transactions}
        stored = self._select_rows(account, reading, SQL(
            "(tx.external_id = ANY(%s) OR tx.date BETWEEN %s AND %s)", ids, min(days) - near, max(days) + near))
        window, wanted, rows = reading.window, set(ids), {}
        for row in stored:
            known = row.known
            in_window = window.date_from - near <= known.date <= window.date_to
            if in_window or known.external_id in wanted or known.fingerprint in prints:
                rows[known.id] = row
        return rows

    @api.model
    def _select_rows(self, account, reading, condition):
        """Rows of an account as the engine wants them, in one query and without a cache: there may be many."""
        self.flush_model()
        self.env.cr.execute(SQL(
            """
            SELECT tx.id, tx.status, tx.date, tx.amount::text, currency.name, tx.fingerprint, tx.external_id, tx.end_to_end_id, tx.text,
                   tx.partner_account, CASE WHEN tx.has_balance_after THEN tx.balance_after::text END, tx.read_number,
                   tx.state, tx.occurrence, tx.missed_reads
              FROM online_sync_transaction tx
              JOIN res_currency currency ON currency.id = tx.currency_id
             WHERE tx.account_id = %s AND %s
             ORDER BY tx.id
            """, account.id, condition,
        ))
        return [StoredRow(values, reading) for values in self.env.cr.fetchall()]

    @api.model
    def _occurrences(self, rows):
        """{(status, fingerprint): highest occurrence so far}, to number further movements of equal content."""
        occurrences = Counter()
        for row in rows.values():
            key = row.known.status, row.known.fingerprint
            occurrences[key] = max(occurrences[key], row.occurrence)
        return occurrences

    @api.model
    def _create_rows(self, account, fresh, used, occurrences, reading):
        """Create rows for movements that are new or held.

        :param used: ids that belong to other rows, or did until this page
        """
        values = []
        for tx, verdict in fresh:
            vals = account._prepare_transaction_vals(tx)
            key = tx.status, vals['fingerprint']
            occurrences[key] += 1
            free_id = tx.external_id if tx.external_id not in used else False
            used.add(tx.external_id)
            values.append({
                **vals, 'occurrence': occurrences[key], 'read_number': reading.number, 'external_id': free_id or False,
                'shown_id': tx.external_id if not free_id else False,
                'is_held': verdict.kind == identity.HELD,
                'duplicate_of_id': verdict.known if verdict.kind == identity.HELD else False,
            })
        return self.with_context(tracking_disable=True).create(values).with_env(self.env)

    @api.model
    def _refresh(self, account, shown, occurrences):
        """Write what changed on known rows; nothing for those that did not change. Returns the rows that became booked or changed."""
        changes = {}
        for tx, row, verdict in shown:
            vals = self._changes(account, tx, row, verdict)
            if vals:
                changes[row.known.id] = vals
        if not changes:
            return self.browse()
        records = self.browse(changes)
        renamed = records.filtered(lambda record: 'external_id' in changes[record.id])
        if renamed:
            self._free_ids(account, renamed, {changes[record.id]['external_id'] for record in renamed})
        records.filtered(lambda record: 'missed_reads' in changes[record.id])._settle_vanished()
        for record in records:
            vals = changes[record.id]
            if 'fingerprint' in vals:
                key = vals['status'], vals['fingerprint']
                occurrences[key] += 1
                vals['occurrence'] = occurrences[key]
            record.write(vals)
        return records

    @api.model
    def _changes(self, account, tx, row, verdict):
        """Values to write on a known row so that it says what the bank says now; amounts and dates of imported lines are not touched."""
        known, vals = row.known, {}
        takes_id = verdict.reissued or not known.external_id or known.status == PENDING
        if tx.external_id and known.external_id != tx.external_id and takes_id:
            vals.update(external_id=tx.external_id, shown_id=False)
        if row.missed_reads:
            vals['missed_reads'] = 0
        became_booked = known.status == PENDING and tx.status == BOOKED
        if known.fingerprint != identity.fingerprint_of(tx) and (known.status, tx.status) != (BOOKED, PENDING) or became_booked:
            vals.update(account._prepare_transaction_vals(tx))
        is_back = row.state == 'superseded' and known.status in (PENDING, tx.status)
        if is_back or became_booked and row.state != 'ignored':
            vals.update(state='new', superseded_by_id=False)
        return vals

    @api.model
    def _free_ids(self, account, records, ids):
        """Take external ids away from the rows that lose them, so that a renumbering cannot trip over the unique index."""
        others = self.search([('account_id', '=', account.id), ('external_id', 'in', list(ids))])
        (records | others).external_id = False
        self.flush_model(['external_id'])

    # -- end of a read ----------------------------------------------------------------------------------------------------

    @api.model
    def _finish_window(self, account, reading):
        """Decide what was held, and look for what the bank no longer shows. Only after a complete read of the window.

        :returns: Counter of created, waiting; None when only another pass over the window can decide
        """
        held = self.search([('account_id', '=', account.id), ('is_held', '=', True)], order='id')
        doubts = held._doubts(account, reading)
        if doubts and doubts != reading.doubts:
            reading.doubts = doubts
            return None
        unseen = self._load_unseen(account, reading)
        counts = held._settle_held(account, [row.known for row in unseen if row.known.status == BOOKED])
        absorbed = counts.pop('absorbed')
        missing = [row for row in unseen if row.known.id not in absorbed]
        self._supersede_pending(account, [row for row in missing if row.known.status == PENDING], reading)
        self._note_missing([row for row in missing if row.known.status == BOOKED], reading)
        return counts

    @api.model
    def _load_unseen(self, account, reading):
        """Rows that the read did not show: those of the window, booked ones of the days before it, which may have moved into it, and
        pending ones of so long ago that nobody asks for them any more.
        """
        window, forgotten = reading.window, fields.Date.today() - LONGEST_PENDING
        rows = self._select_rows(account, reading, SQL(
            """NOT COALESCE(tx.is_held, FALSE) AND tx.state != 'superseded' AND (
                 tx.status = 'pending' AND (tx.date < %s OR tx.date BETWEEN %s AND %s)
                 OR tx.status = 'booked' AND tx.date BETWEEN %s AND %s)
            """, forgotten, window.date_from, window.date_to, window.date_from - identity.NEAR, window.date_to))
        return [row for row in rows if not row.known.seen]

    def _doubts(self, account, reading):
        """Contents of the held rows of `self` that may be a second sight of a movement of an earlier page: how often each was shown.

        Two passes in a row that count the same are right: a list that moves on does not do so twice at the same place.
        """
        if not self:
            return {}
        rows = self._select_rows(account, reading, SQL(
            "NOT COALESCE(tx.is_held, FALSE) AND tx.status = 'booked' AND tx.fingerprint = ANY(%s)", self.mapped('fingerprint')))
        shown = Counter(row.known.fingerprint for row in rows if row.known.seen)
        doubtful = self.filtered(lambda row: not row.external_id and not row.shown_id and shown[row.fingerprint])
        held = Counter(doubtful.mapped(lambda row: row.fingerprint))
        return {print_: shown[print_] + count for print_, count in held.items()}

    def _settle_held(self, account, unseen):
        """Decide the rows of `self`, which were held, now that the read is complete."""
        counts, absorbed = Counter(), set()
        movements = [row._as_record() for row in self]
        verdicts = identity.settle(movements, [row.duplicate_of_id.id or None for row in self], unseen)
        if any(verdict.distrust for verdict in verdicts):
            account._distrust_ids()
        import_now = self.browse()
        for row, verdict in zip(self, verdicts, strict=True):
            if verdict.kind == identity.NEW:
                row._release()
                import_now |= row
                counts['created'] += 1
            elif verdict.kind == identity.KNOWN:
                absorbed.add(verdict.known)
                self.browse(verdict.known)._absorb(row)
            else:
                row._quarantine(self.browse(verdict.known), verdict.reason)
                counts['waiting'] += 1
        import_now._import_lines()
        counts['absorbed'] = absorbed
        return counts

    def _release(self):
        """A held row is new after all. It takes its id where nobody else has it."""
        self.ensure_one()
        owner = self.shown_id and self.search_count(
            [('account_id', '=', self.account_id.id), ('external_id', '=', self.shown_id)], limit=1)
        self.write({
            'is_held': False, 'duplicate_of_id': False, 'external_id': self.external_id or (not owner and self.shown_id) or False})

    def _absorb(self, held):
        """`held` is this very movement, shown with another id or text: take over what it says and forget it."""
        self.ensure_one()
        values = held.copy_data()[0]
        keep = ('date', 'value_date', 'text', 'partner_name', 'partner_account', 'reference', 'transaction_type', 'end_to_end_id',
                'fingerprint', 'occurrence', 'balance_after', 'has_balance_after')
        new_id = held.external_id or held.shown_id
        held.unlink()
        self.env.flush_all()
        if new_id:
            self._free_ids(self.account_id, self, {new_id})
        self.write({
            **{name: values[name] for name in keep}, 'external_id': new_id or self.external_id, 'missed_reads': 0})
        self._settle_vanished()
        if self.state == 'superseded':      # a person had taken it out of the books because the bank had
            self.state = 'new'
            self._import_lines()

    def _quarantine(self, other, reason):
        """Keep the row out of the books until a person says what it is; `other` is what it may be."""
        self.ensure_one()
        self.write({'is_held': False, 'state': 'duplicate', 'duplicate_of_id': other.id, 'state_reason': reason})
        self.env['online.sync.issue']._raise_duplicate(self, other, edited=reason == "amount changed")

    @api.model
    def _supersede_pending(self, account, rows, reading):
        """Pending movements that the bank no longer shows were booked or dropped."""
        gone = self.browse(row.known.id for row in rows)
        if not gone:
            return
        booked = self.search([
            ('account_id', '=', account.id), ('status', '=', BOOKED), ('read_number', '=', reading.number),
            ('amount', 'in', gone.mapped('amount'))])
        by_amount = defaultdict(list)
        for row in booked.sorted('date'):
            by_amount[row.amount].append(row)
        for row in gone:
            candidates = [b for b in by_amount[row.amount] if identity.similar(
                identity.normalise_text(b.text), identity.normalise_text(row.text))]
            row.superseded_by_id = candidates[0] if len(candidates) == 1 else False
        gone.write({'state': 'superseded'})

    @api.model
    def _note_missing(self, rows, reading):
        """Booked movements that a complete read missed twice in a row become a question; nothing is deleted (law 9).

        The first and the last day of a window do not count: banks filter by other dates than the one they show.
        """
        window = reading.window
        missing = self.browse(row.known.id for row in rows if (
            window.date_from < row.known.date < window.date_to and row.missed_reads != KEPT))
        asked = self.search([('duplicate_of_id', 'in', missing.ids), ('state', '=', 'duplicate')]).duplicate_of_id
        for record in missing:
            record.missed_reads += 1
            if record.missed_reads >= 2 and record.state in ('imported', 'new') and record not in asked:
                self.env['online.sync.issue']._raise_vanished(record)

    @api.model
    def _missed(self, account):
        """Booked movements in the books, or waiting for them, that the latest complete read of their day did not show."""
        return self.search([
            ('account_id', '=', account.id), ('missed_reads', '>', 0), ('status', '=', BOOKED),
            ('state', 'in', ('imported', 'new'))])

    @api.model
    def _unfinished(self, account):
        """What the next read must look at again: what the latest one missed for the first time, and what is still pending."""
        since = fields.Date.today() - LONGEST_PENDING
        missed = self._missed(account).filtered(lambda row: row.missed_reads == 1)
        return missed | self.search([
            ('account_id', '=', account.id), ('status', '=', PENDING), ('state', '=', 'new'), ('date', '>=', since)])

    def _take_out(self, reason):
        """Out of the books because the bank has it no longer.

        Not for good, unless a person had deleted it before: should the bank show it again, it is a movement again.
        """
        rows = self.filtered(lambda row: row.state != 'ignored')
        self.statement_line_ids.unlink()
        rows.write({'state': 'superseded', 'state_reason': reason})

    def _settle_vanished(self):
        """The bank shows the rows again: nothing is to be asked."""
        self.env['online.sync.issue'].search([
            ('transaction_id', 'in', self.ids), ('kind', '=', 'vanished'), ('state', '=', 'open')])._close(_("Settled by itself."))

    # -- into the books -----------------------------------------------------------------------------------------------------

    def _import_lines(self):
        """Make bank transactions for the waiting rows of one account; those that may not go into the books stay, with an issue.

        :returns: the rows that were imported
        """
        account = self.account_id
        rows = self.filtered(lambda row: row.state == 'new' and row.status == BOOKED and not row.is_held)
        if not rows or not account._may_import():
            return self.browse()
        rows -= rows._leave_locked()
        rows -= rows._leave_odd()
        rows -= rows._leave_possible_duplicates()
        return rows._create_lines()

    def _leave_locked(self):
        """Rows whose date is locked: they wait. The ORM would move them to another day (law 4)."""
        journal, company = self.journal_id, self.company_id
        locked_days = {day for day in set(self.mapped('date')) if company._get_violated_lock_dates(day, False, journal)}
        locked = self.filtered(lambda row: row.date in locked_days)
        self.env['online.sync.issue']._raise_locked(self.account_id, locked)
        return locked

    def _leave_odd(self):
        """Rows that do not fit the journal: in another currency, or with more decimals than it has."""
        currency = self.account_id.currency_id
        odd = self.filtered(lambda row: row.currency_id != currency or row.exact_amount)
        for row in odd:
            self.env['online.sync.issue']._raise_odd(row)
        return odd

    def _leave_possible_duplicates(self):
        """Rows that stand in the journal already, typed by hand or imported from a file."""
        undecided = self.filtered(lambda row: not row.is_decided)
        return undecided._flag_twins() if undecided else undecided

    def _flag_twins(self):
        days = self.mapped('date')
        lines = self.env['account.bank.statement.line'].search([
            ('journal_id', '=', self.journal_id.id), ('online_sync_transaction_id', '=', False), ('state', '=', 'posted'),
            ('date', '>=', min(days) - identity.NEAR), ('date', '<=', max(days) + identity.NEAR),
            ('amount', 'in', self.mapped('amount')),
        ])
        taken = self.search([('duplicate_line_id', 'in', lines.ids), ('state', '=', 'duplicate')]).duplicate_line_id
        twins = identity.foreign_twins(
            [row._as_record() for row in self], [line._online_sync_as_known() for line in lines - taken])
        suspects = self.browse(self[index].id for index in twins)
        for index, line_id in twins.items():
            row, line = self[index], lines.browse(line_id)
            row.write({'state': 'duplicate', 'duplicate_line_id': line.id, 'state_reason': 'in the books already'})
            self.env['online.sync.issue']._raise_duplicate(row, line)
        return suspects

    def _import_after_decision(self):
        """A person said that the row is a movement of its own: into the books with it."""
        self.write({
            'state': 'new', 'is_decided': True, 'duplicate_of_id': False, 'duplicate_line_id': False, 'state_reason': False})
        return self._import_lines()

    def _create_lines(self):
        """Create the bank transactions, oldest first, in batches: memory and time stay the same however long a page is."""
        self.env.flush_all()    # what fails here is not the fault of a row, and would be taken for it in the batch
        done, ordered = self.browse(), self._in_order()
        for start in range(0, len(ordered), BATCH):
            done |= ordered[start:start + BATCH]._create_batch_or_singles()
        return done

    def _create_batch_or_singles(self):
        """One batch; if it is refused, one by one, so that a bad row harms no other."""
        try:
            self._create_line_batch()
            return self
        except psycopg2.OperationalError:
            raise       # a concurrent change: the whole step is done again
        except Exception as error:  # noqa: BLE001 - whatever the ORM or another addon objects to
            if len(self) == 1:
                self.env['online.sync.issue']._raise_refused(self, error)
                return self.browse()
        return self.browse(id_ for row in self for id_ in row._create_batch_or_singles().ids)

    def _create_line_batch(self):
        partners = self.account_id._find_partners(self.mapped('partner_account'))
        with self.env.cr.savepoint():
            lines = self.env['account.bank.statement.line'].with_context(online_sync_import=True).create([
                row._prepare_statement_line_vals(partners.get(identity.normalise_account(row.partner_account))) for row in self])
            self.with_context(tracking_disable=True).write({'state': 'imported', 'state_reason': False})
            self.env.flush_all()
        return lines

    def _remember_deleted(self):
        """Somebody deleted the bank transaction: it stays deleted, whatever the bank says again."""
        self.filtered(lambda row: row.state == 'imported' and not row.statement_line_ids).write(
            {'state': 'ignored', 'state_reason': _("Deleted by %s", self.env.user.name)})

    def _in_order(self):
        """Rows in the order in which they happened, as far as the bank tells: by day; within a day as it listed them."""
        newest_first = len(self) > 1 and self[0].date > self[-1].date
        rows = self.browse(reversed(self.ids)) if newest_first else self
        return rows.sorted('date')

    def _prepare_statement_line_vals(self, partner_id=False):
        """Values of the bank transaction; a hook for other addons."""
        self.ensure_one()
        vals = {
            'journal_id': self.account_id.journal_id.id,
            'date': self.date,
            'amount': self.amount,
            'payment_ref': self.text or self.partner_name or self.reference or self.transaction_type or _("No text"),
            'partner_name': self.partner_name,
            'partner_id': partner_id,
            'account_number': self.partner_account,
            'transaction_type': self.transaction_type,
            'transaction_details': self._prepare_details(),
            'ref': self.reference,
            'online_sync_transaction_id': self.id,
        }
        original = self.original_currency_id
        if original and original != self.currency_id and original.active and self.original_amount:
            vals.update(foreign_currency_id=original.id, amount_currency=self.original_amount)
        return vals

    def _prepare_details(self):
        """What reconciliation models and people may want to look at, without what is empty."""
        details = {
            'end_to_end_id': self.end_to_end_id, 'value_date': self.value_date and self.value_date.isoformat(),
            'reference': self.reference, 'type': self.transaction_type, 'counterpart': self.partner_name,
            'counterpart_account': self.partner_account,
        }
        return {name: value for name, value in details.items() if value} or False

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


class StoredRow:
    """An inbox row as :meth:`OnlineSyncTransaction._load_known` reads it: what the engine knows of it, and what it need not know."""

    __slots__ = ('known', 'missed_reads', 'occurrence', 'state')

    def __init__(self, values, reading):
        (id_, status, date, amount, currency, print_, external_id, end_to_end_id, text, account, balance, read_number,
         self.state, self.occurrence, self.missed_reads) = values
        self.known = identity.Known(
            id=id_, status=status, date=date, amount=Decimal(amount), currency=currency, fingerprint=print_,
            external_id=external_id or '', end_to_end_id=end_to_end_id or '', text=identity.normalise_text(text),
            partner_account=identity.normalise_account(account), balance_after=Decimal(balance) if balance else None,
            seen=read_number == reading.number or id_ in reading.seen,
        )
