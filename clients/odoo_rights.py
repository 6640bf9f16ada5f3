"""What our user may do in an Odoo database, asked before anything is tried. By model: rules about single records are not asked for."""
from collections.abc import Collection

from .books import CREATE, READ, WRITE
from .errors import ProtocolError

#: Right -> the operation of Odoo's access rights (`has_access` of 18.0 and 19.0).
_OPERATIONS = {READ: 'read', WRITE: 'write', CREATE: 'create'}


class Rights:
    """The part of :class:`clients.odoo_books.OdooSide` that knows what is allowed."""

    _rights: dict[tuple[str, str], bool]

    def lacking(self, entity: str, needed: Collection[str]) -> set[str]:
        models = {model for model, _field in self.shapes[entity].watched()}
        return {right for right in needed if not all(self._may(model, right) for model in models)}

    def _may(self, model, right):
        if (model, right) not in self._rights:
            try:
                self._rights[model, right] = self.call(model, 'has_access', [], idempotent=True, operation=_OPERATIONS[right])
            except ProtocolError:       # no such model there: no matter of rights
                self._rights[model, right] = True
        return self._rights[model, right]
