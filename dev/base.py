"""What the other modules of `dev/` share: where things lie, how to run a command, how to stop with a sentence."""
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ADDON = 'account_online_sync'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / ADDON
#: Two checkouts (or two people) share the cache; what belongs to one checkout carries this.
CHECKOUT_ID = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]


class Stop(Exception):
    """Ends the command with one sentence that says what to do."""


def say(text):
    """A plain line for the person at the terminal; on stderr, so that stdout stays for results."""
    print(text, file=sys.stderr, flush=True)


def run(command, *, why, **kwargs):
    """Run a command quietly; :class:`Stop` with `why` and the command's last words when it fails."""
    kwargs.setdefault('stdin', subprocess.DEVNULL)
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors='replace', **kwargs)
    except FileNotFoundError:
        raise Stop(f"{why}: “{command[0]}” is not installed.") from None
    if done.returncode:
        words = '\n'.join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise Stop(f"{why}:\n{words}")
    return done.stdout


@contextmanager
def locked(name):
    """Only one `make` at a time in this block, on this machine."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f'{name}.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(function):
    """Run a command's main function; a :class:`Stop` becomes its sentence and exit code 2, a SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(function())
    except Stop as stop:
        say(f"Stop: {stop}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
