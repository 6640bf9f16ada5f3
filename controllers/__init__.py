from . import main
from . import wake
