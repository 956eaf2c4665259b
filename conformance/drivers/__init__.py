"""Drivers make things happen, through the one transport. None of them decides anything."""
