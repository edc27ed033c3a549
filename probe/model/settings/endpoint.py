"""How an address and a port are written."""


def written(host: str, port: int) -> str:
    """Write them as people do, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
