"""Stories about the one way out: what is called, how often, what is believed, and what is never said."""
import contextlib
import datetime as dt
import gzip
import ipaddress
import json
import logging
import os
import ssl
import tempfile
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from odoo.tests import BaseCase, tagged
from odoo.tests.common import _super_send

from ..clients.errors import ConfigError, ProtocolError, RateLimited, ReauthRequired, TransientError
from ..clients.http import Answer, Http, parse_json, parse_retry_after, redact, snippet
from ..clients.network import is_public
from .servers.bank import Bank
from .servers.base import Reply, Server
from .servers.keys import new_key, pem
from .servers.kit import NOON, Clock, http_options

try:
    from hypothesis import given, settings
    from hypothesis import strategies as st
except ImportError:
    given = None


class Anything(Server):
    """Answers every call with what it was asked."""

    def route(self, call):
        return Reply(200, {'path': call.path, 'authorization': call.headers.get('authorization')})

    def failure(self, status, code, message):
        return {'error': code}


class HttpCase(BaseCase):
    """A server, a clock, and a session that may call the server."""

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Odoo blocks calls to other names than localhost; ours go to a resolver of the test, never outside."""
        return _super_send(session, request, **kwargs)

    def setUp(self):
        super().setUp()
        self.server = Anything(Bank(NOON.date()))
        self.enterContext(self.server)
        self.clock = Clock()
        self.http = self.session()
        self.addCleanup(lambda: self.assertFalse(self.server.problems))

    def enterContext(self, context):   # Python 3.10 has none
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def session(self, **options):
        return self.enterContext(Http(**http_options(self.clock, **options)))

    def get(self, path='/data', http=None, **kwargs):
        return (http or self.http).request('GET', self.server.url + path, **kwargs)


@tagged('at_install', '-post_install')
class TestRetries(HttpCase):

    def test_a_short_outage_is_not_noticed(self):
        self.server.fail_next(2, 503)
        self.assertEqual(self.get().data['path'], '/data')
        self.assertEqual((self.http.calls, self.clock.slept), (3, [1.0, 2.0]))

    def test_a_long_outage_is_given_up_after_three_attempts(self):
        self.server.fail_next(9, 500)
        with self.assertRaises(TransientError) as caught:
            self.get()
        self.assertEqual((caught.exception.status, self.http.calls), (500, 3))

    def test_what_may_do_something_twice_is_sent_once(self):
        self.server.fail_next(1, 503)
        with self.assertRaises(TransientError):
            self.http.request('POST', self.server.url + '/pay', json={'amount': '1'})
        self.assertEqual(self.http.calls, 1)
        self.server.fail_next(1, 503)
        self.http.request('POST', self.server.url + '/search', json={}, idempotent=True)
        self.assertEqual(self.http.calls, 3)

    def test_what_the_provider_has_a_name_for_is_not_tried_again(self):
        self.server.fail_next(1, 503, code='BANK_DOWN')
        with self.assertRaisesRegex(TransientError, "bank is down"):
            self.get(judge=lambda answer: TransientError("The bank is down."))
        self.assertEqual(self.http.calls, 1)

    def test_a_short_retry_after_is_slept(self):
        self.server.fail_next(1, 429, retry_after=7)
        self.get()
        self.assertEqual(self.clock.slept, [7])

    def test_a_long_retry_after_is_told_and_not_slept(self):
        self.server.fail_next(1, 429, retry_after=3600)
        with self.assertRaises(RateLimited) as caught:
            self.get()
        self.assertEqual(caught.exception.retry_after, NOON + timedelta(hours=1))
        self.assertEqual((self.http.calls, self.clock.slept), (1, []))

    def test_too_many_calls_without_a_time_is_not_tried_again(self):
        self.server.fail_next(1, 429)
        with self.assertRaises(RateLimited) as caught:
            self.get()
        self.assertIsNone(caught.exception.retry_after)
        self.assertEqual(self.http.calls, 1)

    def test_maintenance_until_tomorrow_is_not_waited_for(self):
        self.server.fail_next(1, 503, retry_after=86400)
        with self.assertRaises(TransientError):
            self.get()
        self.assertEqual((self.http.calls, self.clock.slept), (1, []))

    def test_retry_after_is_read_as_seconds_and_as_a_date(self):
        for value, expected in (
            ('120', timedelta(minutes=2)), ('0', timedelta()), (' 5 ', timedelta(seconds=5)),
            ('Tue, 10 Mar 2026 13:00:00 GMT', timedelta(hours=1)), ('Tue, 10 Mar 2026 11:00:00 GMT', timedelta()),
        ):
            self.assertEqual(parse_retry_after(value, NOON), NOON + expected, value)
        for value in ('', None, 'soon', '-3', '99999999999999999999', '2026-03-10', 'Tue, 10 Mar 2099 13:00:00 GMT', '²'):
            self.assertIsNone(parse_retry_after(value, NOON), value)

    def test_pauses_double_and_half_of_them_is_chance(self):
        for chance, pauses in ((0.0, [0.5, 1, 2]), (1.0, [1, 2, 4])):
            http = self.session(jitter=lambda chance=chance: chance)
            self.assertEqual([http._wait(attempt, None, TransientError('')) for attempt in (1, 2, 3)], pauses)

    def test_the_budget_of_time_ends_the_attempts(self):
        http = self.session(budget=2.5, attempts=9)
        self.server.fail_next(9, 500)
        with self.assertRaises(TransientError):
            self.get(http=http)
        self.assertEqual((http.calls, self.clock.slept), (2, [1.0]))

    def test_timeouts_shrink_with_the_budget(self):
        http = self.session(budget=30, connect_timeout=10, read_timeout=60)
        self.assertEqual(http._timeouts(0), (10, 30))
        self.assertEqual(http._timeouts(25), (5, 5))
        self.assertEqual(http._timeouts(99), (1, 1))


@tagged('at_install', '-post_install')
class TestWhatIsBelieved(HttpCase):

    def test_numbers_stay_exact(self):
        self.server.answer_next(b'{"amount": 0.1, "count": 3}')
        self.assertEqual(self.get().data, {'amount': Decimal('0.1'), 'count': 3})

    def test_a_web_page_is_not_bank_data(self):
        self.server.html_next()
        with self.assertRaisesRegex(ProtocolError, "not bank data") as caught:
            self.get()
        self.assertNotIn('doctype', caught.exception.log_line())
        self.assertEqual(self.http.calls, 1)

    def test_a_failure_with_a_web_page_is_still_that_failure(self):
        self.server.answer_next('<html>bad gateway</html>', n=3, status=502)
        with self.assertRaises(TransientError):
            self.get()

    def test_nonsense_is_refused(self):
        for body in (b'', b'{"a": NaN}', b'{"a": 1', b'\xff\xfe{}', b'[' * 100_000):
            self.server.answer_next(body)
            with self.assertRaises(ProtocolError):
                self.get()

    def test_more_than_twenty_megabytes_are_refused(self):
        self.server.huge_next(told=True)
        with self.assertRaisesRegex(ProtocolError, "larger than 20 MB"):
            self.get()
        self.server.huge_next(told=False)
        with self.assertRaisesRegex(ProtocolError, "larger than 20 MB"):
            self.get()

    def test_a_huge_answer_is_refused_before_it_is_read(self):
        self.server.answer_next({}, Content_Length=str(21 * 1024 * 1024))
        with self.assertRaisesRegex(ProtocolError, "larger than 20 MB"):
            self.get()

    def test_a_small_parcel_that_unpacks_to_a_huge_one_is_refused(self):
        bomb = gzip.compress(b'{"pad":"' + b'x' * (21 * 1024 * 1024) + b'"}')
        self.assertLess(len(bomb), 100_000)
        self.server.answer_next(bomb, Content_Encoding='gzip')
        with self.assertRaisesRegex(ProtocolError, "larger than 20 MB"):
            self.get()

    def test_nineteen_megabytes_are_read(self):
        self.server.huge_next(size=19 * 1024 * 1024)
        self.assertEqual(len(self.get().data['pad']), 19 * 1024 * 1024)

    def test_an_answer_that_breaks_off_is_asked_for_again(self):
        self.server.cut_next()
        self.assertEqual(self.get().data['path'], '/data')
        self.assertEqual(self.http.calls, 2)

    def test_an_answer_that_always_breaks_off_is_no_answer(self):
        self.server.cut_next(3)
        with self.assertRaises(TransientError):
            self.get()

    def test_a_silent_server_is_left_after_the_read_timeout(self):
        self.server.slow(20)
        with self.assertRaisesRegex(TransientError, "did not answer in time"):
            self.get(http=self.session(read_timeout=0.2, attempts=1))

    def test_nobody_listens(self):
        url = self.server.url
        self.server.stop()
        with self.assertRaisesRegex(TransientError, "cannot be reached"):
            self.http.request('GET', url)
        self.assertEqual(self.http.calls, 3)

    def test_status_says_what_to_do_next(self):
        for status, kind in ((400, ConfigError), (401, ReauthRequired), (402, ConfigError), (403, ReauthRequired), (404, ConfigError),
                             (418, ProtocolError), (599, TransientError)):
            self.server.fail_next(3, status)
            with self.assertRaises(kind) as caught:
                self.get()
            self.assertEqual(caught.exception.status, status)
            self.server.clear_faults()

    def test_the_providers_name_of_the_call_is_kept(self):
        self.server.answer_next({}, X_Request_Id='abc-123\u00e9 <b>')
        self.assertEqual(self.get().request_id, 'abc-123\u00e9b')

    def test_an_address_must_be_whole(self):
        for url in ('ftp://bank.example/', 'bank.example', 'https://', 'https://user:pass@bank.example/', 'http://[::1', 'file:///etc/passwd'):
            with self.assertRaises(ConfigError):
                self.http.request('GET', url)
        self.assertEqual(self.http.calls, 0)

    def test_json_is_read_strictly(self):
        self.assertEqual(parse_json(b'\xef\xbb\xbf{"a": 1.10}'), {'a': Decimal('1.10')})
        for body in (b'', b'Infinity', b'{"a":1}x'):
            with self.assertRaises(ValueError):
                parse_json(body)


@tagged('at_install', '-post_install')
class TestWhereItGoes(HttpCase):

    def test_a_redirect_is_not_followed(self):
        thief = self.enterContext(Anything(Bank(NOON.date())))
        for status in (301, 302, 303, 307, 308):
            self.server.redirect_next(thief.url + '/steal', status=status)
            with self.assertRaisesRegex(ProtocolError, "points to another address"):
                self.get(auth=('user', 'secret-pass'))
        self.assertEqual(thief.calls, [])

    def test_loopback_is_refused_unless_it_is_allowed(self):
        with self.assertRaisesRegex(ConfigError, "account_online_sync.allowed_networks") as caught:
            self.get(http=Http())
        self.assertEqual((caught.exception.field, self.server.calls), ('url', []))

    def test_a_name_that_leads_inside_is_refused(self):
        for address in ('10.1.2.3', '127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fe80::1', 'fd00:ec2::254', '0.0.0.0'):
            http = Http(resolver=lambda _host, _port, address=address: [address])
            with self.assertRaises(ConfigError):
                http.request('GET', f'https://bank.example:{self.server.port}/')
        self.assertEqual(self.server.calls, [])

    def test_one_private_address_among_public_ones_is_enough_to_refuse(self):
        http = Http(resolver=lambda _host, _port: ['93.184.216.34', '127.0.0.1'])
        with self.assertRaises(ConfigError):
            http.request('GET', f'https://bank.example:{self.server.port}/')

    def test_a_public_address_is_never_called_without_encryption(self):
        http = self.session(resolver=lambda _host, _port: ['93.184.216.34'])
        with self.assertRaisesRegex(ConfigError, "without encryption"):
            http.request('GET', 'http://bank.example/')

    def test_the_checked_address_is_the_called_one(self):
        """A name server that changes its answer (DNS rebinding) is asked once for a connection, and its answer is used."""
        answers = iter([['127.0.0.1'], ['169.254.169.254']])
        http = self.session(resolver=lambda _host, _port: next(answers))
        url = f'http://bank.example:{self.server.port}/data'
        self.assertEqual(http.request('GET', url).data['path'], '/data')
        self.assertEqual(self.server.calls[0].headers['host'], f'bank.example:{self.server.port}')
        self.assertEqual(http.request('GET', url).data['path'], '/data', "the connection stands, nobody is asked again")
        fresh = self.session(resolver=lambda _host, _port: next(answers))
        with self.assertRaises(ConfigError):
            fresh.request('GET', url)

    def test_a_dead_address_does_not_hide_a_living_one(self):
        http = self.session(resolver=lambda _host, _port: ['127.0.0.2', '127.0.0.1'])
        self.assertEqual(http.request('GET', f'http://bank.example:{self.server.port}/').status, 200)

    def test_a_name_nobody_knows(self):
        def resolver(_host, _port):
            raise OSError('no such name')
        with self.assertRaisesRegex(TransientError, "bank.example was not found"):
            self.session(resolver=resolver).request('GET', 'https://bank.example/')

    def test_a_wrong_list_of_networks_is_named(self):
        with self.assertRaisesRegex(ConfigError, "“10.0.0.300/8” is not a network"):
            Http(allowed_networks=['127.0.0.0/8', '10.0.0.300/8'])

    def test_no_proxy_and_no_cookie(self):
        proxy = {'HTTP_PROXY': 'http://127.0.0.1:9', 'http_proxy': 'http://127.0.0.1:9', 'NO_PROXY': '', 'no_proxy': ''}
        with patch.dict(os.environ, proxy):
            self.server.answer_next({}, Set_Cookie='track=me; Path=/')
            self.get()
            self.get()
        self.assertNotIn('cookie', self.server.calls[-1].headers)

    def test_public_and_other_addresses(self):
        public = ('93.184.216.34', '8.8.8.8', '2606:2800:220:1:248:1893:25c8:1946', '64:ff9b::808:808')
        inside = (
            '0.0.0.0', '10.0.0.1', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1',
            '192.0.0.192', '192.168.1.1', '198.18.0.1', '203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16',
            '::', '::1', '::ffff:10.0.0.1', '::ffff:127.0.0.1', '::127.0.0.1', 'fc00::1', 'fe80::1', 'fec0::1', 'ff02::1', 'fd00:ec2::254',
            '2002:7f00:1::', '2002:a00:1::', '64:ff9b::7f00:1', '64:ff9b:1::a00:1', '2001:0:4136:e378:8000:63bf:f5ff:fffe', '2001:db8::1')
        self.assertEqual([a for a in public if not is_public(a)], [])
        self.assertEqual([a for a in inside if is_public(a)], [])

    if given:
        @settings(max_examples=200, deadline=None)
        @given(st.ip_addresses(v=4))
        def test_an_address_is_judged_the_same_however_it_is_wrapped(self, address):
            number = int(address)
            wrapped = (f'::ffff:{address}', str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
                       str(ipaddress.IPv6Address((0x64ff9b << 96) | number)))
            if not is_public(str(address)):
                self.assertFalse([form for form in wrapped if is_public(form)])


@tagged('at_install', '-post_install')
class TestCertificate(HttpCase):
    """The socket goes to the checked address, the certificate must be for the name."""

    def setUp(self):
        super().setUp()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.bundle = self.certificate(folder, 'bank.example')
        self.names = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.bundle)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.server._http.socket = context.wrap_socket(self.server._http.socket, server_side=True)

    def certificate(self, folder, name):
        """A self-signed certificate and its key in one file, made with `cryptography` alone."""
        key, subject = new_key(1), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        built = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
        path = folder / 'both.pem'
        path.write_text(built.public_bytes(serialization.Encoding.PEM).decode() + pem(key))
        return str(path)

    def call(self, name, **options):
        http = self.session(resolver=lambda _host, _port: ['127.0.0.1'], attempts=1, **options)
        return http.request('GET', f'https://{name}:{self.server.port}/data')

    def test_the_name_is_asked_for_and_proved(self):
        self.assertEqual(self.call('bank.example', ca_bundle=self.bundle).data['path'], '/data')
        self.assertEqual(self.names, ['bank.example'])

    def test_another_name_is_not_accepted(self):
        with self.assertRaisesRegex(ConfigError, "certificate is not valid for that name"):
            self.call('thief.example', ca_bundle=self.bundle)
        self.assertEqual(self.server.calls, [])

    def test_an_unknown_authority_is_not_accepted(self):
        with self.assertRaisesRegex(ConfigError, "certificate"):
            self.call('bank.example')


@tagged('at_install', '-post_install')
class TestWhatIsSaid(HttpCase):

    def test_secrets_and_account_numbers_are_masked(self):
        for text, hidden in (
            ('IBAN DE89370400440532013000 refused', '370400440532013000'),
            ('DE89 3704 0044 0532 0130 00', '3704 0044'),
            ('de89370400440532013000', '370400440532'),
            ('FI21-1234-5600-0007-85', '1234-5600'),
            ('card 4111 1111 1111 1111.', '4111 1111'),
            ('card 4111111111111111', '41111111'),
            ('Authorization: Bearer abcdefghijklmnop', 'abcdefghij'),
            ('Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpw'),
            ('https://user:pass@bridge.example/simplefin', 'user:pass'),
            ('eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJ4In0.c2lnbmF0dXJl', 'eyJpc3M'),
            ('-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----', 'MIIEvQ'),
            ('{"access_token": "s3cr3tvalue"}', 's3cr3tvalue'),
            ('GET /back?code=4f1b90a3&state=xyz', '4f1b90a3'),
        ):
            self.assertNotIn(hidden, redact(text))
        self.assertEqual(redact('DE89 3704 0044 0532 0130 00'), 'DE89•••3000')
        self.assertEqual(redact('card 4111 1111 1111 1111.'), 'card •••1111.')

    def test_what_helps_stays_readable(self):
        for text in ('EXPIRED_SESSION: Session 2 of 3 is over', 'From 2026-01-01 to 2026-03-10 12:30', 'HTTP 500 in 1.5 s',
                     'Amount 1234567.89', 'Invoice INV/2026/00042', 'https://bridge.simplefin.org/simplefin/accounts'):
            self.assertEqual(redact(text), text)

    def test_hidden_values_are_found_in_every_form(self):
        self.http.hide(['s3cret/value+1', 'line one of a key\nline two of a key', 'EUR', '', None])
        for text in ('s3cret/value+1', 's3cret%2Fvalue%2B1', 'czNjcmV0L3ZhbHVlKzE=', 'line two of a key'):
            self.assertEqual(self.http.redact(f'a {text} b'), 'a ••• b')
        self.assertEqual(self.http.redact('12 EUR'), '12 EUR')

    def test_a_long_text_is_cut_after_it_was_masked(self):
        text = 'x' * 190 + ' DE89370400440532013000 ' + 'y' * 5000
        self.assertNotIn('370400', snippet(text))
        self.assertEqual(len(snippet(text)), 200)

    def test_no_log_line_and_no_error_shows_a_secret(self):
        """Also at DEBUG, where urllib3 would log the path of every call."""
        secrets = ('claim-0123456789', 'pass-word-1234', 'DE89370400440532013000')
        self.http.hide(secrets[:2])
        with self.assertLogs(level=logging.DEBUG) as logs:
            logging.getLogger('test').debug('something to log')
            for fault in (self.server.cut_next, self.server.html_next, lambda: None,
                          lambda: self.server.answer_next({'error': f'no account {secrets[2]}', 'password': secrets[1]}, status=400)):
                fault()
                with contextlib.suppress(ProtocolError, TransientError, ConfigError):
                    self.get(f'/claim/{secrets[0]}?account={secrets[2]}', auth=('user', secrets[1]))
            self.server.answer_next({'error': f'no account {secrets[2]} for {secrets[0]}'}, status=400)
            with self.assertRaises(ConfigError) as caught:
                self.get(f'/claim/{secrets[0]}')
        told = '\n'.join(logs.output) + caught.exception.log_line() + str(caught.exception)
        self.assertIn('no account DE89•••3000', told)
        self.assertEqual([secret for secret in secrets if secret in told], [])

    def test_an_error_shows_a_beginning_never_a_body(self):
        self.server.answer_next({'rows': ['something'] * 1000}, status=400)
        with self.assertRaises(ConfigError) as caught:
            self.get()
        self.assertLess(len(caught.exception.log_line()), 400)

    def test_sentences_name_the_provider(self):
        self.http.service = 'SimpleFIN'
        self.server.fail_next(3, 500)
        with self.assertRaisesRegex(TransientError, "SimpleFIN has a problem"):
            self.get()

    def test_the_error_of_an_answer_can_be_asked_for(self):
        error = self.http.error(Answer(429, {'Retry-After': '60'}, text=json.dumps({'iban': 'DE89370400440532013000'})))
        self.assertEqual(error.retry_after, NOON + timedelta(minutes=1))
        self.assertNotIn('370400440532', error.detail)

    if given:
        @settings(max_examples=300, deadline=None)
        @given(st.from_regex(r'\A[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z'), st.sampled_from(['', ' ', '-', '\u00a0']),
               st.text(alphabet='ab .,;:"\'()', max_size=10))
        def test_no_iban_is_ever_shown_whole(self, number, separator, around):
            printed = separator.join(number[i:i + 4] for i in range(0, len(number), 4))
            self.assertNotIn(number[4:-4], redact(f'{around} {printed} {around}').replace(separator or '\0', ''))
