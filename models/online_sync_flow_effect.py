"""What a dry run does to both trial balances: what the documents that would be posted, changed or taken back book on each account."""
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from odoo import _, models

from ..clients.books import POSTED, Line, Ref
from ..engine.plan import HERE, THERE

_OTHER = {HERE: THERE, THERE: HERE}


@dataclass(frozen=True, slots=True)
class Booking:
    """A document that a side books from now on, or no longer.

    :param side: whose books change
    :param document: in the words of the side that tells what it books
    :param sign: 1 or -1
    :param journal: of a bank transaction: where the side keeps it, in the language of both
    :param items: of a bank transaction: lines that settle it
    """

    side: str
    teller: str
    document: Ref
    sign: int
    journal: Ref | None = None
    items: tuple[Line, ...] = ()


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _dry_bookings(self, item):
        """What becomes of the trial balances by a record.

        Taxes and the receivable are in no record: what a document will book on one side is what it books on the other one. Where both sides
        change amounts of the same document, which is a question unless the flow says otherwise, that is only nearly so.
        """
        book = self._dry_booked if self._entity().is_booked else self._dry_posted
        return [booking for side, intent in ((HERE, item.plan.to_local), (THERE, item.plan.to_remote))
                if intent and item.told[_OTHER[side]] and not item.error for booking in book(item, side, intent)]

    def _dry_posted(self, item, side, intent):
        """Of a document that is posted, or posted no longer."""
        if intent.key and not intent.state and not intent.reopens:
            return []
        own, other = item.told[side], item.told[_OTHER[side]]
        state = intent.state or (POSTED if intent.reopens else '')
        arrives = state == POSTED and other.state == POSTED
        leaves = own and own.state == POSTED and (arrives or state != POSTED)
        return [*([Booking(side, _OTHER[side], Ref(self.entity, other.key), 1)] if arrives else []),
                *([Booking(side, side, Ref(self.entity, own.key), -1)] if leaves else [])]

    def _dry_booked(self, item, side, intent):
        """Of a bank transaction: what nothing settles stands on the suspense account of its side."""
        books = {field.name for field in self._entity().fields if field.frozen or field.lines}
        own, other = (item.local, item.remote) if side == HERE else (item.remote, item.local)
        if own and not books & intent.fields.keys():
            return []
        kept = own.fields.get('journal') if own else None
        return [*([Booking(side, side, Ref(self.entity, own.key), -1, kept, own.fields.get('items') or ())] if own else []),
                Booking(side, _OTHER[side], Ref(self.entity, other.key), 1, intent.fields.get('journal', kept),
                        other.fields.get('items') or ())]


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def _dry_effect(self, sides, bookings):
        """(values of online.sync.dry.run.effect, why there are none).

        :param bookings: of all flows
        """
        why = self._why_not_comparable()
        if not bookings or why:
            return [], why
        balances = {side: sides[side].read_balances() for side in (HERE, THERE)}
        if None in balances.values():
            return [], _("The other system does not tell its trial balance.")
        postings = {side: self._dry_postings(sides, [one for one in bookings if one.side == side]) for side in (HERE, THERE)}
        own = self._account_refs(balances, postings)
        effect = []
        for side in (HERE, THERE):
            before, titles = defaultdict(Decimal), {}
            for balance in balances[side]:
                before[own[side][balance.account]] += balance.amount
                titles[own[side][balance.account]] = balance.title
            effect += self._dry_rows(sides[side], side, before, titles, own, postings[side])
        return effect, ''

    def _dry_postings(self, sides, bookings):
        """[(side in whose words the account is, account, its title, amount)] of what changes the books of a side."""
        rows = []
        for teller in (HERE, THERE):
            for sign in (1, -1):
                documents = [one.document for one in bookings if not one.journal and (one.teller, one.sign) == (teller, sign)]
                rows += [(teller, one.account, one.account_title, sign * one.amount)
                         for one in sides[teller].read_postings_of(documents)]
        return rows + self._dry_bank_postings(sides, [one for one in bookings if one.journal and one.journal.key.startswith('#')])

    def _dry_bank_postings(self, sides, bookings):
        """The same of bank transactions of one side: each side has a bank account and a suspense account of its own."""
        amounts, sums, settled, rows = {}, defaultdict(Decimal), defaultdict(Decimal), []
        for teller in {one.teller for one in bookings}:
            amounts[teller] = sides[teller].read_bank_amounts([one.document.key for one in bookings if one.teller == teller])
        for one in bookings:
            sums[one.side, one.journal] += one.sign * amounts[one.teller].get(one.document.key, 0)
            for line in one.items:
                settled[one.side, one.journal] += one.sign * line.fields.get('balance', 0)
                rows += [(one.side, account, '', one.sign * line.fields.get('balance', 0))
                         for account in self.flow_ids[:1]._in_words_of(one.side, [line.fields['account']])]
        for (side, journal), amount in sums.items():
            own, = self.flow_ids[:1]._in_words_of(side, [journal])
            waiting = -amount - settled[side, journal]
            rows += [(side, account, title, change)
                     for (account, title), change in zip(sides[side].read_bank_accounts(own.key), (amount, waiting), strict=False)]
        return rows

    def _account_refs(self, balances, postings):
        """{side: {reference to an account in that side's words: in those of both}}"""
        refs = {side: {one.account for one in balances[side]} for side in (HERE, THERE)}
        for rows in postings.values():
            for teller, account, _title, _amount in rows:
                refs[teller].add(account)
        keys = {side: defaultdict(set, account={ref.key for ref in refs[side]}) for side in (HERE, THERE)}
        known = self.flow_ids[:1]._known_refs(keys)
        return {side: {ref: known[side](ref) for ref in refs[side]} for side in (HERE, THERE)}

    def _dry_rows(self, side, name, before, titles, own, postings):
        """A row for each account that changes, in the order of their names."""
        changes, theirs = defaultdict(Decimal), {}
        for teller, ref, title, amount in postings:
            account = own[teller][ref]
            changes[account] += amount
            theirs[account] = title
        titles = {**theirs, **self._titles_of(side, name, changes.keys() - titles.keys()), **titles}
        return [{'where': name, 'account': titles[account], 'before': float(before[account]), 'change': float(change),
                 'after': float(before[account] + change), 'is_paired': account in before or account.key.startswith('#')}
                for account, change in sorted(changes.items(), key=lambda pair: titles[pair[0]]) if change]

    def _titles_of(self, side, name, accounts):
        """{account: what its side calls it} of accounts on which nothing was booked yet."""
        bindings = self.env['online.sync.binding'].browse([int(ref.key[1:]) for ref in accounts if ref.key.startswith('#')])
        keys = {str(one.res_id) if name == HERE else one.external_id: Ref('account', f'#{one.id}') for one in bindings}
        return {keys[key]: record.title for key, record in side.read_records('account', list(keys), ()).items()}
