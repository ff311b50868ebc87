"""The composition root: builds everything from the settings, for each mode. The only importer of adapters."""
