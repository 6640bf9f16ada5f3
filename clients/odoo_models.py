"""Any further model of Odoo as a kind of record: which models can be, and which of their fields can cross to another Odoo.

Works on what `fields_get` of both databases says; calls nothing.
"""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import Rejected
from .odoo_habits import Habits
from .odoo_shapes import SHAPES, Map, Shape

NO_ARCHIVE = "Such records cannot be archived. Delete it there, or keep it."
#: The provider whose other side is an Odoo.
PROVIDER = 'odoo'
#: What the name of such an entity begins with; the model follows.
PREFIX = 'model:'
#: What the canonical name of a chosen field begins with: none is taken for one of those that mean something to all sides, such as `number`.
FIELD = 'f_'
#: {type of a field of Odoo: how it is converted}. Another type cannot cross.
KINDS = {'char': 'text', 'text': 'text', 'html': 'html', 'boolean': 'bool', 'integer': 'number', 'float': 'number', 'monetary': 'number',
         'date': 'date', 'datetime': 'instant', 'selection': 'choice', 'many2one': 'id', 'many2many': 'ids'}
#: Kinds of value that cannot tell who is the same.
_NO_KEY = ('html', 'ids', 'bool')
#: Who may do what, how the database works, what is told to whom: never the business of other books.
_TECHNICAL = (
    'ir.', 'mail.', 'bus.', 'base.', 'base_import.', 'web_', 'web.', 'iap.', 'online.sync.', 'res.users', 'res.config', 'auth_', 'auth.',
    'report.', 'discuss.', 'payment.', 'onboarding.', 'html_', 'test_', 'spreadsheet.', 'snailmail.', 'phone.', 'sms.', 'fetchmail.',
    'digest.', 'decimal.', 'change.password.', 'res.device')
_TECHNICAL_NAMES = ('res.company', 'res.groups', 'res.groups.privilege', 'res.lang', 'privacy.log', 'account.move.line',
                    'account.full.reconcile', 'publisher_warranty.contract')
#: Kept by Odoo itself, or by the status that all records have.
_KEPT_BY_ODOO = {'id', 'display_name', 'create_uid', 'create_date', 'write_uid', 'write_date', 'active', 'company_id', 'parent_path'}


@dataclass(frozen=True, slots=True)
class Crossing:
    """A field that both databases have and that can be told to the other.

    :param kind: how it is converted, as in `Map`
    :param type: Odoo's type of it here
    :param of: entity that it points to
    """

    name: str
    title: str
    kind: str
    type: str = ''
    of: str = ''
    required: bool = False

    @property
    def can_be_key(self) -> bool:
        """Whether it can tell who is the same."""
        return self.kind not in _NO_KEY

    def as_map(self) -> Map:
        return Map(f'{FIELD}{self.name}', self.name, self.kind, self.of)


def is_technical(model: str) -> bool:
    """Whether a model is none of the books: it is never synchronized."""
    return model in _TECHNICAL_NAMES or model.startswith(_TECHNICAL)


def has_own_entity(model: str) -> bool:
    """Whether its records, or lines of them, are synchronized as a kind of record of their own."""
    return any(model == one for shape in SHAPES.values() for one, _parent in shape.watched())


def crossings(here: Mapping[str, Mapping], there: Mapping[str, Mapping], entities: Mapping[str, str]) -> list[Crossing]:
    """The fields of a model that can cross, in the order of their titles.

    :param here, there: what `fields_get` says, with string, type, readonly, required, store and relation
    :param entities: {model: entity} of those that have a flow, the model itself among them
    """
    found = [Crossing(name, info['string'], KINDS[info['type']], info['type'], entities.get(info.get('relation') or '', ''),
                      bool(info['required'] or there[name]['required']))
             for name, info in here.items() if not _hindrance(name, info, there.get(name), entities)]
    return sorted(found, key=lambda one: one.title)


def uncovered(infos: Mapping[str, Mapping], chosen: Iterable[str], defaults: Iterable[str]) -> list[str]:
    """Names of fields without which a database refuses a new record, and that it would not get.

    :param defaults: names of the fields that have a value of their own there
    """
    given = {*chosen, *defaults, *_KEPT_BY_ODOO}
    return sorted(name for name, info in infos.items() if info['required'] and _is_written(info) and name not in given)


class Chosen(Habits):
    """Records of a model that a user chose: new ones belong to the company of the books.

    `load` reads an instant by the clock on the wall of the user, all else by UTC.
    """

    @property
    def context(self):
        company = {'default_company_id': self.side.company} if 'company_id' in self.side.fields_of(self.shape.model) else {}
        return {'tz': 'UTC', **company}

    def activate(self, ids, active):
        """Refused where Odoo cannot archive such records: a person deletes them, or does not."""
        if 'active' not in self.side.fields_of(self.shape.model):
            raise Rejected(NO_ARCHIVE)
        super().activate(ids, active)


def shape_of(model: str, fields: Iterable[Crossing]) -> Shape:
    """How Odoo keeps such records."""
    return Shape(model, tuple(field.as_map() for field in fields), habits=Chosen)


def model_of(entity: str) -> str:
    """The model of Odoo that holds the records of an entity."""
    return entity.removeprefix(PREFIX) if entity.startswith(PREFIX) else SHAPES[entity].model


def _hindrance(name, here, there, entities):
    """Why a field cannot cross, as a word; '' when it can."""
    if name in _KEPT_BY_ODOO:
        return 'kept'
    if not there or here['type'] != there['type'] or here['type'] not in KINDS:
        return 'type'
    if not _is_written(here) or not _is_written(there):
        return 'computed'
    if here['type'] in ('many2one', 'many2many') and (here['relation'] != there['relation'] or here['relation'] not in entities):
        return 'relation'
    return ''


def _is_written(info):
    return bool(info.get('store', True)) and not info['readonly']
