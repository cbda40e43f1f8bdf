"""Lunas: takes money for online courses and makes sure that whoever paid is enrolled."""
