"""Read once by the process that sittings of loops are forked from: what all of them need, and takes long."""

from looping import loop_recipe, workshop_of

workshop_of(loop_recipe())
