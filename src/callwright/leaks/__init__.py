"""Whether rows repeat a benchmark or a test set: exactly, with other names, in other words, or by descent."""

from callwright.leaks.finding import Leak, Protected
from callwright.leaks.items import Call, Item, ToolDoc
from callwright.leaks.reading import read_items

__all__ = ["Call", "Item", "Leak", "Protected", "ToolDoc", "read_items"]
