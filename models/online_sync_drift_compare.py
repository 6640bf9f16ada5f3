"""Comparing two books: both trial balances are read, and for the months that differ the documents that make them differ."""
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from odoo import _, api, models
from odoo.tools import format_amount

from ..clients.books import OWN
from ..engine import drift
from ..engine.plan import HERE, THERE

#: Months that differ whose documents are looked into, the latest ones.
MONTHS = 12
#: Kinds whose documents are told one by one also where they are not synchronized.
_ALWAYS = {'invoice', 'payment', 'entry'}
#: Documents that one line shows one by one, those with the greatest difference.
SHOWN = 50


class OnlineSyncDrift(models.Model):
    _inherit = 'online.sync.drift'

    @api.model
    def _compare(self, link, sides):
        """Compare the books of a connection, remember how they differ, and ask a person where need be.

        :param sides: {HERE: clients.books.Side, THERE: Side}
        """
        why = link._why_not_comparable()
        balances = {} if why else {side: sides[side].read_balances() for side in (HERE, THERE)}
        if None in balances.values():
            why = _("The other system does not tell its trial balance, so the books cannot be compared.")
        if why:
            return self._note_incomparable(link, why)
        since = self._compared_since(link)
        balances = {side: [one for one in told if not since or one.month >= since] for side, told in balances.items()}
        own = self._own_accounts(link, balances)
        comparison = drift.compare(*(_common(balances[side], own[side]) for side in (HERE, THERE)))
        lines = self._prepare_lines(link, sides, comparison, self._causes_of(link, sides, comparison, own))
        found = self.create(self._prepare_drift(link, comparison, lines))
        self._forget_equal(link, found)
        self.env['online.sync.issue'].sudo()._tell_drift(found)
        return found

    @api.model
    def _compared_since(self, link):
        """The first month of which documents are synchronized, None for all: before it the books may differ."""
        days = [flow.since for flow in link._working_flows() if flow._entity().is_document]
        return min(days).replace(day=1) if days and all(days) else None

    @api.model
    def _note_incomparable(self, link, why):
        """Remember that the books could not be compared."""
        return self.create({'link_id': link.id, 'state': 'incomparable', 'summary': why})

    @api.model
    def _forget_equal(self, link, latest):
        """Of earlier comparisons only what differed is kept."""
        self.env['online.sync.drift.line'].search([
            ('drift_id.link_id', '=', link.id), ('drift_id', '!=', latest.id), ('status', '=', 'equal')]).unlink()

    # -- reading ------------------------------------------------------------------------------------------------------------------

    @api.model
    def _own_accounts(self, link, balances):
        """{side: {reference to an account in that side's words: in those of both}}"""
        keys = {side: defaultdict(set, account={one.account.key for one in balances[side]}) for side in (HERE, THERE)}
        known = link.flow_ids[:1]._known_refs(keys)
        return {side: {one.account: known[side](one.account) for one in balances[side]} for side in (HERE, THERE)}

    @api.model
    def _causes_of(self, link, sides, comparison, own):
        """{place that was looked into: its documents that differ, as engine.drift.Cause}"""
        by_month = defaultdict(list)
        for row in comparison.differing:
            by_month[row.month].append(row)
        found, kinds = {}, _ALWAYS | set(link._working_flows().mapped('entity'))
        for month in sorted(by_month)[-MONTHS:]:
            rows = by_month[month]
            wanted = {row.account for row in rows}
            postings = {side: sides[side].read_postings(
                [ref.key for ref, common in own[side].items() if common in wanted], month, kinds) for side in (HERE, THERE)}
            known = self._known_documents(link, postings)
            causes = drift.causes(rows, *([replace(one, account=own[side][one.account], document=known[side](one.document))
                                           for one in postings[side]] for side in (HERE, THERE)))
            for row in rows:
                found[row.place] = [cause for cause in causes if cause.place == row.place]
        return found

    @api.model
    def _known_documents(self, link, postings):
        """{side: function from a document of that side to the common one}"""
        keys = {side: defaultdict(set) for side in (HERE, THERE)}
        for side, rows in postings.items():
            for one in rows:
                keys[side][one.document.entity].add(one.document.key)
        known = link.flow_ids[:1]._known_refs({side: defaultdict(set, {
            entity: found for entity, found in by_entity.items() if entity}) for side, by_entity in keys.items()})
        return {side: lambda ref, side=side: ref if ref == OWN else known[side](ref) for side in (HERE, THERE)}

    # -- remembering --------------------------------------------------------------------------------------------------------------

    @api.model
    def _prepare_lines(self, link, sides, comparison, causes):
        """Values of online.sync.drift.line, the latest month first."""
        documents, left_out = self._documents_of(link, sides, [cause for found in causes.values() for cause in found])
        accounts = self._accounts_here({row.account for row in comparison.rows})
        accepted = self._accepted(link)
        lines = [self._prepare_line(link, row, accounts, accepted, causes.get(row.place, []), documents, left_out)
                 for row in sorted(comparison.rows, key=lambda row: row.month, reverse=True)]
        for ref, (title, balance) in comparison.alone.items():
            side, _colon, key = ref.key.partition(':')
            lines.append({'name': title, 'account_id': int(key) if side == HERE else False, 'status': 'alone', side: float(balance)})
        return lines

    @api.model
    def _prepare_line(self, link, row, accounts, accepted, causes, documents, left_out):
        account = accounts.get(row.account)
        values = {
            'name': row.titles.get(HERE) or row.titles[THERE], 'name_there': row.titles.get(THERE), 'account_id': account,
            'month': row.month, 'status': 'differs' if row.difference else 'equal', 'here': float(row.here), 'there': float(row.there),
            'difference': float(row.difference)}
        if not row.difference:
            return values
        shown, rest = self._prepare_causes(link, row, causes, documents, left_out)
        currency = link.company_id.currency_id
        to_correct = currency.round(float(rest) + sum(one['difference'] for one in shown if not one['is_expected']))
        return {**values, 'cause_ids': [(0, 0, one) for one in shown], 'rest': float(rest), 'to_correct': to_correct,
                'is_expected': not rest and all(one['is_expected'] for one in shown),
                'is_accepted': accepted.get((account, row.month)) == to_correct}

    @api.model
    def _prepare_causes(self, link, row, causes, documents, left_out):
        """(values of online.sync.drift.cause, what they do not explain)

        What each side books for itself, and kinds of documents that are not synchronized, are one cause each.
        """
        working, groups, single = set(link._working_flows().mapped('entity')), defaultdict(list), []
        for cause in causes:
            if cause.document in documents:
                single.append(cause)
            elif cause.document.entity not in working or cause.document in left_out:
                groups[cause.document.entity].append(cause)
        shown = [self._prepare_cause(cause, documents[cause.document]) for cause in single]
        shown, others = shown[:SHOWN], shown[SHOWN:]
        if others:
            shown.append(self._prepare_others(others))
        shown += [self._prepare_group(link, entity, found) for entity, found in groups.items()]
        explained = sum((cause.difference for found in (single, *groups.values()) for cause in found), Decimal(0))
        return shown, row.difference - explained

    @api.model
    def _accounts_here(self, refs):
        """{reference: id of the account here}"""
        bindings = self.env['online.sync.binding'].browse([int(ref.key[1:]) for ref in refs])
        here = set(self.env['account.account'].browse(bindings.mapped('res_id')).exists().ids)
        by_ref = {f'#{binding.id}': binding.res_id for binding in bindings if binding.res_id in here}
        return {ref: by_ref[ref.key] for ref in refs if ref.key in by_ref}

    @api.model
    def _accepted(self, link):
        """{(account here, month): what is to correct} that a person left as it is, by the last comparison that was made."""
        last = self.search([('link_id', '=', link.id), ('state', '!=', 'incomparable')], limit=1)
        return {(line.account_id.id, line.month): line.to_correct for line in last.differing_ids if line.is_accepted}

    @api.model
    def _prepare_drift(self, link, comparison, lines):
        differing = [line for line in lines if line['status'] == 'differs']
        open_lines = [line for line in differing if not line['is_expected'] and not line['is_accepted']]
        to_correct = [line['to_correct'] for line in open_lines]
        currency = link.company_id.currency_id
        total = currency.round(max(sum(one * sign for one in to_correct if one * sign > 0) for sign in (1, -1)))
        words = {'amount': format_amount(self.env, float(comparison.difference), currency),
                 'total': format_amount(self.env, total, currency), 'count': len(open_lines),
                 'months': len({row.month for row in comparison.rows}), 'accounts': len({row.account for row in comparison.rows})}
        if not differing:
            state, summary = 'agree', _("The books agree: %(accounts)s accounts, %(months)s months.", **words)
        elif not open_lines:
            state, summary = 'expected', _(
                "Nothing to correct. The books differ by %(amount)s, which waits, is not synchronized, or was accepted.", **words)
        elif len(open_lines) == len(differing):
            state, summary = 'differs', _("The books differ by %(amount)s, on %(count)s accounts and months.", **words)
        else:
            state, summary = 'differs', _(
                "%(total)s to correct, on %(count)s accounts and months. In all the books differ by %(amount)s: the rest waits, is not "
                "synchronized, or was accepted.", **words)
        return {'link_id': link.id, 'state': state, 'difference': float(comparison.difference), 'to_correct': total, 'summary': summary,
                'line_ids': [(0, 0, line) for line in lines]}


def _common(balances, own):
    return [replace(balance, account=own[balance.account]) for balance in balances]
