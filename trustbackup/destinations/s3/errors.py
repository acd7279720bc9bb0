"""What S3 servers and boto3 say, as one sentence: the thing, the cause, the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.client import Refused
from trustbackup.destinations.s3.config import S3Config
from trustbackup.exceptions import TrustbackupError


class Cause(NamedTuple):
    why: str
    todo: str
    permanent: bool = True


_LATER = "Try again later."
_KEYS = "Enter the access key and the secret key of this service again, then test the connection."
_REGION = "Set the region in which the bucket was made."
_CODES = {
    "NoSuchBucket": Cause(
        "there is no bucket {bucket!r}", "Create it, or correct its name or the endpoint."
    ),
    "InvalidBucketName": Cause("{bucket!r} is no bucket's name", "Correct the bucket's name."),
    "NoSuchKey": Cause("it is not there", "List what is there, then choose another."),
    "AccessDenied": Cause(
        "these credentials may not do that",
        "Give them the right to list the bucket and to read and write its objects.",
    ),
    "InvalidAccessKeyId": Cause("the access key is unknown there, or revoked", _KEYS),
    "SignatureDoesNotMatch": Cause(
        "the secret key does not belong to the access key, or one of them is revoked", _KEYS
    ),
    "InvalidToken": Cause("the session token is not valid", _KEYS),
    "ExpiredToken": Cause("the session token has expired", _KEYS),
    "AuthorizationHeaderMalformed": Cause("the bucket is in another region{region}", _REGION),
    "PermanentRedirect": Cause("the bucket is in another region{region}", _REGION),
    "IllegalLocationConstraintException": Cause("the bucket is in another region", _REGION),
    "RequestTimeTooSkewed": Cause(
        "this machine's clock differs too much from the server's", "Set the clock, then try again."
    ),
    "InvalidObjectState": Cause(
        "it lies in an archive and can't be read at once",
        "Restore it in the service first, and choose a storage class that is read at once.",
    ),
    "ObjectLockConfigurationNotFoundError": Cause(
        "Object Lock is not enabled for it",
        "Enable it there, which most services do only for a new bucket, or choose no lock.",
    ),
    "NotImplemented": Cause("the server does not know this", "Do without it."),
    "BadDigest": Cause(
        "what arrived is not what was sent: it changed on the way, and was refused",
        "Try again; if it happens once more, check the network between.",
        permanent=False,
    ),
    "QuotaExceeded": Cause("there is no space left", "Free some space there, or raise the quota."),
    "SlowDown": Cause("the server is overloaded", _LATER, permanent=False),
    "InternalError": Cause("the server has a fault of its own", _LATER, permanent=False),
    "RequestTimeout": Cause("the data came too slowly for the server", _LATER, permanent=False),
}
_SAME = {
    "404": "NoSuchKey",
    "403": "AccessDenied",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "InvalidSecurity": "SignatureDoesNotMatch",
    "TokenRefreshRequired": "ExpiredToken",
    "301": "PermanentRedirect",
    "InvalidDigest": "BadDigest",
    "XAmzContentSHA256Mismatch": "BadDigest",
    "XAmzContentChecksumMismatch": "BadDigest",
    "ServiceUnavailable": "SlowDown",
    "TooManyRequests": "SlowDown",
    "RequestLimitExceeded": "SlowDown",
    "429": "SlowDown",
    "503": "SlowDown",
    "InsufficientStorage": "QuotaExceeded",
    "InsufficientCapacity": "QuotaExceeded",
    "XMinioStorageFull": "QuotaExceeded",
    "EntityTooLarge": "QuotaExceeded",
    "507": "QuotaExceeded",
}
_NO_SERVER = Cause(
    "what answers there does not speak the language of S3",
    "Check the endpoint: it is the service's address for programs, not that of its pages.",
)
_LONGEST = 200
"""Characters of a server's own words."""


@contextmanager
def explained(what: str, config: S3Config, right: str = "") -> Iterator[None]:
    """Turn what boto3 raises into a DestinationError that begins with ``what``.

    ``right`` is the one that is missing where access is denied, if only one can be.
    """
    try:
        yield
    except Refused as refused:
        raise _error(what, _of_ours(refused.error)) from refused
    except botocore.ClientError as error:
        raise _error(what, _of_server(error.response, config, right)) from error
    except (ResponseParserError, RecursionError) as error:
        # RecursionError: botocore follows a server that redirects for ever.
        raise no_s3(what) from error
    except botocore.BotoCoreError as error:
        raise _error(what, _of_client(error, config)) from error


def no_s3(what: str) -> DestinationError:
    """The error when an answer is none that an S3 server gives."""
    return _error(what, _NO_SERVER)


def code_of(error: BaseException) -> str:
    """The error code that the server gave; "" when it did not answer."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def status_of(error: BaseException) -> int:
    """The HTTP status that the server answered with; 0 when it did not answer."""
    response = getattr(error, "response", None)
    meta = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(meta.get("HTTPStatusCode") or 0)


def _error(what: str, cause: Cause) -> DestinationError:
    return DestinationError(what, why=cause.why, todo=cause.todo, permanent=cause.permanent)


def _of_ours(error: TrustbackupError) -> Cause:
    why = f"{error.what}: {error.why}" if error.why else error.what
    return Cause(why, error.todo, error.permanent)


def _of_server(response: dict[str, Any], config: S3Config, right: str) -> Cause:
    details = response.get("Error", {})
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode") or 0)
    code = str(details.get("Code") or status)
    cause = _CODES.get(_SAME.get(code, code)) or _CODES.get(_SAME.get(str(status), ""))
    if right and cause is _CODES["AccessDenied"]:
        todo = f"Give them the right to {right} there, or do without."
        return Cause(f"these credentials may not {right}, or the object is locked", todo)
    if cause is not None and not (cause.permanent and status >= 500 and status != 507):
        region = details.get("Region") or meta.get("HTTPHeaders", {}).get("x-amz-bucket-region")
        named = f", {region}" if region else ""
        todo = f"Set the region to {region}." if region and cause.todo == _REGION else cause.todo
        return cause._replace(why=cause.why.format(bucket=config.bucket, region=named), todo=todo)
    said = " ".join(str(details.get("Message") or "").split())[:_LONGEST].rstrip(".")
    why = f"the server says {code}" + (f" ({said})" if said and said != code else "")
    if status >= 500 and status != 501:
        return Cause(why, _LATER, permanent=False)
    return Cause(why, "Check the destination's settings against what the service offers.")


def _of_client(error: Exception, config: S3Config) -> Cause:
    inner = getattr(error, "kwargs", {}).get("error")
    if isinstance(inner, TrustbackupError):
        return _of_ours(inner)
    match error:
        case botocore.PartialCredentialsError():
            return Cause("only a part of the credentials is there", _KEYS)
        case botocore.NoCredentialsError() | botocore.CredentialRetrievalError():
            return Cause(
                "there are no credentials",
                "Give an access key and a secret key, or set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY.",
            )
        case botocore.SSLError() if "WRONG_VERSION_NUMBER" in str(inner):
            return Cause(
                "the server does not speak TLS",
                "Check the port; if it is meant to be without TLS, write http:// before the host.",
            )
        case botocore.SSLError():
            return Cause(
                f"the server's certificate is not trusted ({_reason(inner)})",
                "Check the endpoint; if the certificate is signed by an authority of your own, "
                "name that one's file in AWS_CA_BUNDLE.",
            )
        case botocore.ConnectTimeoutError() | botocore.ReadTimeoutError():
            limit = config.connect_timeout if "Connect" in type(error).__name__ else None
            within = f" within {limit:g} seconds" if limit else " in time"
            return Cause(f"the server did not answer{within}", _LATER, permanent=False)
        case botocore.ProxyConnectionError():
            return Cause(
                "the proxy was not reached", "Check HTTPS_PROXY and NO_PROXY.", permanent=False
            )
        case botocore.ParamValidationError() | botocore.InvalidRegionError():
            return Cause("a setting of it is not valid", "Check the bucket, region and prefix.")
        case botocore.HTTPClientError() | botocore.IncompleteReadError():
            return Cause("the connection was cut", "Check the network between.", permanent=False)
    said = " ".join(str(error).split())[:_LONGEST].rstrip(".")
    return Cause(said, "Check the destination's settings, then try again.", permanent=False)


def _reason(error: object) -> str:
    """The last part of what OpenSSL says: "self-signed certificate"."""
    text = " ".join(str(error).split())
    for mark in ("certificate verify failed: ", "[SSL: "):
        text = text.partition(mark)[2] or text
    return text.split("(")[0].split("]")[0].strip().rstrip(".'\"")[:_LONGEST] or "bad certificate"
