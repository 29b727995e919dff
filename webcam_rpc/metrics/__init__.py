"""The figures of the service, for Prometheus and for ``get_metrics``: counted plainly, put together when asked for."""
