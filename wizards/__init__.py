from . import base_partner_merge
from . import online_sync_add
from . import online_sync_connect
from . import online_sync_decide
from . import online_sync_dry_run
from . import online_sync_dry_run_effect
from . import online_sync_pair
from . import online_sync_pairing
