"""Measures: from counted facts to figures, pace, forecasts, gaps and the collaboration index. Exact, and pure."""
