"""Decisions about poolings: kinds, rules, selection, plan, report. They know neither models nor graphs."""
