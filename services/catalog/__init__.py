"""The catalog service: takes uploads and owns the catalog."""
