import datetime as dt

import pytest
from made import demo

from callwright.engine.tools import load_world
from callwright.schemas.tool import MCPBinding, OpenAPIBinding, PythonBinding, WorldBinding
from callwright.toolbox.rehearsal import Rehearsal, can_rehearse
from callwright.worlds import world_class

CLOCK = dt.date(2026, 3, 10)
LIBRARY = load_world("library")
SUGGEST = {"title": "Rope and Salt", "author": "Ada Moss"}
