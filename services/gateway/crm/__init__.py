"""One pure module per CRM: an item of its payload in, canonical events out. No I/O, no clock, no HTTP."""
