"""Why a document differs between two books: what both sides say of it, whether it waits, and what a person has been asked about it."""
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.tools import format_date

from ..clients.books import CANCELLED, POSTED, Record, Ref
from ..engine import drift
from ..engine.plan import HERE, THERE
from .values import to_aware

#: Documents that are looked at, those with the greatest differences.
LOOKED_AT = 500
#: What waits longer than this is no longer merely on its way.
PATIENCE = timedelta(days=1)
_NAMES = ('total', 'amount', 'date', 'entry_date')


@dataclass(slots=True)
class Document:
    """What is known of a document that differs.

    :param keys: {side: its key there}, for the sides that are known to have it
    :param told: {side: what the side says of it}
    :param change: the last online.sync.change about it
    :param is_left: a person left it as it is
    """

    flow: models.BaseModel
    binding: models.BaseModel
    keys: dict[str, str]
    told: dict[str, Record] = field(default_factory=dict)
    change: models.BaseModel | None = None
    facts: drift.Facts = field(default_factory=drift.Facts)
    is_late: bool = False
    is_left: bool = False


class OnlineSyncDrift(models.Model):
    _inherit = 'online.sync.drift'

    @api.model
    def _documents_of(self, link, sides, causes):
        """({reference in the language of both: Document} of those with the greatest differences whose kind is synchronized, those that
        somebody chose to leave out)
        """
        flows = {flow.entity: flow for flow in link._working_flows()}
        largest = sorted(causes, key=lambda cause: -abs(cause.difference))
        refs = list(dict.fromkeys(cause.document for cause in largest if cause.document.entity in flows))
        left_out = self._left_out(sides, flows, refs)
        refs = sorted(refs, key=lambda ref: ref in left_out)[:LOOKED_AT]
        bindings = {one.id: one for one in self.env['online.sync.binding'].browse(
            [int(ref.key[1:]) for ref in refs if ref.key.startswith('#')])}
        documents = {}
        for ref in refs:
            side, _colon, key = ref.key.partition(':')
            binding = bindings.get(int(ref.key[1:])) if ref.key.startswith('#') else self.env['online.sync.binding']
            keys = {HERE: str(binding.res_id), THERE: binding.external_id} if binding else {side: key}
            documents[ref] = Document(flows[ref.entity], binding, keys)
        self._ask_sides(sides, documents.values())
        self._find_changes(link, documents.values())
        asked = self._asked_about(documents.values())
        left = self.env['online.sync.issue']._left_as_they_are(self.env['online.sync.binding'].union(
            *(document.binding for document in documents.values() if document.binding)))
        for ref, document in documents.items():
            document.is_left = document.binding in left
            self._conclude(link, document, asked, ref in left_out or document.is_left)
        return documents, left_out

    @api.model
    def _left_out(self, sides, flows, refs):
        """Those of the documents of one side alone that by the choices for their kind stay there."""
        keys, found = defaultdict(set), set()
        for ref in refs:
            side, colon, key = ref.key.partition(':')
            if colon:
                keys[ref.entity, side].add(key)
        for (entity, side), wanted in keys.items():
            flow, only = flows[entity], flows[entity]._filter(side)
            way, missing = ('push', flow.missing_there) if side == HERE else ('pull', flow.missing_here)
            flowing = flow.direction in ('both', way) and missing == 'create'
            matching = () if not flowing else sides[side].find_matching(entity, wanted, only) if only else wanted
            found.update(Ref(entity, f'{side}:{key}') for key in wanted.difference(matching))
        return found

    @api.model
    def _ask_sides(self, sides, documents):
        for side in (HERE, THERE):
            keys = defaultdict(dict)
            for document in documents:
                if side in document.keys:
                    keys[document.flow.entity][document.keys[side]] = document
            for entity, wanted in keys.items():
                for key, record in sides[side].read_records(entity, list(wanted), _NAMES).items():
                    wanted[key].told[side] = record

    @api.model
    def _find_changes(self, link, documents):
        """The last change about each of these documents: what waits, was refused or skipped."""
        by_key = {(document.flow.id, side, key): document for document in documents for side, key in document.keys.items()}
        for change in self.env['online.sync.change'].search([
                ('link_id', '=', link.id), '|',
                ('res_id', 'in', [int(key) for _flow, side, key in by_key if side == HERE]),
                ('external_id', 'in', [key for _flow, side, key in by_key if side == THERE])], order='id'):
            document = by_key.get((change.flow_id.id, HERE, str(change.res_id))) or by_key.get(
                (change.flow_id.id, THERE, change.external_id))
            if document:
                document.change = change

    @api.model
    def _asked_about(self, documents):
        """Ids of the pairs about which a person was asked something."""
        ids = [document.binding.id for document in documents if document.binding]
        return set(self.env['online.sync.issue'].search([
            ('binding_id', 'in', ids), ('state', '=', 'open'), ('kind', 'in', ('conflict', 'posted', 'totals', 'gone'))]).binding_id.ids)

    @api.model
    def _conclude(self, link, document, asked, is_left_out):
        change = document.change
        waits = bool(change) and change.state in ('pending', 'blocked')
        document.is_late = waits and change.create_date < fields.Datetime.now() - PATIENCE
        document.facts = drift.Facts(
            states={side: record.state for side, record in document.told.items()}, is_pair=bool(document.binding),
            flows=not is_left_out and self._flows(document),
            waits=waits or self._is_news(link, document), is_asked=document.binding.id in asked,
            is_refused=bool(change) and change.state == 'failed')

    @api.model
    def _flows(self, document):
        """Whether nobody skipped it, and its side lists it."""
        is_skipped = document.change and document.change.state == 'dropped'
        return not is_skipped and (bool(document.binding) or bool(document.told))

    @api.model
    def _is_news(self, link, document):
        """Whether the document changed there after changes were last fetched. What changes here waits in the outbox."""
        flow, record, seen = document.flow, document.told.get(THERE), document.binding.remote_version
        if not record or flow.direction not in ('both', 'pull'):
            return False
        if seen and record.version:
            return record.version != seen
        return not flow.last_run or not record.changed_at or record.changed_at - link._clock_difference() >= to_aware(flow.last_run)

    # -- words --------------------------------------------------------------------------------------------------------------------

    @api.model
    def _prepare_cause(self, cause, document):
        """Values of online.sync.drift.cause."""
        what, standing = drift.what(cause, document.facts), drift.standing(document.facts)
        return {
            **_totals([cause]), 'flow_id': document.flow.id, 'title': cause.title, 'res_id': int(document.keys.get(HERE, 0)),
            'external_id': document.keys.get(THERE), 'what': what, 'standing': standing,
            'is_expected': standing == drift.LEFT_OUT or standing == drift.WAITING and not document.is_late,
            'words': self._say_cause(cause, document)}

    @api.model
    def _prepare_group(self, link, entity, causes):
        """Values of one cause: all documents of a kind that is not synchronized, or all that each side books for itself."""
        flow = link.flow_ids.filtered(lambda flow: flow.entity == entity)
        words = _("%(kind)s: %(count)s documents. They are not synchronized.", kind=flow.name, count=len(causes)) if flow else _(
            "Bank transactions, and what else each side books for itself.")
        return {**_totals(causes), 'flow_id': flow.id, 'standing': drift.LEFT_OUT, 'is_expected': True, 'words': words}

    @api.model
    def _prepare_others(self, rows):
        """Values of one cause in place of many.

        :param rows: values of causes
        """
        return {**{name: sum(row[name] for row in rows) for name in ('here', 'there', 'difference')},
                'standing': rows[0]['standing'], 'is_expected': all(row['is_expected'] for row in rows),
                'words': _("%s more documents with smaller differences.", len(rows))}

    @api.model
    def _say_cause(self, cause, document):
        """What a person reads: in what the document differs, and what it waits for."""
        said = {drift.MISSING: self._say_missing, drift.GONE: self._say_gone, drift.STATE: self._say_state,
                drift.ELSEWHERE: self._say_elsewhere, drift.AMOUNT: self._say_amount}[drift.what(cause, document.facts)]
        change = document.change
        why = change.why if change and change.state != 'done' else ''
        ending = {
            drift.LEFT_OUT: _("It was left as it is.") if document.is_left else _("It was skipped.") if (
                change and change.state == 'dropped') else _("It is not synchronized."),
            drift.HELD: _("It waits for your decision."),
            drift.REFUSED: _("It was refused: %s", why), drift.WAITING: why or _("It waits to be synchronized."), drift.OPEN: '',
        }[drift.standing(document.facts)]
        return ' '.join(filter(None, [said(cause.title, cause, document), ending]))

    @api.model
    def _say_missing(self, subject, _cause, document):
        return _("%s is only here.", subject) if HERE in document.keys else _("%s is only there.", subject)

    @api.model
    def _say_gone(self, subject, _cause, document):
        return _("%s was deleted there.", subject) if HERE in document.told else _("%s was deleted here.", subject)

    @api.model
    def _say_state(self, subject, _cause, document):
        side = HERE if document.facts.states[THERE] == POSTED else THERE
        is_cancelled = document.facts.states[side] == CANCELLED
        if side == HERE:
            return _("%s is cancelled here.", subject) if is_cancelled else _("%s is a draft here.", subject)
        return _("%s is cancelled there.", subject) if is_cancelled else _("%s is a draft there.", subject)

    @api.model
    def _say_elsewhere(self, subject, cause, document):
        days = [record.fields.get('entry_date') or record.fields.get('date') for record in (document.told[HERE], document.told[THERE])]
        if all(days) and days[0] != days[1]:
            return _("%(document)s is dated %(here)s here and %(there)s there.", document=subject, here=format_date(self.env, days[0]),
                     there=format_date(self.env, days[1]))
        return _("%s is booked on another account there.", subject) if cause.here else _("%s is booked on another account here.", subject)

    @api.model
    def _say_amount(self, subject, _cause, document):
        say = self.env['online.sync.issue']._say
        totals = [record.fields.get('total') or record.fields.get('amount') for record in (document.told[HERE], document.told[THERE])]
        if totals[0] != totals[1]:
            return _("%(document)s comes to %(here)s here and %(there)s there.", document=subject, here=say(totals[0]),
                     there=say(totals[1]))
        return _("%s is booked with other amounts on each side.", subject)


def _totals(causes):
    return {name: float(sum(getattr(cause, name) for cause in causes)) for name in ('here', 'there', 'difference')}
