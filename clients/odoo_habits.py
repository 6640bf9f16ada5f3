"""What Odoo does with some kinds of records besides `create` and `write`; with documents: :mod:`clients.odoo_documents`.

Each class is for one entity of :mod:`clients.odoo_books` and works for both sides of a link, as all there does.
"""
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal

from .books import Intent, LineEdits, Ref, Value
from .errors import Rejected, ServerFault, StaleObject, SyncError
from .odoo_balances import account_title

#: What concerns one record alone; all else stops the page.
REFUSALS = (Rejected, StaleObject, ServerFault)
NOT_BACK = "A file that was deleted cannot be brought back."


class Habits:
    """As the ORM has it. An entity that differs has a subclass.

    :param side: the :class:`clients.odoo_books.OdooSide`
    :ivar context: for Odoo's `create`
    :ivar reads: names of fields that `tell` needs
    :ivar lines_last: lines are written after all else, for Odoo computes some of their fields anew when that changes
    """

    context: Mapping = {}
    reads: tuple[str, ...] = ()
    lines_last = False

    def __init__(self, side, shape):
        self.side, self.shape = side, shape

    def context_of(self, intent: Intent) -> Mapping:
        """For Odoo's `write`."""
        return self.context

    def domain(self) -> list:
        """What else records must fulfil, where this depends on the company."""
        return []

    def tell(self, rows, names: Collection[str] | None = None) -> dict[int, tuple[Mapping[str, Value], str]]:
        """{id: (values that are kept elsewhere, title)} of rows that were read.

        :param names: of the fields that are wanted, None for all
        """
        return {}

    def tell_lines(self, lines, rows) -> dict[int, Mapping[str, Value]]:
        """{id: values that are not converted one by one} of the rows that are lines; others are none.

        :param lines: the :class:`clients.odoo_shapes.Lines`
        """
        return {row['id']: {} for row in rows}

    def line_values(self, fields: Mapping[str, Value], is_new: bool) -> dict:
        """What Odoo's `create` or `write` wants of a line besides what is converted one by one."""
        return {}

    def refuse(self, intents: Mapping[int, Intent]) -> dict[int, SyncError]:
        """{number: why it is not even tried}"""
        return {}

    def make(self, intents: Mapping[int, Intent]) -> tuple[dict[int, str], dict[int, SyncError], set[int]]:
        """({number: key}, {number: error}, numbers of those that an earlier attempt had created)"""
        return self.side.create_rows(self.shape, intents)

    def complete(self, intent: Intent) -> Intent:
        """A change, with what must be written along with it."""
        return intent

    def prepare(self, intents: Mapping[int, Intent], keys: Mapping[int, str]) -> dict[int, SyncError]:
        """What is left to do with records before they get their state. Returns {number: error}."""
        return {}

    def settle(self, intents: Mapping[int, Intent], keys: Mapping[int, str]) -> dict[int, SyncError]:
        """What is left to do with records once they have their state. Returns {number: error}."""
        return {}

    def appended_to(self, documents) -> set[str]:
        """Keys of the records that belong to these documents."""
        return set()

    def post_under_another_number(self, id_: int) -> bool:
        """Whether a draft that was refused could be posted after all, under another number."""
        return False

    def step(self, state: str, ids):
        """Bring records that are not in a state to it."""
        self.side.call(self.shape.model, self.shape.steps[state], ids)

    def activate(self, ids, active: bool):
        """Archive records, or bring them back."""
        self.side.call(self.shape.model, 'write', ids, idempotent=True, vals={'active': active})


class Accounts(Habits):
    """Known by code and name to everybody."""

    reads = 'code', 'name'

    def tell(self, rows, _names=None):
        return {row['id']: ({}, account_title(row)) for row in rows}


class Partners(Habits):
    """A new name becomes the holder of the bank accounts, also of those that have another one.

    A bank account that was removed is archived, and Odoo refuses a second one of the same number: it is brought back.
    """

    lines_last = True
    model = 'res.partner.bank'

    def complete(self, intent):
        edits = intent.fields.get('bank_accounts')
        numbers = {_plain(line.fields.get('number')) for line in edits.add} - {''} if isinstance(edits, LineEdits) else set()
        rows = self.side.rows(self.model, [('partner_id', '=', int(intent.key)), ('active', '=', False), (
            'sanitized_acc_number', 'in', sorted(numbers))], ['sanitized_acc_number']) if numbers else []
        archived, back, new = {row['sanitized_acc_number']: row['id'] for row in rows}, {}, []
        for line in edits.add if archived else ():
            id_ = archived.pop(_plain(line.fields.get('number')), 0)
            if id_:
                back[id_] = line.fields
            else:
                new.append(line)
        if not back:
            return intent
        self.side.call(self.model, 'write', sorted(back), idempotent=True, vals={'active': True})
        edits = replace(edits, update={**edits.update, **{str(id_): fields for id_, fields in back.items()}}, add=tuple(new))
        return replace(intent, fields={**intent.fields, 'bank_accounts': edits})


class Attachments(Habits):
    """Files that people attached to documents; Odoo keeps model and id of the document."""

    reads = 'res_model', 'res_id'
    models: Mapping = {'invoice': 'account.move', 'payment': 'account.payment', 'entry': 'account.move'}

    def tell(self, rows, _names=None):
        ids = {model: {row['res_id'] for row in rows if row['res_model'] == model} for model in self.models.values()}
        own = {entity: self.side.existing(entity, ids[model]) for entity, model in self.models.items()}
        return {row['id']: ({entity: Ref(entity, str(row['res_id'])) if row['res_model'] == model and row['res_id'] in own[entity] else None
                             for entity, model in self.models.items()}, row['display_name']) for row in rows}

    def make(self, intents):
        return super().make({number: self._placed(intent) for number, intent in intents.items()})

    def _placed(self, intent):
        """With its document as Odoo has it."""
        entity, ref = next((name, intent.fields[name]) for name in self.models if intent.fields.get(name))
        return replace(intent, fields={**intent.fields, 'model': self.models[entity], 'record': Decimal(ref.key)})

    def appended_to(self, documents):
        found = set()
        for model in set(self.models.values()):
            ids = [int(ref.key) for ref in documents if self.models.get(ref.entity) == model]
            domain = [*self.shape.domain, ('res_model', '=', model), ('res_id', 'in', ids)]
            found.update(str(row['id']) for row in self.side.rows(self.shape.model, domain, ['id'])) if ids else None
        return found

    def activate(self, ids, active):
        """A file that was deleted on one side is deleted on the other, where the flow says so."""
        if active:
            raise Rejected(NOT_BACK)
        self.side.call(self.shape.model, 'unlink', ids)


def _plain(number):
    """The number of a bank account as Odoo compares it (base, res_bank.py, sanitize_account_number)."""
    return re.sub(r'\W+', '', number or '').upper()


def money(raw):
    """An amount as Odoo tells it, without what a binary number adds."""
    return raw if isinstance(raw, Decimal) else Decimal(str(round(raw, 9)))


def with_kept(edits, kept):
    """Changes to lines, with all that stays: some of it would be computed anew, and a line of an entry would not be balanced."""
    if not isinstance(edits, LineEdits) or not kept:
        return edits
    return replace(edits, update={key: {**kept.update.get(key, {}), **fields} for key, fields in edits.update.items()})
