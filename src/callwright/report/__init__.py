"""`callwright report`: one HTML file that shows a version, or two of them side by side."""

from callwright.report.page import REPORT_FILE, ReportError, write_report

__all__ = ["REPORT_FILE", "ReportError", "write_report"]
