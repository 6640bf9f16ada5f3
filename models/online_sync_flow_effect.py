"""What a dry run does to both trial balances: what the documents that would be posted, changed or taken back book on each account."""
from collections import defaultdict
from decimal import Decimal

from odoo import _, api, models

from ..clients.books import POSTED, Ref
from ..engine.plan import HERE, THERE

_OTHER = {HERE: THERE, THERE: HERE}


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    @api.model
    def _dry_moves(self, entity, item):
        """[(side whose books change, document of the other side that it then books as well, document that it books no longer)]

        Taxes and the receivable are in no record: what a document will book on one side is what it books on the other one. Where both sides
        change amounts of the same document, which is a question unless the flow says otherwise, that is only nearly so.
        """
        moves = []
        for side, intent in ((HERE, item.plan.to_local), (THERE, item.plan.to_remote)):
            own, other = item.told[side], item.told[_OTHER[side]]
            if not intent or not other or item.error or intent.key and not intent.state and not intent.reopens:
                continue
            state = intent.state or (POSTED if intent.reopens else '')
            arrives = Ref(entity, other.key) if state == POSTED and other.state == POSTED else None
            leaves = Ref(entity, own.key) if own and own.state == POSTED and (arrives or state != POSTED) else None
            if arrives or leaves:
                moves.append((side, arrives, leaves))
        return moves


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def _dry_effect(self, sides, moves):
        """(values of online.sync.dry.run.effect, why there are none).

        :param moves: of all flows, as `_dry_moves` tells them
        """
        why = self._why_not_comparable()
        if not moves or why:
            return [], why
        balances = {side: sides[side].read_balances() for side in (HERE, THERE)}
        if None in balances.values():
            return [], _("The other system does not tell its trial balance.")
        postings = {side: self._dry_postings(sides, side, moves) for side in (HERE, THERE)}
        own = self._account_refs(balances, postings)
        effect = []
        for side in (HERE, THERE):
            before, titles = defaultdict(Decimal), {}
            for balance in balances[side]:
                before[own[side][balance.account]] += balance.amount
                titles[own[side][balance.account]] = balance.title
            effect += self._dry_rows(sides[side], side, before, titles, own, postings[side])
        return effect, ''

    def _dry_postings(self, sides, side, moves):
        """[(side that tells the posting, posting, +1 for what comes, -1 for what goes)] of what changes the books of a side."""
        arriving = [arrives for moved, arrives, _leaves in moves if moved == side and arrives]
        leaving = [leaves for moved, _arrives, leaves in moves if moved == side and leaves]
        return [*((_OTHER[side], one, 1) for one in sides[_OTHER[side]].read_postings_of(arriving)),
                *((side, one, -1) for one in sides[side].read_postings_of(leaving))]

    def _account_refs(self, balances, postings):
        """{side: {reference to an account in that side's words: in those of both}}"""
        refs = {side: {one.account for one in balances[side]} for side in (HERE, THERE)}
        for rows in postings.values():
            for teller, one, _sign in rows:
                refs[teller].add(one.account)
        keys = {side: defaultdict(set, account={ref.key for ref in refs[side]}) for side in (HERE, THERE)}
        known = self.flow_ids[:1]._known_refs(keys)
        return {side: {ref: known[side](ref) for ref in refs[side]} for side in (HERE, THERE)}

    def _dry_rows(self, side, name, before, titles, own, postings):
        """A row for each account that changes, in the order of their names."""
        changes, theirs = defaultdict(Decimal), {}
        for teller, one, sign in postings:
            account = own[teller][one.account]
            changes[account] += sign * one.amount
            theirs[account] = one.account_title
        titles = {**theirs, **self._titles_of(side, name, changes.keys() - titles.keys()), **titles}
        return [{'where': name, 'account': titles[account], 'before': float(before[account]), 'change': float(change),
                 'after': float(before[account] + change), 'is_paired': account in before or account.key.startswith('#')}
                for account, change in sorted(changes.items(), key=lambda pair: titles[pair[0]]) if change]

    def _titles_of(self, side, name, accounts):
        """{account: what its side calls it} of accounts on which nothing was booked yet."""
        bindings = self.env['online.sync.binding'].browse([int(ref.key[1:]) for ref in accounts if ref.key.startswith('#')])
        keys = {str(one.res_id) if name == HERE else one.external_id: Ref('account', f'#{one.id}') for one in bindings}
        return {keys[key]: record.title for key, record in side.read_records('account', list(keys), ()).items()}
