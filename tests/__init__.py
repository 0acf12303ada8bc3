"""The tests mirror the modules: tests/grid/test_cycle.py proves actors/grid/cycle.py, and so on."""
