"""Changes to the stack that mmkd needs, applied once, at ``import mmkd``."""
