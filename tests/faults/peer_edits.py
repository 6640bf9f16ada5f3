"""What people do in two books that are kept equal. Each edit is a function of a story and one of its sides."""
from ...engine.plan import HERE

MATCHED = ('asset_receivable', 'liability_payable')
SHORT_OF_TIME = ('2026-03-02', '2026-03-05', '2026-03-09')


def _partners(story, books, *more):
    return story.pick(books, 'res.partner', [('ref', 'like', f's{story.seed}'), *more])


def _drafts(story, books, *more):
    return story.pick(books, 'account.move', [('invoice_origin', 'like', f's{story.seed}'), ('state', '=', 'draft'), *more])


def _moves(story, books, *more):
    return story.pick(books, 'account.move', [('invoice_origin', 'like', f's{story.seed}'), *more])


def new_partner(story, books):
    books.make('res.partner', name=story.token('Partner '), ref=story.token('P'), is_company=True, street=story.text())


def new_contact(story, books):
    parent = _partners(story, books, ('is_company', '=', True))
    if parent:
        books.make('res.partner', name=story.token('Contact '), ref=story.token('P'), parent_id=parent, type='contact')


def same_partner(story, _books):
    """Typed in on both sides: surely the same, or only by its name."""
    name, ref, sure = story.token('Both '), story.token('P'), story.random.random() < 0.6
    for books in story.sides.values():
        books.make('res.partner', name=name, ref=ref, is_company=True, street=story.text(), email=f'{ref}@example.com' if sure else '')


def _field_edit(name, values):
    def edit(story, books):
        # Who is there twice is the same by name: once renamed on one side, nobody could know.
        partner = _partners(story, books, *([('name', 'not like', 'Both ')] if name == 'name' else []))
        if partner:
            books.change('res.partner', partner, **{name: story.random.choice(values)})
    edit.__name__ = f'partner_{name}'
    return edit


def partner_two_fields(story, books):
    partner = _partners(story, books)
    if partner:
        books.change('res.partner', partner, street=story.text(), zip=str(story.random.randrange(99)))


def partner_archive(story, books):
    partner = _partners(story, books)
    if partner:
        books.change('res.partner', partner, active=story.random.random() < 0.5)


def bank_account(story, books):
    partner = _partners(story, books)
    if partner:
        books.make('res.partner.bank', partner_id=partner, acc_number=story.token('BA'))


def bank_account_holder(story, books):
    bank = story.pick(books, 'res.partner.bank', [('acc_number', 'like', f's{story.seed}')])
    if bank:
        books.change('res.partner.bank', bank, acc_holder_name=story.text())


def new_product(story, books):
    books.make('product.product', name=story.token('Product '), default_code=story.token('D'), list_price=story.price(), type='service')


def product_price(story, books):
    product = story.pick(books, 'product.product', [('default_code', 'like', f's{story.seed}')])
    if product:
        books.change('product.product', product, list_price=story.price())


def product_text(story, books):
    product = story.pick(books, 'product.product', [('default_code', 'like', f's{story.seed}')])
    if product:
        books.change('product.product', product, description_sale=story.text())


def _line(story, books, kind):
    return [0, 0, {'name': story.text() or 'line', 'quantity': story.random.choice((1, 2, 3)), 'price_unit': story.price(),
                   'account_id': books.accounts['income' if kind.startswith('out') else 'expense'],
                   'tax_ids': [[6, 0, story.random.choice(([], books.taxes['sale' if kind.startswith('out') else 'purchase']))]]}]


def _new_move(story, books, kind):
    partner = _partners(story, books, ('active', '=', True))
    if not partner:
        return None
    day = story.random.choice(SHORT_OF_TIME)
    return books.make(
        'account.move', move_type=kind, partner_id=partner, invoice_date=day, date=day, invoice_origin=story.token('M'),
        ref=story.token('R'), invoice_line_ids=[_line(story, books, kind) for _line_number in range(story.random.choice((1, 2, 3)))])


def same_document(story, _books):
    """The bill that both enter, or the invoice that both write."""
    pairs = story.case.flow('partner').binding_ids.filtered(lambda binding: not binding.gone)
    if not pairs:
        return
    pair, kind, day = story.random.choice(pairs), story.random.choice(('out_invoice', 'in_invoice')), story.random.choice(SHORT_OF_TIME)
    origin, reference, price, is_posted = story.token('M'), story.token('Both '), story.price(), story.random.random() < 0.7
    for side, books in story.sides.items():
        partner = pair.res_id if side == HERE else int(pair.external_id)
        account = books.accounts['income' if kind.startswith('out') else 'expense']
        move = books.make(
            'account.move', move_type=kind, partner_id=partner, invoice_date=day, date=day, invoice_origin=origin, ref=reference,
            invoice_line_ids=[[0, 0, {'name': 'both', 'quantity': 1, 'price_unit': price, 'account_id': account, 'tax_ids': [[6, 0, []]]}]])
        if is_posted:
            books.call('account.move', 'action_post', [move])


def new_invoice(story, books):
    _new_move(story, books, 'out_invoice')


def new_posted_invoice(story, books):
    move = _new_move(story, books, 'out_invoice')
    if move:
        books.call('account.move', 'action_post', [move])


def new_bill(story, books):
    move = _new_move(story, books, 'in_invoice')
    if move and story.random.random() < 0.5:
        books.call('account.move', 'action_post', [move])


def new_credit_note(story, books):
    _new_move(story, books, 'out_refund')


def add_line(story, books):
    move = _drafts(story, books)
    if move:
        kind = books.rows('account.move', [('id', '=', move)], 'move_type')[0]['move_type']
        books.change('account.move', move, invoice_line_ids=[_line(story, books, kind)])


def _with_line(story, books, values):
    move = _drafts(story, books)
    lines = books.rows('account.move.line', [('move_id', '=', move), ('display_type', '=', 'product')], 'id') if move else []
    if lines:
        books.change('account.move', move, invoice_line_ids=[values(story.random.choice(lines)['id'])])


def line_price(story, books):
    _with_line(story, books, lambda id_: [1, id_, {'price_unit': story.price()}])


def line_text(story, books):
    _with_line(story, books, lambda id_: [1, id_, {'name': story.text() or 'l'}])


def line_quantity(story, books):
    _with_line(story, books, lambda id_: [1, id_, {'quantity': story.random.choice((1, 4, 2.5))}])


def line_product(story, books):
    """As a form does it: the product, with all that it brings along or that the user keeps."""
    product = story.pick(books, 'product.product', [('default_code', 'like', f's{story.seed}')])
    if product:
        _with_line(story, books, lambda id_: [1, id_, {
            'product_id': product, 'price_unit': story.price(), 'name': story.text() or 'p', 'tax_ids': [[6, 0, []]]}])


def remove_line(story, books):
    _with_line(story, books, lambda id_: [2, id_, 0])


def post(story, books):
    move = _drafts(story, books)
    if move:
        books.call('account.move', 'action_post', [move])


def reset(story, books):
    move = _moves(story, books, ('state', '=', 'posted'))
    if move:
        books.call('account.move', 'button_draft', [move])


def cancel(story, books):
    move = _drafts(story, books)
    if move:
        books.call('account.move', 'button_cancel', [move])


def _move_edit(name, values):
    def edit(story, books):
        move = _moves(story, books, ('state', '!=', 'cancel'))
        if move:
            books.change('account.move', move, **{name: story.random.choice(values)})
    edit.__name__ = f'move_{name}'
    return edit


def change_partner(story, books):
    move = _drafts(story, books, '|', ('ref', '=', False), ('ref', 'not like', 'Both '))    # nobody could know that those are the same
    partner = _partners(story, books, ('active', '=', True))
    if move and partner:
        books.change('account.move', move, partner_id=partner)


def _payment(story, books, partner, amount, is_inbound, post=True):
    payment = books.make(
        'account.payment', payment_type='inbound' if is_inbound else 'outbound', partner_type='customer' if is_inbound else 'supplier',
        partner_id=partner, amount=amount, date=story.random.choice(SHORT_OF_TIME), journal_id=books.journals['bank'],
        memo=story.token('Y'))
    if post:
        books.call('account.payment', 'action_post', [payment])
    return payment


def _payments(story, books, *more):
    return story.pick(books, 'account.payment', [('memo', 'like', f's{story.seed}'), *more])


def new_payment(story, books):
    partner = _partners(story, books, ('active', '=', True))
    if partner:
        _payment(story, books, partner, story.price(), story.random.random() < 0.6, story.random.random() < 0.7)


def post_payment(story, books):
    payment = _payments(story, books, ('state', '=', 'draft'))
    if payment:
        books.call('account.payment', 'action_post', [payment])


def reset_payment(story, books):
    payment = _payments(story, books, ('state', 'in', ['in_process', 'paid']))
    if payment:
        books.call('account.payment', 'action_draft', [payment])


def cancel_payment(story, books):
    payment = _payments(story, books, ('state', '=', 'draft'))
    if payment:
        books.call('account.payment', 'action_cancel', [payment])


def payment_amount(story, books):
    payment = _payments(story, books, ('state', '=', 'draft'))
    if payment:
        books.change('account.payment', payment, amount=story.price())


def _open_items(books, *domain):
    return books.rows('account.move.line', [
        ('parent_state', '=', 'posted'), ('reconciled', '=', False), ('account_id.account_type', 'in', list(MATCHED)), *domain],
        'move_id', 'account_id', 'partner_id', 'amount_residual', 'payment_id')


def pay_document(story, books):
    """A payment of all or of some of a posted document, matched at once."""
    items = _open_items(books, ('move_id.invoice_origin', 'like', f's{story.seed}'))
    if not items:
        return
    item = story.random.choice(items)
    amount = round(abs(float(item['amount_residual'])) * story.random.choice((1, 1, 0.5)), 2) or 0.01
    payment = _payment(story, books, item['partner_id'], amount, float(item['amount_residual']) > 0)
    _match(books, [item, *_open_items(books, ('payment_id', '=', payment), ('account_id', '=', item['account_id']))])


def match(story, books):
    """Two open items of a partner, such as an invoice and a credit note, or a payment that waited."""
    items = _open_items(books, ('partner_id.ref', 'like', f's{story.seed}'))
    pairs = [(one, other) for one in items for other in items
             if float(one['amount_residual']) > 0 > float(other['amount_residual']) and one['account_id'] == other['account_id']
             and one['partner_id'] == other['partner_id']]
    if pairs:
        _match(books, story.random.choice(pairs))


def _match(books, items):
    if len(items) > 1:
        books.call('account.move.line', 'reconcile', [item['id'] for item in items])


def unmatch(story, books):
    match_ = story.pick(books, 'account.partial.reconcile', [('debit_move_id.partner_id.ref', 'like', f's{story.seed}')])
    if match_:
        books.call('account.partial.reconcile', 'unlink', [match_])


def new_entry(story, books):
    amount, post_it = story.price(), story.random.random() < 0.6
    entry = books.make('account.move', move_type='entry', date=story.random.choice(SHORT_OF_TIME), ref=story.token('E'),
                       journal_id=books.journals['general'], line_ids=[
        [0, 0, {'account_id': books.accounts[name], 'balance': sign * amount, 'name': story.text() or 'item'}]
        for name, sign in (('income', 1), ('expense', -1))])
    if post_it:
        books.call('account.move', 'action_post', [entry])


def _entries(story, books, state):
    return story.pick(books, 'account.move', [('ref', 'like', f'E%s{story.seed}'), ('move_type', '=', 'entry'), ('state', '=', state)])


def post_entry(story, books):
    entry = _entries(story, books, 'draft')
    if entry:
        books.call('account.move', 'action_post', [entry])


def reset_entry(story, books):
    entry = _entries(story, books, 'posted')
    if entry:
        books.call('account.move', 'button_draft', [entry])


def entry_amount(story, books):
    entry, amount = _entries(story, books, 'draft'), story.price()
    if entry:
        lines = books.rows('account.move.line', [('move_id', '=', entry)], 'balance')
        books.change('account.move', entry, line_ids=[
            [1, line['id'], {'balance': amount if float(line['balance']) > 0 else -amount}] for line in lines])


def _bank_transactions(story, books, *more):
    return story.pick(books, 'account.bank.statement.line', [('payment_ref', 'like', f'T%s{story.seed}'), *more])


def _bank_transaction(story, books, amount, partner=False):
    return books.make('account.bank.statement.line', journal_id=books.journals['bank'], date=story.random.choice(SHORT_OF_TIME),
                      amount=amount, payment_ref=story.token('T'), partner_id=partner)


def new_bank_transaction(story, books):
    partner = _partners(story, books, ('active', '=', True)) if story.random.random() < 0.5 else False
    _bank_transaction(story, books, story.random.choice((1, -1)) * story.price(), partner)


def bank_partner(story, books):
    line, partner = _bank_transactions(story, books, ('is_reconciled', '=', False)), _partners(story, books, ('active', '=', True))
    if line and partner:
        books.change('account.bank.statement.line', line, partner_id=partner)


def _out_of_suspense(books, line, account):
    """The item that was in suspense, on an account of somebody's choice."""
    amount = float(books.rows('account.bank.statement.line', [('id', '=', line)], 'amount')[0]['amount'])
    items = books.rows('account.move.line', [('statement_line_id', '=', line), ('balance', '<' if amount > 0 else '>', 0)], 'account_id')
    if len(items) == 1:
        books.change('account.move.line', items[0]['id'], account_id=account)
    return items[0]['id'] if len(items) == 1 else None


def bank_books(story, books):
    line = _bank_transactions(story, books, ('is_reconciled', '=', False))
    if line:
        _out_of_suspense(books, line, books.accounts[story.random.choice(('income', 'expense'))])


def bank_pays(story, books):
    """What came in pays all of a posted document, or a part."""
    items = _open_items(books, ('move_id.invoice_origin', 'like', f's{story.seed}'))
    if items:
        item = story.random.choice(items)
        amount = round(float(item['amount_residual']) * story.random.choice((1, 1, 0.5)), 2)
        if amount:
            line = _bank_transaction(story, books, amount, item['partner_id'])
            _match(books, [item, {'id': _out_of_suspense(books, line, item['account_id'])}])


def bank_undo(story, books):
    line = _bank_transactions(story, books, ('is_reconciled', '=', True))
    if line:
        books.call('account.bank.statement.line', 'action_undo_reconciliation', [line])


TEXTS = ('a', 'b', 'c d', '')
EDITS = [
    new_partner, new_partner, same_partner, same_partner, same_document, same_document, new_contact,
    partner_two_fields, partner_archive, bank_account, bank_account_holder,
    *(_field_edit(name, TEXTS) for name in ('street', 'street2', 'city', 'zip', 'phone', 'website', 'function_of')),
    _field_edit('email', ('a@example.com', 'b@example.com', '')), _field_edit('name', ('Renamed A', 'Renamed B')),
    _field_edit('comment', ('<p>hello</p>', '<p>bye</p>', '')),
    new_product, product_price, product_text, new_invoice, new_invoice, new_posted_invoice, new_bill, new_credit_note, add_line, line_price,
    line_text, line_quantity, line_product, remove_line, post, post, reset, cancel, change_partner,
    _move_edit('invoice_date_due', ('2026-04-01', '2026-05-01')), _move_edit('payment_reference', ('x1', 'x2')),
    new_payment, new_payment, post_payment, reset_payment, cancel_payment, payment_amount, pay_document, pay_document, pay_document, match,
    match, unmatch, new_entry, new_entry, post_entry, reset_entry, entry_amount,
    new_bank_transaction, new_bank_transaction, bank_partner, bank_books, bank_pays, bank_pays, bank_undo,
    _move_edit('narration', ('<p>n1</p>', '<p>n2</p>')), _move_edit('invoice_date', SHORT_OF_TIME),
]
EDITS = [edit for edit in EDITS if edit.__name__ != 'partner_function_of']
