"""How the admin writes dates and times, by language: to the second, and with their zone."""
