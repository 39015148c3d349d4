"""What the stack does not do by itself and mmkd needs of it; applied once, at ``import mmkd``."""
