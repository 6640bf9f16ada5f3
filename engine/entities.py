"""What two accounting systems keep in common: kinds of records, their fields, what tells two of them are the same, what depends on what.

Declarations only, in words of accounting and not of any system. A side may lack fields or whole entities; what it has it maps to these.
"""
from collections.abc import Iterator
from dataclasses import dataclass

from .merge_rules import BOTH, OFF

TEXT, HTML, BOOL, NUMBER, MONEY, DATE, INSTANT, CHOICE, CODE, REF, REFS, LINES, FILE = (
    'text', 'html', 'bool', 'number', 'money', 'date', 'instant', 'choice', 'code', 'ref', 'refs', 'lines', 'file')
#: What happens to records that only one side has.
CREATE, LINK, IGNORE = 'create', 'link', 'ignore'
#: The state of a record merges like a field, under this name.
STATE = '@state'


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity.

    :param of: the entity that a reference points to
    :param lines: the fields of its lines
    :param lines_key: the field by which its lines are known, where two of them never are equal
    :param frozen: once the document is posted it changes only through draft
    :param check: never written; both sides compute it, and it must be the same to the cent
    :param in_books: an amount or rate in the currency of the books: it means nothing to books that are kept in another one
    :param initial: a new record gets it also where it does not flow
    :param own: each side gives one of its own: two records that were found to be the same each keep theirs
    :param direction: how it flows unless the user says otherwise
    """

    name: str
    title: str
    kind: str = TEXT
    of: str = ''
    lines: tuple['Field', ...] = ()
    lines_key: str = ''
    frozen: bool = False
    check: bool = False
    in_books: bool = False
    own: bool = False
    initial: bool = False
    direction: str = BOTH

    def refs(self) -> Iterator[str]:
        """The entities that it points to."""
        if self.of:
            yield self.of
        for field in self.lines:
            yield from field.refs()


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record.

    :param keys: what tells that two records are the same, the surest first: names of fields whose values must all be equal and not empty;
        `lines/field` is equal where one line of each has the same value
    :param hints: fields that make it probable
    :param telling: fields that no two records share: where both have one and it differs, they are never the same for sure
    :param is_document: has the states draft, posted, cancelled; else active, archived
    :param is_booked: stands in the books as soon as it is there, as a posted document does
    :param missing: what happens by default to a record that only one side has
    :param is_creatable: whether another side's record can be made of what is told; else it is only paired
    :param books_with: entities without which its records would be booked on other accounts, with other taxes, in other journals
    :param is_tie: says which documents belong together; it is undone without a trace, and what can be tied depends on their states
    :param is_appendix: belongs to a document and goes where that goes, never the other way round
    :param apart: fields that tell two records apart that are equal otherwise, where both have them
    :param one_of: groups of fields; of each group a new record must have one, else it concerns only the side that has it
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    hints: tuple[tuple[str, ...], ...] = ()
    telling: tuple[str, ...] = ()
    is_document: bool = False
    is_booked: bool = False
    missing: str = CREATE
    is_creatable: bool = True
    books_with: tuple[str, ...] = ()
    is_tie: bool = False
    is_appendix: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()
    apart: tuple[str, ...] = ()

    def tied_names(self) -> set[str]:
        """Names of the fields of a tie that point to its documents."""
        return {name for group in self.one_of for name in group}

    def field(self, name: str) -> Field:
        """The field of that name; KeyError for none."""
        return next((field for field in self.fields if field.name == name), None) or _no_field(self, name)

    def depends_on(self) -> set[str]:
        """The entities that its records point to, without itself."""
        return {name for field in self.fields for name in field.refs()} - {self.name}


def _no_field(entity, name):
    raise KeyError(f'{entity.name} has no field {name}')


_INVOICE_LINE = (
    Field('type', "Kind of line", CHOICE), Field('product', "Product", REF, of='product'), Field('text', "Label"),
    Field('quantity', "Quantity", NUMBER), Field('unit_price', "Unit price", NUMBER), Field('discount', "Discount (%)", NUMBER),
    Field('account', "Account", REF, of='account'), Field('taxes', "Taxes", REFS, of='tax'),
    Field('deductible', "Deductible (%)", NUMBER), Field('position', "Position", NUMBER),
)
#: What an item says to the tax report.
_TAXED = (
    Field('taxes', "Taxes", REFS, of='tax'), Field('tax', "Is the tax", REF, of='tax'), Field('tax_part', "Part of the tax", CODE),
    Field('grids', "Other tax grids", CODE),
)
_ENTRY_LINE = (
    Field('account', "Account", REF, of='account'), Field('partner', "Partner", REF, of='partner'), Field('text', "Label"),
    Field('balance', "Debit less credit", MONEY, in_books=True), Field('currency', "Currency", CODE),
    Field('amount', "Amount in currency", MONEY), Field('due_date', "Due date", DATE), Field('position', "Position", NUMBER), *_TAXED,
)
_WRITE_OFF = (
    Field('account', "Account", REF, of='account'), Field('partner', "Partner", REF, of='partner'), Field('text', "Label"),
    Field('balance', "Debit less credit", MONEY, in_books=True), Field('amount', "Amount in currency", MONEY), *_TAXED,
)
_SETTLING = (
    Field('account', "Account", REF, of='account'), Field('partner', "Partner", REF, of='partner'), Field('text', "Label"),
    Field('balance', "Debit less credit", MONEY, in_books=True), Field('currency', "Currency", CODE),
    Field('amount', "Amount in currency", MONEY), *_TAXED,
)
_BANK_ACCOUNT = (
    Field('number', "Account number"), Field('bank', "Bank (BIC)", CODE), Field('holder', "Account holder"),
)
#: Both documents of an allocation; each is of one of these entities.
_PAID_DOCUMENTS = tuple(
    Field(f'{side}_{name}', title.format(side.capitalize()), REF, of=name) for side in ('debit', 'credit')
    for name, title in (('invoice', "{}: invoice"), ('payment', "{}: payment"), ('entry', "{}: journal entry"),
                        ('bank_transaction', "{}: bank transaction")))

_ATTACHED_TO = tuple(
    Field(name, title, REF, of=name) for name, title in (('invoice', "Invoice"), ('payment', "Payment"), ('entry', "Journal entry")))

ENTITIES = {entity.name: entity for entity in (
    Entity('currency', "Currencies", (
        Field('code', "Currency code"), Field('symbol', "Symbol", direction=OFF),
    ), keys=(('code',),), missing=LINK, is_creatable=False),
    Entity('bank', "Banks", (
        Field('name', "Name"), Field('bic', "BIC"), Field('email', "Email"), Field('phone', "Phone"),
        Field('street', "Street"), Field('zip', "ZIP"), Field('city', "City"), Field('country', "Country", CODE),
    ), keys=(('bic',),), hints=(('name',),)),
    Entity('account', "Accounts", (
        Field('code', "Code", initial=True), Field('name', "Name", initial=True), Field('type', "Type", CHOICE, initial=True),
        Field('reconcile', "Allow reconciliation", BOOL, initial=True), Field('currency', "Currency", CODE, initial=True),
    ), keys=(('code',),), hints=(('name', 'type'), ('name',)), missing=LINK),
    Entity('tax', "Taxes", (
        Field('name', "Name"), Field('use', "Use", CHOICE), Field('computation', "Computation", CHOICE),
        Field('amount', "Amount", NUMBER), Field('description', "Label on invoices"),
        Field('included', "Included in price", CHOICE),
    ), keys=(('name', 'use', 'amount', 'computation'),), hints=(('use', 'amount', 'computation'), ('name', 'use')), missing=LINK,
        is_creatable=False),
    Entity('journal', "Journals", (
        Field('code', "Code", initial=True), Field('name', "Name", initial=True), Field('type', "Type", CHOICE, initial=True),
        Field('currency', "Currency", CODE, initial=True),
    ), keys=(('code', 'type'),), hints=(('name', 'type'), ('type',)), missing=LINK),
    Entity('payment_term', "Payment terms", (
        Field('name', "Name"), Field('note', "Description", HTML),
    ), keys=(('name',),), missing=LINK, is_creatable=False),
    Entity('partner', "Contacts", (
        Field('name', "Name"), Field('is_company', "Is a company", BOOL), Field('parent', "Company", REF, of='partner'),
        Field('kind', "Kind of address", CHOICE), Field('vat', "Tax ID"), Field('company_number', "Company ID"),
        Field('reference', "Reference"), Field('email', "Email"), Field('phone', "Phone"), Field('website', "Website"),
        Field('street', "Street"), Field('street2', "Street 2"), Field('zip', "ZIP"), Field('city', "City"),
        Field('state_code', "State", CODE), Field('country', "Country", CODE), Field('language', "Language", CODE),
        Field('note', "Notes", HTML),
        Field('receivable', "Account receivable", REF, of='account', direction=OFF),
        Field('payable', "Account payable", REF, of='account', direction=OFF),
        Field('customer_terms', "Customer payment terms", REF, of='payment_term'),
        Field('vendor_terms', "Vendor payment terms", REF, of='payment_term'),
        Field('bank_accounts', "Bank accounts", LINES, lines=_BANK_ACCOUNT, lines_key='number'),
        # A bank account alone is no proof: a factoring company's is on the bills of many vendors.
    ), keys=(('vat', 'kind'), ('company_number',), ('bank_accounts/number', 'name'), ('email', 'name')),
        hints=(('bank_accounts/number',), ('email',), ('name', 'zip'), ('name',)), telling=('vat', 'company_number')),
    Entity('product', "Products", (
        Field('name', "Name"), Field('code', "Internal reference"), Field('barcode', "Barcode"),
        Field('type', "Type", CHOICE), Field('price', "Sales price", NUMBER), Field('sales_text', "Description for customers"),
        Field('can_be_sold', "Can be sold", BOOL), Field('can_be_bought', "Can be purchased", BOOL),
        Field('income', "Income account", REF, of='account', direction=OFF),
        Field('expense', "Expense account", REF, of='account', direction=OFF),
        Field('sales_taxes', "Sales taxes", REFS, of='tax'), Field('purchase_taxes', "Purchase taxes", REFS, of='tax'),
    ), keys=(('barcode',), ('code', 'name')), hints=(('code',), ('name',))),
    Entity('invoice', "Invoices and bills", (
        Field('kind', "Kind of document", CHOICE, frozen=True), Field('number', "Number", frozen=True, own=True),
        Field('partner', "Partner", REF, of='partner', frozen=True), Field('date', "Invoice date", DATE, frozen=True),
        Field('entry_date', "Accounting date", DATE, frozen=True), Field('due_date', "Due date", DATE),
        Field('currency', "Currency", CODE, frozen=True),
        Field('rate', "Currency rate", NUMBER, frozen=True, in_books=True),
        Field('journal', "Journal", REF, of='journal', frozen=True), Field('reference', "Reference"),
        Field('payment_reference', "Payment reference", own=True), Field('origin', "Source document"),
        Field('terms', "Terms", REF, of='payment_term', frozen=True),
        Field('note', "Terms and conditions", HTML), Field('lines', "Lines", LINES, lines=_INVOICE_LINE, frozen=True),
        Field('untaxed', "Untaxed amount", MONEY, check=True), Field('tax', "Tax", MONEY, check=True),
        Field('total', "Total", MONEY, check=True), Field('tax_amounts', "Amount of each tax", check=True),
        # Two books in use give the same number to different invoices, also to two of one customer: only the day tells them apart.
    ), keys=(('kind', 'number', 'partner', 'total', 'date'),), hints=(
        ('kind', 'number', 'partner', 'total'), ('kind', 'partner', 'total', 'date'), ('kind', 'reference', 'partner')),
        is_document=True, apart=('reference',), books_with=('account', 'tax', 'journal', 'partner')),
    Entity('payment', "Payments", (
        Field('direction', "Direction", CHOICE, frozen=True), Field('number', "Number", own=True),
        Field('partner_kind', "Customer or vendor", CHOICE, frozen=True),
        Field('partner', "Partner", REF, of='partner', frozen=True), Field('date', "Date", DATE, frozen=True),
        Field('amount', "Amount", MONEY, frozen=True), Field('currency', "Currency", CODE, frozen=True),
        Field('journal', "Journal", REF, of='journal', frozen=True), Field('reference', "Memo"),
        Field('account', "Other account than the partner's", REF, of='account', frozen=True),
        Field('write_offs', "Write-offs", LINES, lines=_WRITE_OFF, frozen=True),
    ), keys=(('direction', 'number', 'partner', 'amount', 'date'),), hints=(
        ('direction', 'number', 'partner', 'amount'), ('direction', 'partner', 'amount', 'date')), is_document=True,
        books_with=('account', 'tax', 'journal', 'partner')),
    Entity('entry', "Journal entries", (
        Field('number', "Number", frozen=True, own=True), Field('date', "Date", DATE, frozen=True),
        Field('journal', "Journal", REF, of='journal', frozen=True), Field('reference', "Reference"),
        Field('lines', "Items", LINES, lines=_ENTRY_LINE, frozen=True),
        Field('total', "Total", MONEY, check=True, in_books=True),
    ), keys=(('number', 'date', 'total'),), hints=(('date', 'total', 'journal'),), is_document=True,
        books_with=('account', 'tax', 'journal', 'partner')),
    # Only where the other side has no bank feed of its own: its transactions would be there twice.
    Entity('bank_transaction', "Bank transactions", (
        Field('journal', "Journal", REF, of='journal', frozen=True), Field('date', "Date", DATE, frozen=True),
        Field('text', "Label"), Field('partner', "Partner", REF, of='partner'), Field('amount', "Amount", MONEY, frozen=True),
        Field('currency', "Original currency", CODE, frozen=True), Field('original_amount', "Original amount", MONEY, frozen=True),
        Field('items', "Settled by", LINES, lines=_SETTLING),
    ), keys=(('journal', 'date', 'amount', 'text'),), hints=(('journal', 'date', 'amount'),), is_booked=True, apart=('text',),
        books_with=('account', 'tax', 'journal', 'partner')),
    # Of two documents, the open debit of one is paid by the open credit of the other. It is made or undone, never changed.
    Entity('allocation', "Matched payments", (
        *_PAID_DOCUMENTS, Field('account', "Account", REF, of='account'), Field('amount', "Amount", MONEY),
        Field('currency', "Currency", CODE), Field('date', "Date", DATE),
        Field('debit_due', "Due date of the debit", DATE), Field('credit_due', "Due date of the credit", DATE),
    ), is_tie=True, books_with=('account',),
        one_of=tuple(tuple(field.name for field in _PAID_DOCUMENTS if field.name.startswith(side)) for side in ('debit', 'credit'))),
    # The content is told only when it is asked for by name; whether it is the same says the checksum.
    Entity('attachment', "Attachments of documents", (
        *_ATTACHED_TO, Field('name', "Name"), Field('type', "Type of file", CODE), Field('checksum', "Checksum", CODE),
        Field('content', "Content", FILE),
    ), keys=tuple((field.name, 'checksum', 'name') for field in _ATTACHED_TO), is_appendix=True,
        one_of=(tuple(field.name for field in _ATTACHED_TO),)),
)}


def in_order(names) -> list[str]:
    """Entities so that each comes after those it depends on; references to itself do not count."""
    left, done = list(dict.fromkeys(names)), []
    while left:
        ready = [name for name in left if not (ENTITIES[name].depends_on() & set(left)) - {name}] or left[:1]
        done += ready
        left = [name for name in left if name not in ready]
    return done
