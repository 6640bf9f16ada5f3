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
    tracked = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.py'], cwd=CHECKOUT, capture_output=True, text=True).stdout
    return [name for name in tracked.split() if not name.startswith('dev/')]


def _findings(command):
    done = subprocess.run([str(part) for part in command], cwd=CHECKOUT, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip() if done.returncode else ''


if __name__ == '__main__':
    main(lint)
