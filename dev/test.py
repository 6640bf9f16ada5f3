"""`make test`: lint, then every test on every Odoo series found; ends with one line, `N passed, M failed, K skipped`."""
import os
import re
import shutil
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import database
import lint
import postgres
import python
from base import ADDON, CHECKOUT, Stop, main, say

import odoo

RESULT = re.compile(r'odoo\.tests\.result: (\d+) failed, (\d+) error\(s\) of (\d+) tests')
BROKEN = re.compile(r' (?:FAIL|ERROR): (?:Subtest )?(\S+)')
SKIPPED = re.compile(r'odoo\.addons\.\S+: skipped (\S+)')
STARTED = re.compile(r': Starting \S+\.test_')
PROGRESS_SECONDS = 30
CRASHED = re.compile(r'Failed to initialize database|Failed to load registry|^\S+ \S+ \d+ CRITICAL ', re.MULTILINE)


def test():
    """Run everything; exit code 0 only when something ran and nothing failed."""
    _check_all_imported()
    interpreter = python.environment()
    all_series = odoo.wanted()
    _need_browser()
    postgres.connect()
    database.sweep()
    parts = _parts(all_series, interpreter)
    say("Testing on " + ' and '.join(f"Odoo {series.name}" for series in all_series) + ".")
    passed, failed, skipped = lint.report(interpreter)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for part, outcome in pool.map(lambda part: (part, _run(part, interpreter)), parts):
            say(f"{part.title}: {outcome[0]} passed, {outcome[1]} failed, {outcome[2]} skipped")
            passed, failed, skipped = (sum(pair) for pair in zip((passed, failed, skipped), outcome, strict=True))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


@dataclass(frozen=True)
class Part:
    """Tests that one process of Odoo runs, on a database of its own.

    :param letter: tells the databases of one series apart
    :param tags: which tests, in the words of Odoo's `--test-tags`
    :param peers: what they start other Odoos with, as JSON
    """
    series: odoo.Series
    title: str
    letter: str
    tags: str
    peers: str


def _parts(all_series, interpreter):
    """Those that take longest first. TAGS, or a database to keep, make one part of a series.

    Each pair of series once: which of the two is ours makes no difference to what is read and written on either side. Tests with the tag
    `one_series` are about what does not depend on the difference of two series; they run where both are of one.
    """
    parts = []
    for series in all_series:
        others = [one for one in odoo.present() if one.name >= series.name]
        title, peers = f"Odoo {series.name}", database.peers(others, interpreter, odoo.addons_folder())
        if os.environ.get('TAGS') or os.environ.get('DB'):
            parts.append((0, Part(series, title, '', os.environ.get('TAGS') or f'/{ADDON}', peers)))
            continue
        tags = {one.name: f'peer{one.name[:2]}' for one in others}      # each class of tests with another Odoo has one of these tags
        for one, tag in tags.items():
            chosen = f'{tag}/{ADDON}' if one == series.name else f'{tag}/{ADDON},-one_series'
            parts.append((1 if one == series.name else 2, Part(series, f"{title} with {one}", tag[-2:], chosen, peers)))
        parts.append((3, Part(series, title, '', ','.join((f'/{ADDON}', *(f'-{tag}' for tag in tags.values()))), peers)))
    return [part for _order, part in sorted(parts, key=lambda one: one[0])]


def _check_all_imported():
    """Odoo runs only what `tests/__init__.py` imports: a forgotten file would look green."""
    imported = (CHECKOUT / 'tests' / '__init__.py').read_text()
    forgotten = [path.stem for path in sorted((CHECKOUT / 'tests').glob('test_*.py')) if not re.search(rf'\b{path.stem}\b', imported)]
    if forgotten:
        raise Stop(f"tests/__init__.py does not import {', '.join(forgotten)}: nobody would run them.")


def _need_browser():
    if shutil.which('chromium') or shutil.which('google-chrome'):
        return
    if os.geteuid() == 0 and shutil.which('apt-get'):
        say("Chromium: installing it for the browser tests (once) …")
        packages = ('chromium', 'fonts-liberation')
        if not (_quiet('apt-get', 'update') or _quiet('apt-get', 'install', '-y', '--no-install-recommends', *packages)):
            return
    say("Chromium is not installed: the browser tests will be skipped.")


def _quiet(*command):
    return os.system(f"DEBIAN_FRONTEND=noninteractive {' '.join(command)} >/dev/null 2>&1")


def _run(part, interpreter):
    """(passed, failed, skipped) of one part."""
    series = part.series
    kept = os.environ.get('DB') and f"{os.environ['DB']}_{series.name.replace('.', '')}"
    name = kept or database.name_for(series, 'test', part.letter)
    log = database.LOGS / f'{name}.log'
    started, ended = time.monotonic(), threading.Event()
    try:
        database.copy(series, interpreter, name)
        threading.Thread(target=_tell_progress, args=(part, log, ended), daemon=True).start()
        conf = database.configuration(series, http_port=_free_port())
        code = database.odoo(series, interpreter, conf, '-d', name, '-i', ADDON, '--test-enable', '--test-tags', part.tags,
                             '--stop-after-init', log=log, environment={'ONLINE_SYNC_PEERS': part.peers})
    except Stop as stop:
        say(f"{part.title}: {stop}")
        return 0, 1, 0
    finally:
        ended.set()
        if not kept:
            database.drop(name)
    outcome = _outcome(log.read_text(errors='replace'), code)
    if outcome[1]:
        _show_failures(part, log)
    say(f"{part.title}: finished in {time.monotonic() - started:.0f} s")
    return outcome


def _tell_progress(part, log, ended):
    """A sign of life now and then, until the event `ended`."""
    while not ended.wait(PROGRESS_SECONDS):
        begun = len(STARTED.findall(log.read_text(errors='replace'))) if log.exists() else 0
        say(f"{part.title}: {begun} tests begun …" if begun else f"{part.title}: installing …")


def _outcome(text, code):
    """Counts from the log of a test run. A database that did not load, or no test at all, is a failure."""
    results = RESULT.findall(text)
    total = sum(int(count) for *_rest, count in results)
    broken = set(BROKEN.findall(text))
    failed = len(broken) or sum(int(failures) + int(errors) for failures, errors, _total in results)
    if not total or CRASHED.search(text) or (code and not failed):
        failed += 1
    skipped = len(set(SKIPPED.findall(text)))
    return max(total - failed - skipped, 0), failed, skipped


def _show_failures(part, log, most=400):
    """The parts of the log that tell what went wrong."""
    say(f"\n{part.title}, what failed (whole log: {log}):")
    shown, showing = 0, False
    for line in Path(log).read_text(errors='replace').splitlines():
        if re.match(r'\d{4}-\d\d-\d\d ', line):
            showing = bool(re.search(r' (ERROR|CRITICAL) ', line))
        if showing and shown < most:
            say('  ' + line)
            shown += 1


def _free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


if __name__ == '__main__':
    sys.path.insert(0, str(Path(__file__).parent))
    main(test)
