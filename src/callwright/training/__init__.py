"""Hooks to whoever trains: a version's view goes in, a student comes out. No training algorithm lives here."""
