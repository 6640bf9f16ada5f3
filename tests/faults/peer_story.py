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
from .peer_edits import EDITS, new_invoice, same_document, same_partner

ENTITIES = ('partner', 'product', 'invoice', 'payment', 'entry', 'bank_transaction', 'allocation')
#: Fields that keep who is who, by entity.
TOKENS = {'partner': ('ref',), 'product': ('default_code',), 'invoice': ('invoice_origin',), 'payment': ('memo',), 'entry': ('ref',),
          'bank_transaction': ('payment_ref',)}


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
        posted = [('state', '=', 'posted'), ('origin_payment_id', '=', False), ('statement_line_id', '=', False)]
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
                                ('account.payment', 'memo'), ('account.bank.statement.line', 'payment_ref')):
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
                told = [{one for line in lines for one in line.fields} for lines in (local[name], remote[name])]
                flows = {one for one, inner in rule.lines.items() if inner.direction != OFF} & told[0] & told[1]
                mine, theirs = ([{one: line.fields[one] for one in flows} for line in lines] for lines in (local[name], remote[name]))
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
