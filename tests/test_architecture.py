"""The rooms of docs/DESIGN.md know only whom they may know."""
import ast
from pathlib import Path

from odoo.tests import BaseCase, tagged

ROOT = Path(__file__).resolve().parent.parent

FORBIDDEN = {
    # room: import roots it may not have, and why
    'clients': ('odoo', 'engine', 'models', 'wizards', 'controllers'),
    'engine': ('odoo', 'requests', 'models', 'wizards', 'controllers'),
    'models': ('requests', 'urllib3', 'http', 'wizards', 'controllers'),
    'controllers': ('requests', 'urllib3'),
    'wizards': ('requests', 'urllib3', 'controllers'),
}
ENGINE_MAY_KNOW = {'clients.records', 'clients.books'}


def _imports(path):
    """Yield every module that a file imports, relative ones made absolute from the addon's root."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node.module
                continue
            base = package[:len(package) - node.level + 1]
            stem = '.'.join((*base, *filter(None, (node.module or '').split('.'))))
            yield from (f'{stem}.{alias.name}'.lstrip('.') for alias in node.names)


@tagged('at_install', '-post_install')
class TestArchitecture(BaseCase):

    def test_rooms_know_only_whom_they_may(self):
        offences = []
        for room, forbidden in FORBIDDEN.items():
            for path in (ROOT / room).rglob('*.py'):
                offences += [
                    f'{path.relative_to(ROOT)} imports {name}'
                    for name in _imports(path) if name.split('.')[0] in forbidden
                ]
        self.assertFalse(offences)

    def test_engine_knows_only_the_records(self):
        offences = [
            f'{path.relative_to(ROOT)} imports {name}'
            for path in (ROOT / 'engine').rglob('*.py')
            for name in _imports(path)
            if name.split('.')[0] == 'clients' and '.'.join(name.split('.')[:2]) not in ENGINE_MAY_KNOW
        ]
        self.assertFalse(offences)
