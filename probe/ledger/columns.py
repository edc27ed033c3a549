"""How moments, durations, words and text lie in the database: as portable numbers and strings."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator

from probe.model.slots import EPOCH

_MICROSECOND = timedelta(microseconds=1)

Word_ = TypeVar("Word_", bound=StrEnum)


def microseconds(duration: timedelta) -> int:
    """Return a duration as a number of microseconds."""
    return duration // _MICROSECOND


def duration(microseconds: int) -> timedelta:
    """Return a number of microseconds as a duration."""
    return timedelta(microseconds=microseconds)


def since_epoch(at: datetime) -> int:
    """Return a moment as a number of microseconds since 1970."""
    return microseconds(at - EPOCH)


def moment(microseconds: int) -> datetime:
    """Return a number of microseconds since 1970 as a moment in UTC."""
    return EPOCH + duration(microseconds)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970 in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn a moment into its number."""
        return None if value is None else since_epoch(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Turn a number into its moment."""
        return None if value is None else moment(value)


class Duration(TypeDecorator[timedelta]):
    """A length of time, kept as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """Turn a duration into its number."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> timedelta | None:
        """Turn a number into its duration."""
        return None if value is None else duration(value)


class Word(TypeDecorator[Word_], Generic[Word_]):
    """A member of a closed set, kept as its word."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[Word_]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: Word_ | None, dialect: Dialect) -> str | None:
        """Turn a member into its word."""
        return None if value is None else value.value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Word_ | None:
        """Turn a word into its member."""
        return None if value is None else self.words(value)


class Prose(TypeDecorator[str]):
    """Text that may quote a server: what a database would refuse is escaped, so that no server can stop the ledger."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape lone surrogates and NUL."""
        if value is None:
            return None
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Filled(Prose):
    """Text that may be missing, in a column that admits no NULL: then it is empty."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write an empty text for one that is missing."""
        return super().process_bind_param(value or "", dialect)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Read an empty text as one that is missing."""
        return value or None
