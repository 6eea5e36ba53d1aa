"""The root host: front page, signing in and out, account pages. A Flask application of its own."""
