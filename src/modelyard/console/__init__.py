"""The door for people: `/console`, pages that a browser shows, behind a sign-in of their own."""
