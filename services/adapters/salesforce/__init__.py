"""Salesforce's Pub/Sub API, as a stream of change events. Needs the extra `salesforce`: load it where it is used."""
