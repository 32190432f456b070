"""The configuration of an audit, `auditor.yaml`."""

from auditor.settings.file import Collect, Geoip, Report, Rules, Settings, load

__all__ = ["Collect", "Geoip", "Report", "Rules", "Settings", "load"]
