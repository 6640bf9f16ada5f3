from . import test_architecture
from . import test_bank_feed
from . import test_enable_banking
from . import test_http
from . import test_servers
from . import test_simplefin
