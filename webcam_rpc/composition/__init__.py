"""The composition: which parts there are and what each is given, a module for each of their groups.

Everything here is called once, at the start, by :mod:`webcam_rpc.tap`.
"""
