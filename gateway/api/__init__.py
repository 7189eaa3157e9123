"""Pages and API: what people and programs see of the gateway, and where their commands come in (DESIGN 4.4)."""
