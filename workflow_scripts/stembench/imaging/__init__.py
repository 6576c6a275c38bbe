"""Electron probes and forward models from columns to images."""
