from . import online_sync_connect
