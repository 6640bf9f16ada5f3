from . import online_sync_connect
from . import online_sync_decide
