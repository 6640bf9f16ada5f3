"""The two providers, as far as a story must know them apart."""
from ..servers.enable_banking import EnableBankingServer
from ..servers.simplefin import SimpleFinServer

BACK = 'https://books.example/online_sync/return'


class SimpleFinSide:
    """A setup token is pasted; one answer holds all accounts; no pages within 90 days."""

    code = 'simplefin'
    ids = ('real', 'positional')
    accounts = ({'name': 'Checking', 'iban': 'DE89370400440532013000', 'currency': 'EUR'}, {'name': 'Savings', 'currency': 'USD'})

    @staticmethod
    def serve(bank):
        return SimpleFinServer(bank, reusable_token=True)

    @staticmethod
    def sign_in(env, link_id, server):
        server.renew_consent()
        env['online.sync.link'].browse(link_id)._sign_in({'setup_token': server.new_token()}, return_url='')

    @staticmethod
    def account_error(story):
        """The provider could not read an account, or not all of it."""
        account = story.random.choice(story.bank.accounts)
        story.server.account_error(account)
        story.say('reads', account, 'only in part')

    @staticmethod
    def limit_calls(story, calls):
        story.server.daily_limit = calls and calls * 2

    @staticmethod
    def heal(server):
        server.daily_limit = 0

    @staticmethod
    def settle_statuses(story):
        """Booked or pending: there is nothing else."""

    @staticmethod
    def secrets(server):
        return [server.password, server.access_url, server.setup_token, server.claim_code]


class EnableBankingSide:
    """The user goes to the bank and comes back; an answer is a page of one account; ids may be none at all."""

    code = 'enable_banking'
    ids = ('real', 'positional', 'none')
    accounts = ({'name': 'Current', 'iban': 'DE89370400440532013000', 'currency': 'EUR', 'holder': 'Birch GmbH'},
                {'name': 'Reserve', 'iban': 'DE02120300000000202051', 'currency': 'EUR', 'kind': 'savings'})

    @staticmethod
    def serve(bank):
        return EnableBankingServer(bank)

    @staticmethod
    def sign_in(env, link_id, server):
        """Start, the bank's own page, and back again with the code."""
        server.key_revoked = False
        link = env['online.sync.link'].browse(link_id)
        link.write({'api_url': server.url, 'institution_code': f'{server.bank.country}:{server.bank.name}'})
        given = {'application_id': server.application_id, 'private_key': server.private_key}
        link._come_back(server.allow(link._sign_in(given, BACK)))

    @staticmethod
    def account_error(story):
        """The bank gives a movement a status that says nothing, or sends one that makes no sense."""
        movement = story.some(story.random.choice(story.bank.accounts))
        if movement and story.random.random() < 0.5:
            movement.status = 'OTHR'
            story.say('spoils the status of', movement)
        else:
            story.server.answer_next({'transactions': [{'status': 'BOOK', 'credit_debit_indicator': 'DBIT'}], 'continuation_key': None})
            story.say('sends a movement without an amount')

    @staticmethod
    def limit_calls(story, calls):
        story.server.unattended_limit = calls

    @staticmethod
    def heal(server):
        server.unattended_limit = 0
        EnableBankingSide._settle_statuses(server.bank, 0)

    @staticmethod
    def settle_statuses(story):
        """No bank leaves a movement without a status for longer than anybody looks for a pending one."""
        EnableBankingSide._settle_statuses(story.bank, 20)

    @staticmethod
    def _settle_statuses(bank, days):
        for account in bank.accounts:
            for movement in account.movements:
                if movement.day <= bank.days_ago(days):
                    movement.status = ''

    @staticmethod
    def secrets(server):
        tokens = {call.headers[name] for call in server.calls for name in call.headers if name == 'authorization'}
        codes = [authorization.code for authorization in server.authorizations.values() if authorization.code]
        key_lines = [line for line in server.private_key.splitlines() if len(line) > 30]
        return [*tokens, *(token.removeprefix('Bearer ') for token in tokens), *codes, *server.sessions, *key_lines]
