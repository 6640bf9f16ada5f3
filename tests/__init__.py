from . import test_architecture
from . import test_bank_feed
