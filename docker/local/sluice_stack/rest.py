"""One HTTP request with a time limit; nothing of the machine's proxy settings."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def request(method: str, url: str, body: Any = None, timeout: float = 10.0) -> tuple[int, str]:
    """Status and text of the answer. Raises OSError if there was none."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with _OPENER.open(asked, timeout=timeout) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (ValueError, http.client.HTTPException) as error:
        raise OSError(f"no HTTP answer from {url}: {error}") from error
