"""Judges one history under two charters, side by side: what would another promise have meant?"""
