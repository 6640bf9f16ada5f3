"""The part of :class:`clients.odoo_books.OdooSide` that says which records there are, which changed, and which look like given ones."""
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from .books import Changes, Filter
from .pace import LARGEST

#: Ids that one call of a complete listing brings.
LISTING_PAGE = 5000
#: A transaction that took so long to commit is still seen: what changed so much earlier is asked for again.
OVERLAP = timedelta(minutes=10)
#: By so much the clock that a server shows may differ from the one of its database.
PATIENCE = timedelta(minutes=30)
#: A version younger than this may be overwritten within the same second, for Odoo tells seconds.
SETTLED = timedelta(seconds=2)
TIME = '%Y-%m-%d %H:%M:%S'
#: When a record was changed last that does not say so, as those that were made by SQL.
LONG_AGO = '1970-01-01 00:00:00'


class Finding:
    """Keys of records, with their versions: what changed, everything, what a filter matches, what equals given values."""

    def read_changes(self, entity, cursor, only=None):
        shape, place = self.shapes[entity], json.loads(cursor or '{}')
        models = [(shape.model, ''), *(shape.children() if place.get('since') else ())]
        model, parent = models[place.get('model', 0)]
        if parent:
            versions, last = self._changed_parents(model, parent, place)
        else:
            domain = [*self._domain(shape), *(_since(place) if place.get('since') else _matching(shape, only))]
            rows = self._rows(model, [*domain, ('id', '>', place.get('id', 0))], ['write_date'], LARGEST)
            place.setdefault('begun', self.access.now().strftime(TIME))
            fresh = self._fresh()
            moments = {str(row['id']): row['write_date'] or LONG_AGO for row in rows}
            versions = {key: '' if moment >= fresh else moment for key, moment in moments.items()}
            place['latest'] = max([place.get('latest', ''), *moments.values()])
            last = rows[-1]['id'] if len(rows) == LARGEST else 0
        if last:
            return Changes(versions, json.dumps({**place, 'id': last}), True)
        number = place.pop('model', 0) + 1
        place.pop('id', None)
        if number < len(models):
            return Changes(versions, json.dumps({**place, 'model': number}), True)
        # Time itself moves the cursor on, else the last busy minutes would be told again until something happens. What was changed while
        # pages were read may be on one that was read before.
        waited = (datetime.strptime(place['begun'], TIME) - PATIENCE).strftime(TIME)
        since = max(min(place.get('latest', ''), place['begun']), waited, place.get('since', ''))
        return Changes(versions, json.dumps({'since': since, 'seen': place.get('seeing', {})}), False)

    def _changed_parents(self, model, parent, place):
        """({key of a record with lines that changed: ''}, id to go on from, 0 at the end), without what was told before and is as it was.

        Lines do not say when they were told last, as records do by their version: so those of the last minutes are remembered.
        """
        rows = self._rows(model, [*_since(place), ('id', '>', place.get('id', 0))], ['write_date', parent], LISTING_PAGE)
        seen, seeing = place.get('seen', {}).get(model, {}), place.setdefault('seeing', {}).setdefault(model, {})
        fresh, versions = self._fresh(), {}
        known = {(moment, id_) for moment, ids in seen.items() for id_ in ids}
        for row in rows:
            if row['write_date'] and row['write_date'] < fresh:
                seeing.setdefault(row['write_date'], []).append(row['id'])
            if row[parent] and (row['write_date'], row['id']) not in known:
                versions[str(row[parent])] = ''
            if len(versions) == LARGEST:
                return versions, row['id']
        return versions, rows[-1]['id'] if len(rows) == LISTING_PAGE else 0

    def _fresh(self):
        """Who changed in this very second may change once more and look the same: its version is not known yet."""
        return (self.access.now() - SETTLED).strftime(TIME)

    def read_listing(self, entity, cursor, only=None):
        shape = self.shapes[entity]
        domain = [*self._domain(shape), *_matching(shape, only), ('id', '>', int(cursor or 0))]
        rows = self._rows(shape.model, domain, ['write_date'], LISTING_PAGE)
        versions = {str(row['id']): row['write_date'] or LONG_AGO for row in rows}
        return Changes(versions, str(rows[-1]['id']) if rows else cursor, len(rows) == LISTING_PAGE)

    def is_older(self, version, known):
        return version < known

    def find_appended(self, entity, documents):
        shape = self.shapes[entity]
        return shape.habits(self, shape).appended_to(documents)

    def count(self, entity, only):
        shape = self.shapes[entity]
        return self.call(shape.model, 'search_count', idempotent=True, domain=[*self._domain(shape), *_matching(shape, only)])

    def find_matching(self, entity, keys, only):
        shape, found, ids = self.shapes[entity], set(), sorted(int(key) for key in keys)
        for first in range(0, len(ids), LISTING_PAGE):
            domain = [*self._domain(shape), *_matching(shape, only), ('id', 'in', ids[first:first + LISTING_PAGE])]
            found.update(str(row['id']) for row in self._rows(shape.model, domain, ['id'], 0))
        return found

    def untouched(self, entity, keys):
        return {str(id_) for id_ in self._untouched(self.shapes[entity], [int(key) for key in keys])}

    def _untouched(self, shape, ids):
        rows = self._rows(shape.model, [('id', 'in', ids)], ['create_date', 'write_date'], 0) if ids else []
        return {row['id'] for row in rows if row['create_date'] == row['write_date']}

    def markers_of(self, entity, keys):
        return self.access.markers_of(self.shapes[entity].model, [int(key) for key in keys]) if keys else {}

    def find_equal(self, entity, wanted):
        shape, groups = self.shapes[entity], defaultdict(list)
        maps = {one.name: one for one in self._usable(shape.model, shape.maps)}
        maps.update({f'{lines.name}/{one.name}': replace(one, odoo=f'{lines.odoo}.{one.odoo}')
                     for lines in shape.lines if lines.odoo for one in lines.maps})
        for values in wanted:
            groups[tuple(sorted(values.keys() & maps.keys()))].append(values)
        domains = [_all_of([self._one_of(maps[name], {one[name] for one in group}) for name in names])
                   for names, group in groups.items() if names]
        if not domains:
            return set()
        rows = self._rows(shape.model, [*self._domain(shape), *_any_of(domains)], ['id'], 0)
        return {str(row['id']) for row in rows}

    def _one_of(self, one, values):
        """A domain: the field has one of these values."""
        if one.kind == 'text':
            return _any_of([(one.odoo, '=ilike', _pattern(value))] for value in sorted(values))
        return [(one.odoo, 'in', [self._raw(one, value) for value in sorted(values)])]


def _matching(shape, only: Filter | None) -> list:
    """A filter as a domain. What a kind of record does not have (a day, a journal) does not filter it."""
    if not only:
        return []
    names, domain = {one.name: one.odoo for one in shape.maps}, [*only.domain]
    day = names.get('entry_date') or names.get('date')
    if only.since and day:
        domain.append((day, '>=', only.since.isoformat()))
    if only.born_after:
        domain.append(('create_date', '>', only.born_after.strftime(TIME)))
    if only.journals is not None and 'journal' in names:
        domain.append((names['journal'], 'in', sorted(int(key) for key in only.journals)))
    return domain


def _all_of(domains):
    domains = list(domains)
    return ['&'] * (len(domains) - 1) + [part for domain in domains for part in domain]


def _any_of(domains):
    domains = list(domains)
    return ['|'] * (len(domains) - 1) + [part for domain in domains for part in domain]


def _pattern(text):
    """Of all texts that are the same but for their blanks; where there are digits, but for points and dashes too."""
    if not any(character.isdigit() for character in text):
        return '%'.join(re.sub(r'([\\%_])', r'\\\1', word) for word in text.split())
    words = text.strip()
    ends = ['' if words[end].isalnum() else '%' for end in (0, -1)]     # a sign at an end is left out, but it is there
    return '%'.join(character for character in words if character.isalnum()).join(ends)


def _since(place):
    """The domain of what changed since the cursor's moment, and shortly before."""
    return [('write_date', '>=', (datetime.strptime(place['since'], TIME) - OVERLAP).strftime(TIME))]
