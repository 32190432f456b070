"""A bucket on loopback: a folder, served as S3 serves objects, for reading only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

KEY, SECRET, BUCKET = "EXAMPLEKEYID", "example-secret-of-nobody", "evidence"
_PAGE = 50


@dataclass
class Bucket:
    """`folder` holds the objects by their keys; `asked` is what was asked for, in order.

    Objects whose keys begin as one of `kept` are refused.
    """

    folder: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    kept: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What the clients read their way and their credentials from."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }

    def __call__(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        if f"Credential={KEY}/" not in request.headers.get("Authorization", ""):
            return _error(403, "InvalidAccessKeyId")
        if request.method not in {"GET", "HEAD"}:
            return _error(403, "AccessDenied")
        name, _, key = request.path.lstrip("/").partition("/")
        if name != BUCKET:
            return _error(404, "NoSuchBucket")
        if not key:
            return self._listing(request)
        if key.startswith(self.kept):
            return _error(403, "AccessDenied")
        path = self.folder / key
        return self._object(request, path) if path.is_file() else _error(404, "NoSuchKey")

    def _object(self, request: Request, path: Path) -> Response:
        content = path.read_bytes()
        answer = Response(content, mimetype="application/octet-stream")
        answer.headers["ETag"] = f'"{sha256(content).hexdigest()[:32]}"'
        answer.headers["Last-Modified"] = format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True)
        return answer.make_conditional(request, accept_ranges=True, complete_length=len(content))

    def _listing(self, request: Request) -> Response:
        prefix, delimiter = request.args.get("prefix", ""), request.args.get("delimiter", "")
        after = request.args.get("continuation-token") or request.args.get("start-after", "")
        most = min(int(request.args.get("max-keys", _PAGE)), _PAGE)
        keys = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        found: dict[str, bool] = {}
        for key in keys:
            if key.startswith(prefix):
                head, divider, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                found[prefix + head + divider if divider else key] = bool(divider)
        names = [name for name in sorted(found) if name > after]
        shown = names[:most]
        lines = [
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" if found[name] else self._line(name)
            for name in shown
        ]
        more = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if len(names) > most else ""
        whole = (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(shown)}</KeyCount>"
            f"<MaxKeys>{most}</MaxKeys><IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}"
            f"{''.join(lines)}</ListBucketResult>"
        )
        return Response(whole, mimetype="application/xml")

    def _line(self, key: str) -> str:
        size = (self.folder / key).stat().st_size
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"0"</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>'
        )


def _error(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code><Message>no</Message></Error>", status, mimetype="application/xml")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        pass


@contextmanager
def served(folder: Path) -> Iterator[Bucket]:
    """The folder as a bucket, until the block ends."""
    bucket = Bucket(folder)
    server = make_server("127.0.0.1", 0, Request.application(bucket), threaded=True, request_handler=_Quiet)
    bucket.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
