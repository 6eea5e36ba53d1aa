"""Pages of one wiki as every door gets them: no Flask, no MCP, no tenants below this package."""
