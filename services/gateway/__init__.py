"""The gateway: takes in what CRMs send over HTTP, and acknowledges it once the event log has it."""
