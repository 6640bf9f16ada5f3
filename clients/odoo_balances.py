"""What the accounts of an Odoo database come to, by month and by document: sums that the database makes, so no journal item travels."""
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol

from .books import OWN, Balance, Posting, Ref

#: Sums that one call brings.
PAGE = 5000
#: Documents that one call asks for: `read_group` repeats the question with each of its rows.
DOCUMENTS = 200
#: A Decimal that was a float on its way keeps no more digits than any currency has.
DIGITS = 6
_POSTED = [('parent_state', '=', 'posted'), ('account_id', '!=', False)]
_OTHERS = [('payment_id', '=', False), ('move_id.move_type', '=', 'entry')]
#: Entity of a document -> (which journal items are its, field that tells their document). Of all others some are entries that people make.
_DOCUMENTS = {
    'invoice': ([('move_id.move_type', '!=', 'entry')], 'move_id'),
    'payment': ([('payment_id', '!=', False)], 'payment_id'),
    'entry': (_OTHERS, 'move_id'),
    'bank_transaction': ([('statement_line_id', '!=', False)], 'statement_line_id'),
}


class SumAccess(Protocol):
    """How sums of an Odoo database are asked for."""

    def read_sums(self, model: str, domain: Sequence, groups: Sequence[str], field: str, context: Mapping, offset: int,
                  limit: int) -> list[tuple[Any, ...]]:
        """For each group the values of its fields, then the sum. A record is (id, name), a month its first day, nothing is None."""


class Balances:
    """The part of :class:`clients.odoo_books.OdooSide` that adds up."""

    access: SumAccess
    company: int
    context: Mapping
    _titles: dict[int, str] | None = None

    def read_balances(self):
        return [Balance(Ref('account', str(account[0])), self._title_of(account), month, total)
                for account, month, total in self._sums([], ['account_id', 'date:month']) if month]

    def read_postings(self, accounts, month, kinds):
        following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
        domain = [('account_id', 'in', _ids(accounts)), ('date', '>=', month.isoformat()), ('date', '<', following.isoformat())]
        entries = self.domain_of('entry')
        found = [posting for entity in _DOCUMENTS if entity in kinds for posting in self._postings(
            entity, [*domain, ('move_id', 'any', entries)] if entity == 'entry' else domain)]
        left = [('statement_line_id', '=', False)] if 'bank_transaction' in kinds else []
        others = self._sums([*_OTHERS, *domain, ('move_id', 'not any', entries), *left], ['account_id', 'date:month'])
        return found + [self._posting(account, OWN, '', first, total) for account, first, total in others]

    def read_postings_of(self, documents):
        keys = defaultdict(set)
        for ref in documents:
            keys[ref.entity].add(ref.key)
        return [posting for entity in sorted(keys.keys() & _DOCUMENTS.keys()) for ids in _pages(_ids(keys[entity]))
                for posting in self._postings(entity, [(_DOCUMENTS[entity][1], 'in', ids)])]

    def read_bank_amounts(self, keys):
        found, banks = {}, {}
        for ids in _pages(_ids(keys)):
            for line, journal, account, total in self._sums(
                    [('statement_line_id', 'in', ids)], ['statement_line_id', 'journal_id', 'account_id']):
                if journal[0] not in banks:
                    banks[journal[0]] = next((int(ref.key) for ref, _title in self.read_bank_accounts(str(journal[0]))), 0)
                if account[0] == banks[journal[0]]:
                    found[str(line[0])] = total
        return found

    def read_bank_accounts(self, journal):
        row, = self.rows('account.journal', [('id', '=', int(journal))], ['default_account_id', 'suspense_account_id'])
        ids = row['default_account_id'], row['suspense_account_id']
        return [(Ref('account', str(id_)), self._title_of((id_, ''))) for id_ in ids] if all(ids) else []

    def _postings(self, entity, domain) -> Iterator[Posting]:
        own, name = _DOCUMENTS[entity]
        for document, account, month, total in self._sums([*own, *domain], [name, 'account_id', 'date:month']):
            yield self._posting(account, Ref(entity, str(document[0])), document[1], month, total)

    def _posting(self, account, document, title, month, total) -> Posting:
        return Posting(Ref('account', str(account[0])), self._title_of(account), document, title, month, total)

    def _title_of(self, account):
        """Code and name, whatever our user's rights are: 19.0 hides the code from some."""
        if self._titles is None:
            self._titles = {row['id']: account_title(row) for row in self.rows(
                'account.account', self.domain_of('account'), ['code', 'name'])}
        return self._titles.get(account[0]) or account[1]

    def _sums(self, domain, groups) -> Iterator[tuple[Any, ...]]:
        """Groups of posted items with their balance in the currency of the company."""
        domain, offset, more = [*_POSTED, ('company_id', '=', self.company), *domain], 0, True
        while more:
            rows = self.access.read_sums('account.move.line', domain, groups, 'balance', self.context, offset, PAGE)
            for *values, total in rows:
                yield *values, _money(total)
            offset, more = offset + PAGE, len(rows) == PAGE


def account_title(row: Mapping) -> str:
    """What people call an account: its code and its name."""
    return ' '.join(filter(None, (row['code'], row['name'])))


def told(row: Mapping, group: str) -> Any:
    """The value of a group in a row of Odoo's `formatted_read_group`, or of `read_group`, which has the first day of a month aside."""
    value = row[group]
    if ':' in group:
        day = value and (row['__range'][group]['from'] if '__range' in row else value[0])
        return date.fromisoformat(day) if day else None
    return tuple(value) if value else None


def _money(raw) -> Decimal:
    return round(Decimal(str(raw or 0)), DIGITS)


def _pages(ids):
    return (ids[first:first + DOCUMENTS] for first in range(0, len(ids), DOCUMENTS))


def _ids(keys: Collection[str]) -> list[int]:
    return sorted(int(key) for key in keys)
