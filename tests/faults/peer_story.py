"""A story of two books and the people who work in both, put together at random from a seed."""
import random
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from odoo.exceptions import AccessError, MissingError, UserError

from ...clients.errors import Rejected
from ...clients.http import Http
from ...engine.entities import STATE
from ...engine.merge_rules import OFF
from ...engine.plan import HERE, THERE
from ..servers.proxy import FAULTS

ENTITIES = ('partner', 'product', 'invoice', 'payment', 'entry', 'allocation')
#: Fields that keep who is who, by entity.
TOKENS = {'partner': ('ref',), 'product': ('default_code',), 'invoice': ('invoice_origin',), 'payment': ('memo',), 'entry': ('ref',)}
MATCHED = ('asset_receivable', 'liability_payable')
SHORT_OF_TIME = ('2026-03-02', '2026-03-05', '2026-03-09')


class Books:
    """One side as its users see it: the same words here and over the wire."""

    def __init__(self, name, call, accounts, taxes, journals):
        self.name, self.call, self.accounts, self.taxes, self.journals = name, call, accounts, taxes, journals

    def make(self, model, **values):
        return self.call(model, 'create', None, vals_list=[values])[0]

    def change(self, model, id_, **values):
        return self.call(model, 'write', [id_], vals=values)

    def rows(self, model, domain, *names):
        return self.call(model, 'search_read', None, domain=domain, fields=list(names), order='id', load='',
                         context={'active_test': False})


class Story:
    """Plays `steps` steps; :meth:`settle` lets traffic stop, :meth:`check` compares.

    :param case: a PeerCase with its link behind a proxy
    """

    def __init__(self, case, seed, here, there):
        self.case, self.random, self.seed = case, random.Random(seed), seed
        self.sides = {HERE: here, THERE: there}
        self.told, self.faulty, self.tokens = [], False, Counter()

    # -- what happens to the wire and the server -------------------------------------------------------------------------------------

    def choose_fault(self, path):
        return self.random.choice(FAULTS) if self.faulty and self.random.random() < 0.06 else ''

    @contextmanager
    def kill_sometimes(self):
        """Now and then the server dies: between writing on the other side and remembering it, or when any call was answered."""
        with ExitStack() as stack:
            for owner, name, chance in ((type(self.case.env['online.sync.flow']), '_remember', 0.05), (Http, 'request', 0.004)):
                stack.enter_context(patch.object(owner, name, self._dying(getattr(owner, name), name == '_remember', chance)))
            yield

    def _dying(self, original, is_before, chance):
        def dies():
            if self.faulty and self.random.random() < chance:
                self.told.append(f'  -- dies {"before" if is_before else "after"} {original.__name__}')
                raise KeyboardInterrupt

        def dying(*args, **kwargs):
            if is_before:
                dies()
            result = original(*args, **kwargs)
            if not is_before:
                dies()
            return result
        return dying

    def sync(self):
        with self.kill_sometimes():
            try:
                log = self.case.run_sync()
                self.told.append(f'sync: {log.state} created {log.created} updated {log.updated} waiting {log.waiting} failed {log.failed}'
                                 f' {log.error or ""}')
            except KeyboardInterrupt:
                self.case.env.invalidate_all()

    # -- what people do ---------------------------------------------------------------------------------------------------------------

    def play(self, steps):
        for number in range(steps):
            if self.random.random() < 0.2:
                self.faulty = self.random.random() < 0.5
                self.sync()
                self.faulty = False
            else:
                side = self.random.choice((HERE, THERE))
                edit = self.random.choice(EDITS)
                self.act(number, side, edit)

    def act(self, number, side, edit):
        self.told.append(f'{number} {side}: {edit.__name__}')
        try:
            with self.case.env.cr.savepoint():
                edit(self, self.sides[side])
        except (UserError, AccessError, MissingError, Rejected, ValueError) as error:
            self.told[-1] += f' (refused: {str(error)[:80]})'

    def token(self, kind):
        self.tokens[kind] += 1
        return f'{kind}{self.tokens[kind]}s{self.seed}'

    def pick(self, books, model, domain):
        rows = books.rows(model, domain, 'id')
        return self.random.choice(rows)['id'] if rows else None

    def text(self):
        return self.random.choice(('a', 'b', 'Main 1', 'Zürich', 'x y', ''))

    def price(self):
        return self.random.choice((1, 10, 33.33, 99.99, 1250, 0.07))

    # -- how it ends ------------------------------------------------------------------------------------------------------------------

    def settle(self, rounds=14):
        """Let traffic stop: a person decides what is asked."""
        link = self.case.link
        for _round in range(rounds):
            self.sync()
            link.invalidate_recordset()
            issues = link.issue_ids.filtered(lambda issue: issue.state == 'open' and issue.kind in ('conflict', 'posted'))
            for issue in issues:
                self.told.append(f'decides {issue.summary}')
                getattr(issue, self.random.choice(('action_keep_here', 'action_take_there')))()
            issues += self.tell_apart()
            failed = self.case.env['online.sync.change'].sudo().search([('link_id', '=', link.id), ('state', '=', 'failed')])
            for change in failed:
                self.told.append(f'refused {change.title}: {change.why}')
                self.correct(change)
            failed.action_retry()
            log = link.log_ids[:1]
            if not issues and not failed and not (log.created or log.updated or log.failed or log.error):
                return
        raise AssertionError('\n'.join([*self.told, *self.crossed(), f'seed {self.seed}: traffic did not stop', *self.stuck()]))

    def tell_apart(self):
        """A person says of what looks alike whether it is the same; whoever made it gave it a token."""
        asked = self.case.link.issue_ids.filtered(lambda issue: issue.state == 'open' and issue.kind == 'alike')
        for issue in asked:
            if issue.state != 'open':       # settled by an answer before it
                continue
            alike = issue.alike_id
            model, names = alike.flow_id._model()._name, TOKENS[alike.flow_id.entity]
            here, there = (self.sides[side].rows(model, [('id', '=', id_)], *names) for side, id_ in (
                (HERE, alike.res_id), (THERE, int(alike.external_id))))
            same = bool(here and there) and all(here[0][name] == there[0][name] for name in names)
            self.told.append(f'says {"same" if same else "two"}: {issue.summary}')
            issue.action_is_same() if same else issue.action_is_other()
        return asked

    def correct(self, change):
        """What a person does about a refusal: of a match that cannot be, or of a change to a document that is matched."""
        if 'It is matched with' in (change.why or ''):
            return self.unmatch(change)
        if change.flow_id.entity != 'allocation' or self.random.random() < 0.3:
            return
        side, id_ = (HERE, change.res_id) if change.res_id else (THERE, int(change.external_id))
        self.told.append(f'undoes {change.title} {side}: {change.why}')
        if self.sides[side].rows('account.partial.reconcile', [('id', '=', id_)], 'id'):
            self.sides[side].call('account.partial.reconcile', 'unlink', [id_])

    def unmatch(self, change):
        """19.0 keeps the match of a document that is opened again, 18.0 does not: there it is undone before the document can follow."""
        field = 'payment_id' if change.flow_id.entity == 'payment' else 'move_id'
        binding = self.case.env['online.sync.binding'].sudo().search([('flow_id', '=', change.flow_id.id), '|', (
            'res_id', '=', change.res_id), ('external_id', '=', change.external_id)], limit=1)
        for side, id_ in ((HERE, binding.res_id), (THERE, int(binding.external_id))):
            rows = self.sides[side].rows('account.partial.reconcile', [
                '|', (f'debit_move_id.{field}', '=', id_), (f'credit_move_id.{field}', '=', id_)], 'id')
            if rows:
                self.told.append(f'unmatches {change.title} {side}')
                return self.sides[side].call('account.partial.reconcile', 'unlink', [row['id'] for row in rows])

    def check(self):
        problems = [*self.stuck(), *self.alone(), *self.twice(), *self.unequal(), *self.unpaid(), *self.trial_balances()]
        if problems:
            raise AssertionError('\n'.join([*self.told, f'seed {self.seed}', *problems]))     # a log is often cut at its head

    def check_one_sided(self, count=10):
        """Whoever edits alone finds what they entered as they entered it, whatever the other side computes of it."""
        problems = []
        for number in range(count):
            side, edit = self.random.choice((HERE, THERE)), self.random.choice(EDITS)
            self.act(f'alone {number}', side, edit if edit not in (same_partner, same_document) else new_invoice)
            before = self.told_by(side)
            self.sync()
            self.sync()
            after = self.told_by(side)
            for key, values in before.items():
                now = after.get(key, {})
                problems += [f'{self.told[-3]}: {key} {name} was {value!r}, is {now.get(name)!r}' for name, value in values.items()
                             if now.get(name) != value]
        if problems:
            raise AssertionError('\n'.join([*self.told, f'seed {self.seed}: what was entered on one side was changed', *problems]))

    def told_by(self, side):
        """{(entity, key): all that a side says of it}"""
        books, found = self.case.sides()[side], {}
        for entity in ENTITIES:
            records = books.read_records(entity, books.read_listing(entity, '').versions)
            found.update({(entity, key): {**record.fields, STATE: record.state} for key, record in records.items()})
        return found

    def stuck(self):
        """What waits or was refused although nobody is asked about it."""
        for change in self.case.env['online.sync.change'].sudo().search([
                ('link_id', '=', self.case.link.id), ('state', 'not in', ('done', 'dropped'))]):
            yield f'{change.flow_id.entity} {change.title}: {change.state}, {change.why} {change.needs}'

    def crossed(self):
        """The last changes, for whoever looks into a story."""
        for change in self.case.env['online.sync.change'].sudo().search([('link_id', '=', self.case.link.id)], limit=12):
            yield f'{change.flow_id.entity} {change.title} {change.origin}: {change.state} {change.crossed} {change.why or ""}'

    def alone(self):
        """Posted documents that the other side does not have."""
        posted = [('state', '=', 'posted'), ('origin_payment_id', '=', False)]
        bindings = self.case.flow('invoice').binding_ids | self.case.flow('entry').binding_ids
        for side, known in ((HERE, set(bindings.mapped('res_id'))), (THERE, {int(key) for key in bindings.mapped('external_id')})):
            for row in self.sides[side].rows('account.move', posted, 'name', 'move_type', 'ref', 'invoice_origin', 'partner_id'):
                if row['id'] not in known:
                    yield f'{side}: {row} is not on the other side'
        payments = self.case.flow('payment').binding_ids
        for side, known in ((HERE, set(payments.mapped('res_id'))), (THERE, {int(key) for key in payments.mapped('external_id')})):
            for row in self.sides[side].rows('account.payment', [('state', 'in', ['in_process', 'paid'])], 'name', 'memo', 'amount'):
                if row['id'] not in known:
                    yield f'{side}: payment {row} is not on the other side'
        yield from (f'{binding.title}: gone {binding.gone}' for binding in (bindings | payments).filtered('gone'))

    def unpaid(self):
        """Documents of which another amount is open on the other side."""
        for binding in self.case.flow('invoice').binding_ids:
            here, there = (self.sides[side].rows('account.move', [('id', '=', id_)], 'amount_residual', 'name')[0]
                           for side, id_ in ((HERE, binding.res_id), (THERE, int(binding.external_id))))
            if round(float(here['amount_residual']) - float(there['amount_residual']), 2):
                yield f"open of {here['name']}: here {here['amount_residual']}, there {there['amount_residual']}"

    def twice(self):
        """Whatever a person made once must be there once on each side; what both typed in and one cancelled is not the same."""
        for side, books in self.sides.items():
            for model, name in (('res.partner', 'ref'), ('product.product', 'default_code'), ('account.move', 'invoice_origin'),
                                ('account.payment', 'memo')):
                left_out = ['!', '&', ('ref', 'like', 'Both '), ('state', '=', 'cancel')] if model == 'account.move' else []
                found = Counter(row[name] for row in books.rows(model, [(name, 'like', f's{self.seed}'), *left_out], name))
                yield from (f'{side} has {count} of {token}' for token, count in found.items() if count > 1)

    def unequal(self):
        """Bound records that differ in what flows, and records that should be bound and are not."""
        sides = self.case.sides()
        for entity in ENTITIES:
            flow = self.case.flow(entity)
            bindings = flow.binding_ids.filtered(lambda binding: not binding.gone)
            if entity == 'allocation':      # they are undone without a trace
                for side, count in self.matches().items():
                    if count != len(bindings):
                        yield f'{side} has {count} matched payments, {len(bindings)} are known'
            items = flow._load_items(sides, bindings.mapped('res_id'), bindings.mapped('external_id'))
            rules = flow._rules()
            for item in items:
                if not item.binding or not item.local or not item.remote:
                    yield f'{entity}: {(item.local or item.remote).title} is only on one side'
                    continue
                for name in self.different(item, rules):
                    yield f'{entity} {item.local.title}: {name} here {item.local.fields.get(name, item.local.state)!r}, there ' \
                          f'{item.remote.fields.get(name, item.remote.state)!r}'

    def matches(self):
        return {side: len(books.rows('account.partial.reconcile', [], 'id')) for side, books in self.sides.items()}

    def different(self, item, rules):
        local, remote = {**item.local.fields, STATE: item.local.state}, {**item.remote.fields, STATE: item.remote.state}
        for name, rule in rules.items():
            if rule.direction == OFF or name not in local or name not in remote:
                continue
            if rule.lines is not None:
                flows = {one for one, inner in rule.lines.items() if inner.direction != OFF}
                mine, theirs = ([{one: line.fields[one] for one in flows if one in line.fields} for line in lines]
                                for lines in (local[name], remote[name]))
                if sorted(map(repr, mine)) != sorted(map(repr, theirs)):
                    yield name
            elif local[name] != remote[name] and name not in ('number', 'reference', 'payment_reference'):
                yield name

    def trial_balances(self):
        balances = {}
        for side, books in self.sides.items():
            codes = {row['id']: row['code'] for row in books.rows('account.account', [], 'code')}
            balances[side] = defaultdict(float)
            for row in books.rows('account.move.line', [('parent_state', '=', 'posted')], 'account_id', 'balance'):
                balances[side][codes[row['account_id']]] += float(row['balance'])
        for code in sorted(balances[HERE].keys() | balances[THERE].keys()):
            here, there = round(balances[HERE][code], 2), round(balances[THERE][code], 2)
            if here != there:
                yield f'trial balance of {code}: here {here}, there {there}'
                yield from self.booked(code)

    def booked(self, code):
        """What documents book differently on an account."""
        sums = defaultdict(Counter)
        for side, books in self.sides.items():
            for row in books.rows('account.move.line', [('parent_state', '=', 'posted'), ('account_id.code', '=', code)], 'move_id',
                                  'payment_id', 'balance', 'move_name'):
                sums[self.common(side, row['payment_id'], row['move_id'])][side, row['move_name']] += round(float(row['balance']), 2)
        for document, booked in sums.items():
            if round(sum(value * (1 if side == HERE else -1) for (side, _name), value in booked.items()), 2):
                yield f'  {document}: {dict(booked)}'

    def common(self, side, payment, move):
        for entity, id_ in (('payment', payment), ('invoice', move), ('entry', move)):
            bindings = self.case.flow(entity).binding_ids
            for binding in bindings if id_ else ():
                if id_ == (binding.res_id if side == HERE else int(binding.external_id)):
                    return f'{entity} {binding.res_id}/{binding.external_id} {binding.title}'
        return f'{side} payment {payment} move {move}'


# -- the edits ------------------------------------------------------------------------------------------------------------------------

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
    _move_edit('narration', ('<p>n1</p>', '<p>n2</p>')), _move_edit('invoice_date', SHORT_OF_TIME),
]
EDITS = [edit for edit in EDITS if edit.__name__ != 'partner_function_of']
