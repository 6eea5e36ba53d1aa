"""What each route does: ask the page service, and put its answer into words of the API."""
