"""Teacher store: the outputs of teachers, computed once and kept on a disk."""

from mmkd.store.manifest import Manifest, StoreError
from mmkd.store.shards import Shards, verify_store
from mmkd.store.store import Store
from mmkd.store.stored_teacher import StoredTeacher

__all__ = ["Manifest", "Shards", "Store", "StoreError", "StoredTeacher", "verify_store"]
