"""Telling people what happens: which events go to whom by what, and what became of it.

An event is written down once for each route that wants it, and sent from there; what does not
arrive is tried again later. Nothing here fails what it tells of.
"""
