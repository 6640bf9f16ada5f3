"""Nothing secret in any log, and no error that the addon swallowed."""
import logging
from contextlib import contextmanager

LOGGERS = ('odoo.addons.account_online_sync', 'urllib3', 'requests')


class Watch(logging.Handler):
    """Keeps every record, as text, of the loggers that may speak about a call."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.said: list[str] = []
        self.errors: list[str] = []
        self.setFormatter(logging.Formatter('%(name)s %(levelname)s %(message)s'))

    def emit(self, record):
        text = self.format(record)
        self.said.append(text)
        if record.levelno >= logging.ERROR:
            self.errors.append(text)

    @contextmanager
    def listening(self):
        """Listen at DEBUG, whatever the server's own level is; the server's log does not see more than before."""
        loggers = [logging.getLogger(name) for name in LOGGERS]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.addHandler(self)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
        try:
            yield self
        finally:
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.removeHandler(self)
                logger.setLevel(level)
                logger.propagate = propagate


def found(secrets, texts):
    """The secrets that stand in one of the texts, each with the text."""
    return [(secret, text) for text in texts for secret in secrets if secret in text]
