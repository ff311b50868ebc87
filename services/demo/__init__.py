"""The demo: a day of two teams, told to Baton as a CRM would tell it, through the same door."""
