"""Configs of other toolboxes as configs of mmkd."""

from mmkd.migration.mmrazor import Conversion, convert
from mmkd.migration.report import NotConvertibleError

__all__ = ["Conversion", "NotConvertibleError", "convert"]
