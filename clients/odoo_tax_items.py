"""Journal items that carry taxes: which tax an item is of, which part of it, which grids of the tax report it counts in.

Odoo keeps the parts of a tax (its distribution lines) and the grids by ids that only one database has. Between two databases a part is told
by its place and share, and grids only where they are not those that the taxes say.
"""
from collections.abc import Mapping

from .books import Ref, Value

INVOICE, REFUND = 'invoice', 'refund'
#: Percent of a part that is all of a tax.
WHOLE = 100
#: Told as grids: none, though the taxes say some.
NO_GRIDS = '-'
NO_PART = ("One of its items is part {part} of a tax that has no such part where it goes to. Compare the distribution of that tax on both "
           "sides.")
NO_GRID = "One of its items counts in the tax grids {grids}, and where it goes to there is no such grid. Enter it there by hand."


class TaxItems:
    """What the taxes of one company say of journal items.

    :param side: the :class:`clients.odoo_books.OdooSide`
    """

    def __init__(self, side):
        rows = side.rows('account.tax', side.domain_of('tax'), ['type_tax_use', 'children_tax_ids'])
        self.use = {row['id']: row['type_tax_use'] for row in rows}
        self.children = {row['id']: row['children_tax_ids'] for row in rows}
        self.part_of: dict[int, tuple[int, str, str]] = {}
        self.grids_of: dict[int, frozenset[int]] = {}
        self.base_grids: dict[tuple[int, str], frozenset[int]] = {}
        rows = side.rows('account.tax.repartition.line', [('tax_id', 'in', sorted(self.use))], [
            'tax_id', 'document_type', 'repartition_type', 'tag_ids', 'sequence', 'factor_percent'])
        for row in sorted(rows, key=lambda row: (row['sequence'], row['id'])):       # as its form shows them
            self._learn(row)
        self.at = {place: id_ for id_, place in self.part_of.items()}
        country = side.of_company(('account_fiscal_country_id',))[0]
        grids = side.rows('account.account.tag', [('applicability', '=', 'taxes')], ['name', 'country_id'])
        self.name_of = {row['id']: row['name'] for row in grids}
        self.named = {row['name']: row['id'] for row in sorted(grids, key=lambda row: row['country_id'] == country)}

    def _learn(self, row):
        tax, kind, grids = row['tax_id'], row['document_type'], frozenset(row['tag_ids'])
        if row['repartition_type'] == 'base':
            self.base_grids[tax, kind] = self.base_grids.get((tax, kind), frozenset()) | grids
            return
        place = 1 + sum(place[:2] == (tax, kind) for place in self.part_of.values())
        share = '' if row['factor_percent'] == WHOLE else f" ({row['factor_percent']:g} %)"
        self.part_of[row['id']], self.grids_of[row['id']] = (tax, kind, f'{place}{share}'), grids

    def tell(self, row: Mapping) -> dict[str, Value]:
        """The canonical fields of an item as Odoo keeps it."""
        part, grids = row['tax_repartition_line_id'], frozenset(row['tax_tag_ids'])
        tax, kind, place = self.part_of.get(part, (0, '', ''))
        if not part and row['tax_ids']:
            kinds = sorted((INVOICE, REFUND), key=lambda one: one != self._kind(row))
            kind = next((one for one in kinds if self._grids(0, row['tax_ids'], one) == grids), kinds[0])
        expected = self._grids(part, row['tax_ids'], kind)
        return {'tax': Ref('tax', str(tax)) if tax else None, 'tax_part': f'{kind} {place}' if part else kind,
                'grids': '' if grids == expected else '; '.join(sorted(self.name_of.get(id_, '') for id_ in grids)) or NO_GRIDS}

    def _kind(self, row):
        """What Odoo takes the base of a tax for (account_move_line.py, `_compute_is_refund`)."""
        use = self.use.get(row['tax_ids'][0])
        return REFUND if use == 'sale' and row['balance'] >= 0 or use == 'purchase' and row['balance'] <= 0 else INVOICE

    def _grids(self, part, taxes, kind):
        """What the taxes say, for an item that is a part of one and the base of others."""
        flat = [one for tax in taxes for one in (tax, *self.children.get(tax, ()))]
        return self.grids_of.get(part, frozenset()).union(*(self.base_grids.get((tax, kind), frozenset()) for tax in flat))

    def refused(self, fields: Mapping[str, Value]) -> str:
        """Why an item cannot be written, '' when it can."""
        if fields.get('tax') and not self._part(fields):
            return NO_PART.format(part=fields.get('tax_part'))
        if any(name not in self.named for name in _names(fields.get('grids'))):
            return NO_GRID.format(grids=fields['grids'])
        return ''

    def values(self, fields: Mapping[str, Value], is_new: bool) -> dict:
        """What Odoo is to keep of an item; nothing where the fields say nothing of taxes."""
        if not {'tax', 'tax_part', 'grids'} & fields.keys():
            return {}
        part = self._part(fields)
        taxes = [int(ref.key) for ref in fields.get('taxes') or ()]
        kind, told = (fields.get('tax_part') or '').partition(' ')[0], fields.get('grids') or ''
        grids = [self.named[name] for name in _names(told)] if told else self._grids(part, taxes, kind)
        commands = [[4, id_, 0] for id_ in sorted(grids)]
        return {'tax_repartition_line_id': part or False, 'tax_tag_ids': commands if is_new else [[5, 0, 0], *commands]}

    def _part(self, fields):
        """Id of the distribution line here, 0 for none."""
        kind, _blank, place = (fields.get('tax_part') or '').partition(' ')
        return self.at.get((int(fields['tax'].key), kind, place), 0) if fields.get('tax') and place else 0


def _names(told):
    return told.split('; ') if told and told != NO_GRIDS else []


def carries_taxes(row: Mapping) -> bool:
    """Whether Odoo says anything of taxes about an item."""
    return bool(row['tax_ids'] or row['tax_repartition_line_id'] or row['tax_tag_ids'])


#: What is told of an item without any taxes.
NOTHING = {'tax': None, 'tax_part': '', 'grids': ''}
