"""Figures: functions of networks and options that return pictures and numbers."""
