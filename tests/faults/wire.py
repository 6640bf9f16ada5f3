"""What goes wrong between the bank and us, and with the consent."""
from datetime import timedelta


class WireSteps:
    """Faults of the server. A planned fault falls on the next calls, whichever they are."""

    def step_errors(self):
        status, n = self.random.choice((500, 502, 503, 504, 408)), self.random.choice((1, 1, 2, 3, 7))
        self.server.fail_next(n, status=status)
        self.say('answers', n, 'times', status)

    def step_odd_status(self):
        """Statuses that want something from a person."""
        status = self.random.choice((400, 402, 404, 418, 422))
        self.server.fail_next(1, status=status)
        self.say('answers', status)

    def step_too_many_calls(self):
        day_after_tomorrow = self.bank.today + timedelta(days=2)
        wait = self.random.choice((2, 3600, 40000, None, f'{day_after_tomorrow:%a, %d %b %Y} 08:00:00 GMT'))
        self.server.fail_next(self.random.choice((1, 4)), status=429, retry_after=wait)
        self.say('allows no more calls, wait', wait)

    def step_cut(self):
        n = self.random.choice((1, 3, 4))
        self.server.cut_next(n)
        self.say('cuts off', n, 'answers')

    def step_drop(self):
        n = self.random.choice((1, 3, 4))
        self.server.drop_next(n)
        self.say('hangs up on', n, 'calls')

    def step_html(self):
        self.server.html_next(self.random.choice((1, 2)))
        self.say('answers with a web page')

    def step_huge(self):
        self.server.huge_next(1)
        self.say('answers with 21 MB')

    def step_redirect(self):
        self.server.redirect_next('https://elsewhere.example/', self.random.choice((1, 2)))
        self.say('redirects')

    def step_nonsense(self):
        answers = ({}, [], {'accounts': None}, {'transactions': {}}, {'accounts': [{}], 'balances': [{}]})
        self.server.answer_next(self.random.choice(answers))
        self.say('answers nonsense')

    def step_repeat_token(self):
        self.server.repeat_token()
        self.say('repeats page tokens')

    def step_skip(self):
        """The next fault comes only after some good calls."""
        self.server.skip_next(self.random.randint(1, 3))
        self.say('lets some calls pass')

    def step_clear(self):
        self.server.clear_faults()
        self.say('is well again')

    # -- the consent ------------------------------------------------------------------------------------------------------------------

    def step_consent_ends(self):
        self.server.expire_consent()
        self.say('wants a new sign-in')

    def step_key_revoked(self):
        self.server.revoke_key()
        self.say('revokes the key')

    def step_sign_in(self):
        self.sign_in()

    def step_hide(self):
        account = self.random.choice(self.bank.accounts)
        account.hidden = True
        self.say('hides', account)

    def step_show(self):
        for account in self.bank.accounts:
            account.hidden = False
        self.say('shows all accounts')

    def step_account_error(self):
        self.provider.account_error(self)

    def step_calls_a_day(self):
        self.provider.limit_calls(self, self.random.choice((0, 1, 3)))
        self.say('limits calls a day')
