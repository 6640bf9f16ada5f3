"""The virtual environment in the cache, with the pinned packages."""
import hashlib
import os
import shutil
import sys
from pathlib import Path

from base import CACHE, Stop, locked, run, say

REQUIREMENTS = Path(__file__).with_name('requirements.txt')


def environment():
    """Path of the interpreter in the virtual environment; made anew when the requirements changed."""
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f'venv-{stamp}'
    with locked('venv'):
        if not (folder / 'complete').exists():
            _make(folder)
    return folder / 'bin' / 'python'


def _make(folder):
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        raise Stop(f"The pinned packages are for Python 3.10 to 3.12, this is {sys.version.split()[0]}. Say PYTHON=/path/of/another.")
    say("Python packages: installing the pinned ones (once) …")
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, '-m', 'venv', folder], why="The virtual environment could not be made (python3-venv installed?)")
    run([folder / 'bin/python', '-m', 'pip', 'install', '-q', '--disable-pip-version-check',
         '-r', REQUIREMENTS], why="The Python packages could not be installed (is there a network?)",
        env={**os.environ, 'PIP_NO_INPUT': '1'})
    (folder / 'complete').touch()
