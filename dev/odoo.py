"""Find the Odoo series on this machine; fetch Odoo 19.0 as Debian packages it."""
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from base import ADDON, CACHE, CHECKOUT, CHECKOUT_ID, Stop, locked, run, say

#: What the unpacked package's links point to: JavaScript and fonts that Debian packages on their own.
ASSETS = ('libjs-jquery', 'libjs-jquery-form', 'libjs-underscore', 'fonts-font-awesome', 'fonts-roboto-unhinted', 'fonts-inconsolata',
          'fonts-ocr-b', 'fonts-montserrat')
SERIES = ('18.0', '19.0')
STUB = 'addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js'
#: Fonts that Debian's font packages name otherwise by now: what a link's name begins with, and a file with the same font.
STAND_INS = {
    'fontawesome': 'usr/lib/python3/dist-packages/odoo/addons/web/static/src/libs/fontawesome/fonts/fontawesome-webfont.woff',
    'inconsolata': 'usr/share/fonts/opentype/inconsolata/Inconsolata-Regular.otf',
}


@dataclass(frozen=True)
class Series:
    """One Odoo to run.

    :ivar name: '18.0' or '19.0'
    :ivar command: path of odoo-bin or of a launcher
    :ivar python_path: folder that holds the package `odoo`
    :ivar addons: folders of Odoo's own addons
    :ivar version: changes when the source does
    """

    name: str
    command: Path
    python_path: Path
    addons: tuple[Path, ...]
    version: str

    @property
    def addons_path(self):
        return ','.join(str(path) for path in (*self.addons, addons_folder()))


def addons_folder():
    """A folder whose only addon is this checkout: the folder's name is the addon's name."""
    folder = CACHE / 'addons' / CHECKOUT_ID
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / ADDON
    if not link.is_symlink() or link.resolve() != CHECKOUT:
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    return folder


def wanted():
    """The series that ODOO and ODOO_SRC ask for; by default every one that this machine has or can fetch."""
    source, name = os.environ.get('ODOO_SRC'), os.environ.get('ODOO', '')
    if source:
        return [from_source(Path(source).expanduser())]
    if name not in ('', *SERIES):
        raise Stop(f"ODOO={name} is not known. Say ODOO=18.0, ODOO=19.0 or ODOO_SRC=/path/of/odoo.")
    found = []
    if name in ('', '18.0'):
        eighteen = find_18()
        if eighteen:
            found.append(eighteen)
        elif name:
            raise Stop("There is no Odoo 18.0 source tree. Put one into ~/odoo-18.0 or name it with ODOO18_SRC=/path.")
        else:
            say("Odoo 18.0: not found (ODOO18_SRC or ~/odoo-18.0), so it is left out.")
    if name in ('', '19.0'):
        if found and not name and not _has_19():
            say("Odoo 19.0: it comes as a Debian package and there is no apt-get here, so it is left out.")
        else:
            found.append(fetch_19())
    return found


def preferred():
    """The one series to work with when one is enough: 18.0 where there is one."""
    if not os.environ.get('ODOO') and not os.environ.get('ODOO_SRC'):
        return find_18() or fetch_19()
    return wanted()[0]


def present():
    """What `wanted` gives, and every other series that is on this machine already."""
    found = {series.name: series for series in wanted()}
    if '18.0' not in found and (eighteen := find_18()):
        found['18.0'] = eighteen
    if '19.0' not in found and (CACHE / 'odoo-19.0' / 'complete').exists():
        found['19.0'] = fetch_19()
    return [found[name] for name in SERIES if name in found]


def find_18():
    """The Odoo 18.0 source tree of this machine, None when there is none."""
    for place in (os.environ.get('ODOO18_SRC'), '~/odoo-18.0'):
        if place and (Path(place).expanduser() / 'odoo' / 'release.py').exists():
            return from_source(Path(place).expanduser())
    if os.environ.get('ODOO18_SRC'):
        raise Stop(f"ODOO18_SRC={os.environ['ODOO18_SRC']} holds no Odoo: there is no odoo/release.py in it.")
    return None


def from_source(root):
    """A source tree, in either layout: addons inside `odoo/addons`, or `addons/` beside `odoo/`."""
    release = root / 'odoo' / 'release.py'
    if not release.exists():
        raise Stop(f"{root} holds no Odoo: there is no odoo/release.py in it.")
    text = release.read_text()
    match = re.search(r'version_info\s*=\s*\(\s*(\d+)\s*,\s*(\d+)', text)
    if not match:
        raise Stop(f"{release} does not say which version it is.")
    series = '.'.join(match.groups())
    if series not in SERIES:
        raise Stop(f"{root} is Odoo {series}; the addon is for {' and '.join(SERIES)}.")
    if not (root / 'odoo-bin').exists():
        raise Stop(f"{root} has no odoo-bin: a source tree of Odoo is needed.")
    addons = tuple(path for path in (root / 'addons', root / 'odoo' / 'addons') if path.is_dir())
    stamp = f'{text}{release.stat().st_mtime_ns}{root}'
    return Series(series, root / 'odoo-bin', root, addons, stamp)


# -- Odoo 19.0 from Debian --------------------------------------------------------------------------------------------------


def fetch_19():
    """Odoo 19.0 in the cache, fetched from Debian unstable when it is not there yet. Never installed over the system."""
    root = CACHE / 'odoo-19.0'
    with locked('odoo-19.0'):
        if not (root / 'complete').exists():
            say("Odoo 19.0: fetching Debian's package (once, about 170 MB) …")
            _unpack_19(root)
    packages = root / 'usr/lib/python3/dist-packages'
    version = (root / 'complete').read_text()
    return Series('19.0', root / 'usr/bin/odoo', packages, (packages / 'odoo' / 'addons',), version)


def _has_19():
    return (CACHE / 'odoo-19.0' / 'complete').exists() or shutil.which('apt-get')


def _unpack_19(root):
    if not shutil.which('apt-get'):
        raise Stop("Odoo 19.0 comes as a Debian package and there is no apt-get here. Say ODOO_SRC=/path/of/odoo.")
    with tempfile.TemporaryDirectory(dir=CACHE, prefix='odoo-19.0-') as folder:
        work = Path(folder)
        options = _apt_options(work)
        why = "Odoo 19.0 could not be fetched from Debian (is there a network?)"
        run(['apt-get', *options, 'update'], why=why)
        run(['apt-get', *options, 'download', 'odoo-19', *ASSETS], why=why, cwd=work / 'debs')
        for package in sorted((work / 'debs').glob('*.deb')):
            run(['dpkg', '-x', package, work / 'root'], why=f"{package.name} could not be unpacked")
        _repair(work / 'root')
        (work / 'root/complete').write_text(next((work / 'debs').glob('odoo-19_*')).name)
        shutil.rmtree(root, ignore_errors=True)
        os.replace(work / 'root', root)


def _repair(root):
    """A stub for the script that is not free, so that Debian does not ship it and every page fails; and links that lead nowhere."""
    stub = root / 'usr/lib/python3/dist-packages/odoo' / STUB
    if not stub.exists():
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text('/* not shipped by Debian */\n')
    for link in (root / 'usr/lib').rglob('*.*'):
        if link.is_symlink() and not link.exists():
            stand_in = next((root / path for name, path in STAND_INS.items() if link.name.lower().startswith(name)), None)
            if stand_in and stand_in.exists():
                link.unlink()
                link.symlink_to(os.path.relpath(stand_in, link.parent))


def _apt_options(work):
    """apt with its own lists and cache in `work`, this machine's mirror and keyring, and unstable as its only source."""
    for name in ('lists/partial', 'archives/partial', 'debs', 'root'):
        (work / name).mkdir(parents=True)
    mirror, keyring = _mirror()
    source = work / 'unstable.sources'
    source.write_text(f"Types: deb\nURIs: {mirror}\nSuites: unstable\nComponents: main\nSigned-By: {keyring}\n")
    os.chmod(work, 0o755)       # apt drops to its own user
    settings = {
        'Dir::Etc::SourceList': source, 'Dir::Etc::SourceParts': '-', 'Dir::State::Lists': work / 'lists',
        'Dir::Cache::Archives': work / 'archives', 'Dir::Cache::pkgcache': '', 'Dir::Cache::srcpkgcache': '',
        'APT::Sandbox::User': 'root', 'Acquire::Languages': 'none', 'Debug::NoLocking': '1',
    }
    return [option for name, value in settings.items() for option in ('-o', f'{name}={value}')]


def _mirror():
    """The Debian mirror and keyring that this machine uses already; DEBIAN_MIRROR names another."""
    keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
    if os.environ.get('DEBIAN_MIRROR'):
        return os.environ['DEBIAN_MIRROR'], keyring
    folder = Path('/etc/apt')
    for path in [*sorted((folder / 'sources.list.d').glob('*.sources')), folder / 'sources.list',
                 *sorted((folder / 'sources.list.d').glob('*.list'))]:
        if path.exists():
            match = re.search(r'^(?:URIs:|deb\s+(?:\[[^\]]*\]\s+)?)\s*(\S+/debian/?)(?:\s|$)', path.read_text(), re.MULTILINE)
            if match:
                return match.group(1), keyring
    raise Stop("No Debian mirror is set up on this machine, so Odoo 19.0 cannot be fetched. "
               "Say DEBIAN_MIRROR=…, or ODOO_SRC=/path/of/odoo.")
