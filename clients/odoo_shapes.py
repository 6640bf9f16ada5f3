"""How Odoo keeps each kind of record: its models, their fields, the methods that lead from state to state. Declarations only."""
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from .books import CANCELLED, DRAFT, POSTED, Value
from .odoo_bank_transactions import BankTransactions
from .odoo_documents import Entries, Invoices
from .odoo_habits import Accounts, Attachments, Habits, Partners
from .odoo_payments import Payments
from .odoo_ties import Allocations


@dataclass(frozen=True, slots=True)
class Map:
    """A canonical field and where Odoo keeps it.

    :param odoo: name of the field
    :param kind: how it is converted: text, html, bool, number, date, choice, id, ids, code; part and grids by the habits of the record
    :param of: entity that an id points to
    :param code: (model, field) whose code stands for an id
    :param readonly: told, never written
    :param optional: a choice that the side does not have is left out
    """

    name: str
    odoo: str
    kind: str = 'text'
    of: str = ''
    code: tuple[str, str] | None = None
    readonly: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """A canonical list of lines and the records that are its lines.

    :param odoo: the one2many that writes them, '' where :class:`Habits` do it
    :param model, parent: where they are read
    :param reads: names of fields that habits need to tell them
    :param is_watched: they also change without their record
    """

    name: str
    odoo: str
    model: str
    parent: str
    maps: tuple[Map, ...]
    domain: tuple = ()
    reads: tuple[str, ...] = ()
    is_watched: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """An entity in Odoo.

    :param states: {Odoo's state: canonical state} of a document
    :param steps: {canonical state to reach: method}
    :param title: field with which a person names it
    :param derived: names of the fields that Odoo itself copies from another record, by the fields of this one: they are not told
    :param habits: what Odoo does with its records besides create and write
    :param holders: (model, field that leads to the records) of other records that hold some of their fields, besides their lines; Odoo
        gives the records a new `write_date` with them
    """

    model: str
    maps: tuple[Map, ...]
    lines: tuple[Lines, ...] = ()
    domain: tuple = ()
    has_company: bool = True
    states: Mapping[str, str] | None = None
    steps: Mapping[str, str] | None = None
    title: str = 'display_name'
    derived: Callable[[Mapping[str, Value]], Collection[str]] = lambda _fields: ()
    habits: type[Habits] = Habits
    holders: tuple[tuple[str, str], ...] = ()

    def children(self):
        return [(lines.model, lines.parent) for lines in self.lines if lines.is_watched]

    def watched(self) -> list[tuple[str, str]]:
        """(model, field that leads to the records, '' for none): what changes with its records, or changes them."""
        return [(self.model, ''), *self.children(), *self.holders]


def _same(*names, kind='text'):
    return tuple(Map(name, name, kind) for name in names)


#: How a currency is told: by its ISO code.
CURRENCY = ('res.currency', 'name')
_LINE = (
    Map('type', 'display_type', 'choice'), Map('product', 'product_id', 'id', of='product'), Map('text', 'name'),
    Map('quantity', 'quantity', 'number'), Map('unit_price', 'price_unit', 'number'), Map('discount', 'discount', 'number'),
    Map('account', 'account_id', 'id', of='account'), Map('taxes', 'tax_ids', 'ids', of='tax'),
    Map('deductible', 'deductible_amount', 'number'), Map('position', 'sequence', 'number'),
)
#: What Odoo keeps by its own ids of taxes and grids, see :mod:`clients.odoo_tax_items`.
_TAXED = (
    Map('taxes', 'tax_ids', 'ids', of='tax'), Map('tax', 'tax_line_id', 'id', of='tax', readonly=True),
    Map('tax_part', 'tax_repartition_line_id', 'part', readonly=True), Map('grids', 'tax_tag_ids', 'grids', readonly=True),
)
_ITEM = (
    Map('account', 'account_id', 'id', of='account'), Map('partner', 'partner_id', 'id', of='partner'), Map('text', 'name'),
    Map('balance', 'balance', 'number'), Map('currency', 'currency_id', 'code', code=CURRENCY),
    Map('amount', 'amount_currency', 'number'), Map('due_date', 'date_maturity', 'date'), Map('position', 'sequence', 'number'),
    *_TAXED,
)
_WRITE_OFF = (
    Map('account', 'account_id', 'id', of='account'), Map('partner', 'partner_id', 'id', of='partner'), Map('text', 'name'),
    Map('balance', 'balance', 'number'), Map('amount', 'amount_currency', 'number'), *_TAXED,
)
_SETTLING = (
    Map('account', 'account_id', 'id', of='account'), Map('partner', 'partner_id', 'id', of='partner'), Map('text', 'name'),
    Map('balance', 'balance', 'number'), Map('currency', 'currency_id', 'code', code=CURRENCY), Map('amount', 'amount_currency', 'number'),
    *_TAXED,
)
_MOVE_STATES = {'draft': DRAFT, 'posted': POSTED, 'cancel': CANCELLED}
_MOVE_STEPS = {POSTED: 'action_post', DRAFT: 'button_draft', CANCELLED: 'button_cancel'}
INVOICES = ('out_invoice', 'out_refund', 'in_invoice', 'in_refund', 'out_receipt', 'in_receipt')

_ADDRESS = ('street', 'street2', 'zip', 'city', 'state_code', 'country')
_COMMERCIAL = ('vat', 'company_number', 'receivable', 'payable', 'customer_terms', 'vendor_terms')


def _derived_of_partner(fields):
    """A contact of a company has its address and its commercial fields (res.partner, `_fields_sync`)."""
    if not fields.get('parent'):
        return ()
    return (*(_ADDRESS if fields.get('kind') == 'contact' else ()), *(() if fields.get('is_company') else _COMMERCIAL))


SHAPES = {
    'currency': Shape('res.currency', (Map('code', 'name'), Map('symbol', 'symbol')), has_company=False),
    'bank': Shape('res.bank', (
        *_same('name', 'bic', 'email', 'phone', 'street', 'zip', 'city'), Map('country', 'country', 'code', code=('res.country', 'code'))),
        has_company=False),
    'account': Shape('account.account', (
        *_same('code', 'name'), Map('type', 'account_type', 'choice'), Map('reconcile', 'reconcile', 'bool'),
        Map('currency', 'currency_id', 'code', code=CURRENCY)), has_company=False, habits=Accounts),
    'tax': Shape('account.tax', (
        Map('name', 'name'), Map('use', 'type_tax_use', 'choice'), Map('computation', 'amount_type', 'choice'),
        Map('amount', 'amount', 'number'), Map('description', 'invoice_label'), Map('included', 'price_include_override', 'choice'))),
    'journal': Shape('account.journal', (
        *_same('code', 'name'), Map('type', 'type', 'choice'), Map('currency', 'currency_id', 'code', code=CURRENCY))),
    'payment_term': Shape('account.payment.term', (Map('name', 'name'), Map('note', 'note', 'html'))),
    'partner': Shape('res.partner', (
        *_same('name', 'vat', 'email', 'phone', 'website', 'street', 'street2', 'zip', 'city'), Map('is_company', 'is_company', 'bool'),
        Map('parent', 'parent_id', 'id', of='partner'), Map('kind', 'type', 'choice'), Map('company_number', 'company_registry'),
        Map('reference', 'ref'), Map('state_code', 'state_id', 'code', code=('res.country.state', 'code')),
        Map('country', 'country_id', 'code', code=('res.country', 'code')), Map('language', 'lang', 'choice', optional=True),
        Map('note', 'comment', 'html'),
        Map('receivable', 'property_account_receivable_id', 'id', of='account'),
        Map('payable', 'property_account_payable_id', 'id', of='account'),
        Map('customer_terms', 'property_payment_term_id', 'id', of='payment_term'),
        Map('vendor_terms', 'property_supplier_payment_term_id', 'id', of='payment_term')),
        lines=(Lines('bank_accounts', 'bank_ids', 'res.partner.bank', 'partner_id', (
            Map('number', 'acc_number'), Map('bank', 'bank_id', 'code', code=('res.bank', 'bic')), Map('holder', 'acc_holder_name')),
            (('active', '=', True),)),),      # Odoo archives an account that is removed; nobody pays there any more
        derived=_derived_of_partner, habits=Partners),
    'product': Shape('product.product', (
        *_same('name', 'barcode'), Map('code', 'default_code'), Map('type', 'type', 'choice'), Map('price', 'list_price', 'number'),
        Map('sales_text', 'description_sale'), Map('can_be_sold', 'sale_ok', 'bool'), Map('can_be_bought', 'purchase_ok', 'bool'),
        Map('income', 'property_account_income_id', 'id', of='account'),
        Map('expense', 'property_account_expense_id', 'id', of='account'), Map('sales_taxes', 'taxes_id', 'ids', of='tax'),
        Map('purchase_taxes', 'supplier_taxes_id', 'ids', of='tax')), holders=(('product.template', 'product_variant_ids'),)),
    'invoice': Shape('account.move', (
        Map('kind', 'move_type', 'choice'), Map('number', 'name'), Map('partner', 'partner_id', 'id', of='partner'),
        Map('date', 'invoice_date', 'date'), Map('entry_date', 'date', 'date'),
        Map('terms', 'invoice_payment_term_id', 'id', of='payment_term'),
        Map('due_date', 'invoice_date_due', 'date'), Map('currency', 'currency_id', 'code', code=CURRENCY),
        Map('rate', 'invoice_currency_rate', 'number'), Map('journal', 'journal_id', 'id', of='journal'), Map('reference', 'ref'),
        Map('payment_reference', 'payment_reference'), Map('origin', 'invoice_origin'), Map('note', 'narration', 'html'),
        Map('untaxed', 'amount_untaxed', 'number', readonly=True), Map('tax', 'amount_tax', 'number', readonly=True),
        Map('total', 'amount_total', 'number', readonly=True)),
        lines=(Lines('lines', 'invoice_line_ids', 'account.move.line', 'move_id', _LINE,
                     (('display_type', 'not in', ['tax', 'payment_term', 'rounding', 'epd', 'discount', 'cogs', 'non_deductible_tax',
                                                  'non_deductible_product', 'non_deductible_product_total']),)),),
        domain=(('move_type', 'in', list(INVOICES)),), states=_MOVE_STATES, steps=_MOVE_STEPS, habits=Invoices),
    'payment': Shape('account.payment', (
        Map('direction', 'payment_type', 'choice'), Map('number', 'name', readonly=True), Map('partner_kind', 'partner_type', 'choice'),
        Map('partner', 'partner_id', 'id', of='partner'), Map('date', 'date', 'date'), Map('amount', 'amount', 'number'),
        Map('currency', 'currency_id', 'code', code=CURRENCY), Map('journal', 'journal_id', 'id', of='journal'),
        Map('reference', 'memo'), Map('account', 'destination_account_id', 'id', of='account')),
        lines=(Lines('write_offs', '', 'account.move.line', 'payment_id', _WRITE_OFF, is_watched=False),),
        states={'draft': DRAFT, 'in_process': POSTED, 'paid': POSTED, 'canceled': CANCELLED, 'rejected': CANCELLED},
        steps={POSTED: 'action_post', DRAFT: 'action_draft', CANCELLED: 'action_cancel'}, habits=Payments),
    'entry': Shape('account.move', (
        Map('number', 'name'), Map('date', 'date', 'date'), Map('journal', 'journal_id', 'id', of='journal'), Map('reference', 'ref'),
        Map('total', 'amount_total', 'number', readonly=True)),
        lines=(Lines('lines', 'line_ids', 'account.move.line', 'move_id', _ITEM),),
        domain=(('move_type', '=', 'entry'), ('statement_line_id', '=', False), ('origin_payment_id', '=', False),
                ('tax_cash_basis_rec_id', '=', False), ('tax_cash_basis_origin_move_id', '=', False),
                '|', ('reversed_entry_id', '=', False), ('reversed_entry_id.tax_cash_basis_origin_move_id', '=', False)),
        states=_MOVE_STATES, steps=_MOVE_STEPS, habits=Entries),
    'attachment': Shape('ir.attachment', (
        Map('name', 'name'), Map('type', 'mimetype'), Map('checksum', 'checksum', readonly=True), Map('content', 'datas', 'file'),
        Map('model', 'res_model'), Map('record', 'res_id', 'number')),
        domain=(('res_model', 'in', ['account.move', 'account.payment']), ('res_id', '!=', False), ('res_field', '=', False),
                ('type', '=', 'binary')), habits=Attachments),
    'bank_transaction': Shape('account.bank.statement.line', (
        Map('journal', 'journal_id', 'id', of='journal'), Map('date', 'date', 'date'), Map('text', 'payment_ref'),
        Map('partner', 'partner_id', 'id', of='partner'), Map('amount', 'amount', 'number'),
        Map('currency', 'foreign_currency_id', 'code', code=CURRENCY), Map('original_amount', 'amount_currency', 'number')),
        lines=(Lines('items', '', 'account.move.line', 'statement_line_id', _SETTLING, reads=('journal_id',)),),
        habits=BankTransactions),
    'allocation': Shape('account.partial.reconcile', (
        Map('amount', 'debit_amount_currency', 'number', readonly=True),
        Map('currency', 'debit_currency_id', 'code', code=CURRENCY, readonly=True), Map('date', 'max_date', 'date', readonly=True)),
        domain=(('debit_move_id.move_id.statement_line_id', '=', False), ('credit_move_id.move_id.statement_line_id', '=', False)),
        habits=Allocations),
}

#: Where bank transactions are synchronized, what they pay is too.
WITH_BANK = {'allocation': replace(SHAPES['allocation'], domain=())}
