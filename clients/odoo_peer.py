"""Another Odoo database, 18.0 or later, as the other side of the books. Nothing needs to be installed there.

What is created there gets an external id that says for which record of ours it is (`ir.model.data`, through the method `load`), and so does
each of its lines: a create that is sent twice gives the same record, with the same lines.
"""
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from . import wire
from .base import BOOKS, BooksClient, Capabilities, Credential, Provider, register
from .books import Introduction, Peer
from .errors import ConfigError, ProtocolError, Rejected, TransientError
from .odoo_balances import told
from .odoo_books import OdooSide
from .odoo_models import model_of
from .odoo_rpc import JSON2, READS, OdooRpc
from .records import Consent

BUSY = "The other Odoo was busy with the same records. Nothing was changed; the next synchronization tries again."
SILENT = "The other Odoo refused this without saying why."
NOT_INSTALLED = "Online Synchronization is not installed there."
#: The model that an Odoo with this addon keeps its listeners in, and the key in a context that says whose writing it is.
LISTENER, WRITER = 'online.sync.listener', 'online_sync_writer'
#: The command that adds a record to a many2many.
LINK = 4
_PROTOCOLS = {JSON2: "JSON-2"}

#: base.user_root has this id in every database.
ODOOBOT = '1'


class RpcAccess:
    """:class:`clients.odoo_books.Access` over the wire.

    :param listener: what we are called there as a listener: we need not be woken for what we write; '' when nobody wakes us
    """

    def __init__(self, rpc: OdooRpc, listener: str = ''):
        self.rpc, self.listener = rpc, listener
        self.reading, self.writing = rpc.reading, rpc.writing
        self._types: dict[str, dict] = {}

    def call(self, model, method, ids=None, /, *, idempotent=False, context=None, **named):
        """What the method returns."""
        own = {} if method in READS else self._own(model, ids)
        return self.rpc.call(model, method, ids, idempotent=idempotent, context={**(context or {}), **own}, **named)

    def _own(self, model, ids=()):
        return {WRITER: {'listener': self.listener, 'model': model, 'ids': list(ids or ())}} if self.listener else {}

    def create_marked(self, model, rows, markers, context):
        """Ids of new records; a marker that was used before gives the record that it made."""
        columns, data = self._sheet(model, rows, markers)
        done = self.rpc.call(model, 'load', context={**context, **self._own(model)}, fields=columns, data=data)
        if not done.get('ids') or len(done['ids']) != len(rows):
            words = [message.get('message', '') for message in done.get('messages') or () if message.get('type') == 'error']
            if any('could not serialize' in word or 'deadlock detected' in word for word in words):
                raise TransientError(BUSY, detail=f'{model}.load')
            raise Rejected(self.rpc.http.snippet(' '.join(words) or SILENT, 600), detail=f'{model}.load')
        return done['ids']

    def find_marked(self, model, marker):
        """Id of the record that was created with the marker, 0 for none."""
        found = self.rpc.find(marker) if marker else None
        return found[1] if found and found[0] == model else 0

    def markers_of(self, model, ids):
        """{id as a text: external id}; what was created with a marker has it as its first one."""
        found = self.rpc.call(model, 'get_external_id', list(ids), idempotent=True)
        return {str(id_): marker for id_, marker in found.items() if marker}

    def read_sums(self, model, domain, groups, field, context, offset, limit):
        """Sums by group. JSON-2 came with the method's successor, JSON-RPC goes before the method does."""
        page = {'context': dict(context), 'domain': domain, 'groupby': groups, 'offset': offset, 'limit': limit}
        if self.rpc.transport == JSON2:
            rows = self.rpc.call(model, 'formatted_read_group', aggregates=[f'{field}:sum'], **page)
            return [(*(told(row, group) for group in groups), row[f'{field}:sum']) for row in rows]
        rows = self.rpc.call(model, 'read_group', fields=[f'{field}:sum'], lazy=False, **page)
        return [(*(told(row, group) for group in groups), row[field]) for row in rows]

    def own_users(self):
        """Our user, and the one in whose name Odoo writes what follows from it."""
        return frozenset((str(self.rpc.who()), ODOOBOT))

    def now(self) -> datetime:
        """The clock of the other server."""
        return self.rpc.clock() + (self.rpc.clock_difference or timedelta())

    def _sheet(self, model, rows, markers) -> tuple[list[str], list[list[str]]]:
        """Columns and rows as `load` wants them: texts, ids of records in columns `…/.id`, further lines in rows of their own."""
        flat = [self._flat(model, row, marker) for row, marker in zip(rows, markers, strict=True)]
        columns = list(dict.fromkeys(name for group in flat for row in group for name in row))
        return columns, [[row.get(name, '') for name in columns] for group in flat for row in group]

    def _flat(self, model, values: Mapping, marker: str, prefix='') -> list[dict[str, str]]:
        """The rows of one record: its own columns and its first lines in the first one."""
        types, first, further = self._types_of(model), {f'{prefix}id': marker}, []
        for name, value in values.items():
            kind, relation = types[name]
            if kind == 'one2many':
                rows = [self._flat(relation, command[2], f'{marker}_{name}_{number}', f'{prefix}{name}/')[0]
                        for number, command in enumerate(value)]
                further += [{} for _row in rows[1 + len(further):]]
                for own, row in zip([first, *further], rows, strict=False):
                    own.update(row)
            elif kind == 'many2many':
                first[f'{prefix}{name}/.id'] = ','.join(str(id_) for command, id_, _none in value if command == LINK)
            elif kind == 'many2one':
                first[f'{prefix}{name}/.id'] = str(value) if value else ''
            else:
                first[f'{prefix}{name}'] = _cell(value)
        return [first, *further]

    def _types_of(self, model) -> dict[str, tuple[str, str]]:
        if model not in self._types:
            told = self.rpc.call(model, 'fields_get', attributes=['type', 'relation'])
            self._types[model] = {name: (info['type'], info.get('relation', '')) for name, info in told.items()}
        return self._types[model]


def _cell(value) -> str:
    if value is False or value is None:
        return ''
    if isinstance(value, Decimal):
        return format(value, 'f')
    return value.isoformat() if isinstance(value, date) else str(value)


@register
class OdooPeer(BooksClient):
    """A company of another Odoo database."""

    provider = Provider(
        code='odoo', title="Odoo", kind=BOOKS, icon='fa-cubes',
        summary="Two-way synchronization with another Odoo database, such as a cloud instance.",
        serves="Odoo 18.0 and later: your own server, Odoo.sh, or Odoo Online with the Custom plan",
        cost="Nothing",
        needs="The address of the other Odoo, and an API key of a user there who may do accounting",
        website='https://www.odoo.com/documentation/18.0/developer/reference/external_api.html',
        credentials=(
            Credential('url', "Address", 'text', placeholder='https://example.odoo.com',
                       help="What your browser shows when you are signed in there."),
            Credential('login', "User", 'text', help="The login of the user there, often an email address."),
            Credential('key', "API key", help="Made there, in the user's preferences under Account Security."),
            Credential('database', "Database", 'text', required=False, help="Only where the server has several."),
            Credential('company', "Company", 'text', required=False, help="Only where the user has several companies there: its name."),
        ),
        capabilities=Capabilities(ids='stable'))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        given, self._languages = self.credentials, None
        self.rpc = OdooRpc(self.http, self.credential('url'), database=given.get('database', ''), login=given.get('login', ''),
                           key=self.credential('key'), transport=given.get('transport', ''), clock=self.clock)

    def start(self, **_how) -> Consent:
        """Sign in, and settle what was left open: the database, the way of talking, the company."""
        self.rpc._transport = ''
        server, account = self.rpc.probe(), self.rpc.sign_in()
        company = self._chosen(account)
        return Consent({
            **self.credentials, 'url': self.rpc.url, 'database': self.rpc.database, 'transport': self.rpc.transport,
            'company': company.name, 'company_id': str(company.id), 'currency': company.currency, 'version': server.version,
        }, institution=company.name)

    def _chosen(self, account):
        wanted = self.credentials.get('company', '').strip().casefold()
        companies = [company for company in account.companies if company.name.casefold() == wanted] if wanted else [
            company for company in account.companies if company.id == account.company_id]
        if not companies:
            names = ', '.join(f'“{company.name}”' for company in account.companies)
            raise ConfigError(f"The user there has no company of that name. It has: {names}.", field='company')
        return companies[0]

    def describe(self) -> Peer:
        given = self.credentials
        return Peer(given.get('url', ''), given.get('version', ''), _PROTOCOLS.get(given.get('transport'), "JSON-RPC"),
                    given.get('company', ''), given.get('currency', ''), given.get('login', ''), given.get('database', ''))

    def side(self, language, shapes=None):
        access = RpcAccess(self.rpc, self.credentials.get('listener', ''))
        language = self._known_language(language)
        return OdooSide(access, int(self.credential('company_id')), language, shapes, self.kept.setdefault(language, {}))

    def _known_language(self, language):
        """Odoo refuses every call in a language that is not installed there."""
        if self._languages is None:
            self._languages = [code for code, _name in self.rpc.call('res.lang', 'get_installed', idempotent=True)]
        return language if language in self._languages else (self._languages or ['en_US'])[0]

    @property
    def place(self):
        return f"{self.rpc.url}|{self.rpc.database}|{self.credential('company_id')}"

    def is_of_same_books(self, other):
        """By another address, or with the name of the database left out, it is the same company, created in the same second."""
        databases = {self.rpc.database, other.rpc.database} - {''}
        ids = {one.credential('company_id') for one in (self, other)}
        return super().is_of_same_books(other) or len(databases) < 2 and len(ids) == 1 and self._born() == other._born()

    def _born(self):
        rows = self.rpc.call('res.company', 'read', [int(self.credential('company_id'))], fields=['create_date'])
        return rows[0]['create_date']

    @property
    def clock_difference(self):
        return self.rpc.clock_difference or timedelta()

    def address_of(self, entity, key):
        return f"{self.rpc.url}/odoo/{model_of(entity)}/{key}"

    def introduce(self, **ourselves):
        """An Odoo with this addon wakes us."""
        self.http.hide([ourselves['secret']])
        facts = {**ourselves, 'company_id': int(self.credential('company_id'))}
        try:
            told = wire.mapping(self.rpc.call(LISTENER, 'introduce', idempotent=True, facts=facts))
        except Rejected as error:
            return Introduction(False, error.message)
        except ProtocolError:       # no such model, or no such method in an older version
            return Introduction(False, NOT_INSTALLED)
        return Introduction(told.get('wakes') is True, wire.text(told.get('why')), wire.text(told.get('who')), told.get('circular') is True)

    def withdraw(self, key):
        self.rpc.call(LISTENER, 'withdraw', idempotent=True, key=key)
