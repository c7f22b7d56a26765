"""A second invented service, whose customs were written down without the simulator's."""
