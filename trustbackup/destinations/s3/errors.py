"""What S3 servers and boto3 say, as one sentence: the thing, the cause, the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.http_limits import Refused
from trustbackup.destinations.s3.config import S3Config
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined


class Cause(NamedTuple):
    why: str
    todo: str
    permanent: bool = True


_LATER = _("Try again later.")
_KEYS = _(
    "Enter the access key and the secret key of this service again, then test the connection."
)
_REGION = _("Set the region in which the bucket was made.")
_OTHER_REGION = Cause(_("the bucket is in another region"), _REGION)
_CODES = {
    "NoSuchBucket": Cause(
        _("there is no bucket %(bucket)r"), _("Create it, or correct its name or the endpoint.")
    ),
    "InvalidBucketName": Cause(
        _("%(bucket)r is no bucket's name"), _("Correct the bucket's name.")
    ),
    "NoSuchKey": Cause(_("it is not there"), _("List what is there, then choose another.")),
    "AccessDenied": Cause(
        _("these credentials may not do that"),
        _("Give them the right to list the bucket and to read and write its objects."),
    ),
    "InvalidAccessKeyId": Cause(_("the access key is unknown there, or revoked"), _KEYS),
    "SignatureDoesNotMatch": Cause(
        _("the secret key does not belong to the access key, or one of them is revoked"), _KEYS
    ),
    "InvalidToken": Cause(_("the session token is not valid"), _KEYS),
    "ExpiredToken": Cause(_("the session token has expired"), _KEYS),
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "PermanentRedirect": _OTHER_REGION,
    "IllegalLocationConstraintException": Cause(_("the bucket is in another region"), _REGION),
    "RequestTimeTooSkewed": Cause(
        _("this machine's clock differs too much from the server's"),
        _("Set the clock, then try again."),
    ),
    "InvalidObjectState": Cause(
        _("it lies in an archive and can't be read at once"),
        _("Restore it in the service first, and choose a storage class that is read at once."),
    ),
    "ObjectLockConfigurationNotFoundError": Cause(
        _("Object Lock is not enabled for it"),
        _("Enable it there, which most services do only for a new bucket, or choose no lock."),
    ),
    "NotImplemented": Cause(_("the server does not know this"), _("Do without it.")),
    "BadDigest": Cause(
        _("what arrived is not what was sent: it changed on the way, and was refused"),
        _("Try again; if it happens once more, check the network between."),
        permanent=False,
    ),
    "QuotaExceeded": Cause(
        _("there is no space left"), _("Free some space there, or raise the quota.")
    ),
    "SlowDown": Cause(_("the server is overloaded"), _LATER, permanent=False),
    "InternalError": Cause(_("the server has a fault of its own"), _LATER, permanent=False),
    "RequestTimeout": Cause(_("the data came too slowly for the server"), _LATER, permanent=False),
}
_SAME = {
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
    _("what answers there does not speak the language of S3"),
    _("Check the endpoint: it is the service's address for programs, not that of its pages."),
)
_WANTS_TLS = Cause(
    _("the server does not answer without TLS"),
    _("Write https:// before the host, or check the port."),
)
_MAY_NOT_DELETE = Cause(
    _("these credentials may not delete, or the object is locked"),
    _("Give them the right to delete there, or do without."),
)
_LONGEST = 200
"""Characters of a server's own words."""


@contextmanager
def to_destination_error(what: str, config: S3Config, *, deletes: bool = False) -> Iterator[None]:
    """Turn what boto3 raises into a DestinationError that begins with ``what``.

    With ``deletes`` that right is the one that is missing where access is denied.
    """
    try:
        yield
    except Refused as refused:
        raise _error(what, _of_ours(refused.error)) from refused
    except botocore.ClientError as error:
        raise _error(what, _of_server(error.response, config, deletes=deletes)) from error
    except (ResponseParserError, RecursionError) as error:
        # RecursionError: botocore follows a server that redirects for ever.
        raise no_s3(what) from error
    except botocore.BotoCoreError as error:
        raise _error(what, _of_client(error, config)) from error


def no_s3(what: str) -> DestinationError:
    """The error when an answer is none that an S3 server gives."""
    return _error(what, _NO_SERVER)


def no_lock(what: str) -> DestinationError:
    """The error when a server does not lock what it was asked to lock."""
    return DestinationError(
        what,
        why=_("the server does not tell that the object is locked, so anybody may delete it there"),
        todo=_(
            "Enable Object Lock for the bucket and allow these credentials to read retention "
            "(s3:GetObjectRetention), or choose no lock."
        ),
        permanent=True,
    )


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
    why = joined([error.what, error.why], ": ") if error.why else error.what
    return Cause(why, error.todo, error.permanent)


def _of_server(response: dict[str, Any], config: S3Config, *, deletes: bool) -> Cause:
    details = response.get("Error", {})
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode") or 0)
    code = str(details.get("Code") or status)
    if code == "InvalidRequest" and "objectlock" in _letters(details):
        code = "ObjectLockConfigurationNotFoundError"
    cause = (
        _without_document(code, config)
        or _CODES.get(_SAME.get(code, code))
        or _CODES.get(_SAME.get(str(status), ""))
    )
    if deletes and cause is _CODES["AccessDenied"]:
        return _MAY_NOT_DELETE
    if cause is not None and not (cause.permanent and status >= 500 and status != 507):
        region = details.get("Region") or meta.get("HTTPHeaders", {}).get("x-amz-bucket-region")
        if region and cause is _OTHER_REGION:
            why = _("the bucket is in another region, %(region)s", region=region)
            cause = cause._replace(why=why)
        if region and cause.todo == _REGION:
            cause = cause._replace(todo=_("Set the region to %(region)s.", region=region))
        if "%(bucket)r" in cause.why:
            cause = cause._replace(why=_(cause.why, bucket=config.bucket))
        return cause
    said = " ".join(str(details.get("Message") or "").split())[:_LONGEST].rstrip(".")
    why = _("the server says %(code)s", code=code)
    if said and said != code:
        why = _("the server says %(code)s (%(said)s)", code=code, said=said)
    if status >= 500 and status != 501:
        return Cause(why, _LATER, permanent=False)
    return Cause(why, _("Check the destination's settings against what the service offers."))


def _letters(details: dict[str, Any]) -> str:
    """What a server says, without case and spaces: each writes it in its own way."""
    return str(details.get("Message")).lower().replace(" ", "")


def _without_document(code: str, config: S3Config) -> Cause | None:
    """What an answer is that has a status only: an S3 server says what is wrong in a document."""
    if code == "400" and config.endpoint.startswith("http://"):
        return _WANTS_TLS
    return _NO_SERVER if code == "404" else None


def _of_client(error: Exception, config: S3Config) -> Cause:
    inner = getattr(error, "kwargs", {}).get("error")
    if isinstance(inner, TrustbackupError):
        return _of_ours(inner)
    match error:
        case botocore.PartialCredentialsError():
            return Cause(_("only a part of the credentials is there"), _KEYS)
        case botocore.NoCredentialsError() | botocore.CredentialRetrievalError():
            return Cause(
                _("there are no credentials"),
                _(
                    "Give an access key and a secret key, or set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY."
                ),
            )
        case botocore.SSLError():
            return _of_tls(inner)
        case botocore.ConnectTimeoutError() | botocore.ReadTimeoutError():
            return Cause(_silence(error, config), _LATER, permanent=False)
        case botocore.ProxyConnectionError():
            return Cause(
                _("the proxy was not reached"),
                _("Check HTTPS_PROXY and NO_PROXY."),
                permanent=False,
            )
        case botocore.ParamValidationError() | botocore.InvalidRegionError():
            return Cause(
                _("a setting of it is not valid"), _("Check the bucket, region and prefix.")
            )
        case botocore.HTTPClientError() | botocore.IncompleteReadError():
            return _of_cut(inner, config)
    said = " ".join(str(error).split())[:_LONGEST].rstrip(".")
    return Cause(said, _("Check the destination's settings, then try again."))


def _of_cut(inner: object, config: S3Config) -> Cause:
    todo = _("Check the network between.")
    if config.endpoint.startswith("http://"):
        if "BadStatusLine" in repr(inner):
            return _WANTS_TLS
        todo = _(
            "Check the network between; if the server wants TLS, write https:// before the host."
        )
    return Cause(_("the connection was cut"), todo, permanent=False)


def _of_tls(inner: object) -> Cause:
    if "WRONG_VERSION_NUMBER" in str(inner):
        return Cause(
            _("the server does not speak TLS"),
            _("Check the port; if it is meant to be without TLS, write http:// before the host."),
        )
    if "Errno 2]" in str(inner) or "invalid path" in str(inner):
        return Cause(
            _("the file with certificates that AWS_CA_BUNDLE names is not there"),
            _("Correct AWS_CA_BUNDLE (or ca_bundle in boto3's configuration), or unset it."),
        )
    return Cause(
        _("the server's certificate is not trusted (%(reason)s)", reason=_reason(inner)),
        _(
            "Check the endpoint; if the certificate is signed by an authority of your own, "
            "name that one's file in AWS_CA_BUNDLE."
        ),
    )


def _silence(error: Exception, config: S3Config) -> str:
    if isinstance(error, botocore.ConnectTimeoutError):
        limit = config.connect_timeout
        return _("the server did not answer within %(timeout)g seconds", timeout=limit)
    return _("the server did not answer in time")


def _reason(error: object) -> str:
    """The last part of what OpenSSL says: "self-signed certificate"."""
    text = " ".join(str(error).split())
    for mark in ("certificate verify failed: ", "[SSL: "):
        text = text.partition(mark)[2] or text
    said = text.split("(")[0].split("]")[0].strip().rstrip(".'\"")[:_LONGEST]
    return said or _("bad certificate")
