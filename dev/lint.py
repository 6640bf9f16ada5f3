"""`make lint`: ruff and the mandatory checks of pylint-odoo."""
import subprocess

import python
from base import CHECKOUT, main, say


def lint():
    """Print what they find; exit code 1 when there is something."""
    _passed, failed, _skipped = report(python.environment())
    return failed


def report(interpreter):
    """(passed, failed, skipped): lint counts as one test."""
    tools = interpreter.parent
    findings = [
        _findings([tools / 'ruff', 'check', '--quiet', '--output-format', 'concise', '.']),
        _findings([interpreter, '-m', 'pylint', '--rcfile', 'pyproject.toml', *_sources()]),
    ]
    text = '\n'.join(part for part in findings if part)
    say(f"Lint:\n{text}" if text else "Lint: nothing found.")
    return (0, 1, 0) if text else (1, 0, 0)


def _sources():
    paths = (path.relative_to(CHECKOUT) for path in CHECKOUT.rglob('*.py'))
    return sorted(str(path) for path in paths if path.parts[0] != 'dev' and not any(part.startswith('.') for part in path.parts))


def _findings(command):
    done = subprocess.run([str(part) for part in command], cwd=CHECKOUT, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip() if done.returncode else ''


if __name__ == '__main__':
    main(lint)
