"""Exactly one reply leaves, and every lost answer is settled by reading."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collectors.base import Build
from collectors.http import Pacer, build_client
from collectors.storefront import SPEC
from demo.content import Article
from demo.storefront import Storefront
from domain.brands import Account
from domain.errors import (
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import FeedbackKind, LengthUnit, ReplyRules, ReplyTarget
from responders.publishers import PUBLISHERS
from responders.publishers.base import refuse_unfit
from responders.publishers.storefront import parse_replies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from responders.publishers.base import Publisher

pytestmark = pytest.mark.enable_socket

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = "storefront-key"
TARGET = ReplyTarget("7", FeedbackKind.REVIEW, {})
REPLY = "죄송합니다 <b>고객님</b> 😢\n바로 교환해 드리겠습니다."


@pytest.fixture
def shop() -> Iterator[Storefront]:
    article = Article(
        shop="saebyeok",
        no=7,
        kind=FeedbackKind.REVIEW,
        written_at=NOW - timedelta(hours=1),
        author="김**",
        text="깨졌어요",
        title="후기",
        rating=1,
    )
    front = Storefront([article], api_key=KEY, clock=lambda: NOW)
    yield front
    front.stop()


class NoTokens:
    """This channel has none."""

    def load(self, account_key: str) -> Mapping[str, str]:
        raise NotImplementedError(account_key)

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        raise NotImplementedError(account_key)

    def exclusive(self, account_key: str) -> AbstractContextManager[None]:
        raise NotImplementedError(account_key)


MakePublisher = Callable[..., "Publisher"]


@pytest.fixture
def make_publisher() -> Iterator[MakePublisher]:
    with ExitStack() as clients:

        def make(url: str, key: str = KEY) -> Publisher:
            account = Account(
                "saebyeok",
                "shop",
                "storefront",
                credentials={"api_key": key},
                options={"base_url": f"{url}/saebyeok", "writer": "새벽나무 고객지원팀"},
                writable=True,
            )
            client = clients.enter_context(
                build_client(account, SPEC, pacer=Pacer(), clock=lambda: NOW, allow_private=True)
            )
            build = Build(account, client, lambda: NOW, NoTokens())
            return PUBLISHERS["storefront"].load().build(build)

        yield make


@pytest.fixture
def publisher(shop: Storefront, make_publisher: MakePublisher) -> Publisher:
    return make_publisher(shop.start(port=0))


def test_a_reply_is_stored_once_exactly_as_approved(shop: Storefront, publisher: Publisher) -> None:
    stored = publisher.publish(TARGET, REPLY)
    assert stored.text == REPLY
    assert stored.state == "published"
    assert publisher.read_back(TARGET) == (stored,)
    assert shop.reply_counts("saebyeok") == {7: 1}


def test_nothing_stands_before_something_is_written(publisher: Publisher) -> None:
    assert publisher.read_back(TARGET) == ()


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ({"cut": "before_store"}, OutcomeUnknownError, 0),
        ({"cut": "after_store"}, OutcomeUnknownError, 1),
        ({"status": 500, "on": "reply"}, OutcomeUnknownError, 0),
        ({"status": 503, "on": "reply"}, OutcomeUnknownError, 0),
        ({"status": 429, "retry_after": 2, "on": "reply"}, RateLimitedError, 0),
        ({"status": 409, "on": "reply"}, PublicationRefusedError, 0),
    ],
)
def test_what_goes_wrong_is_the_promised_error_and_reading_tells_the_truth(
    shop: Storefront,
    make_publisher: MakePublisher,
    fault: dict[str, object],
    error: type[ReputationError],
    stored: int,
) -> None:
    url = shop.start(port=0)
    shop.control(fault)
    with pytest.raises(error):
        make_publisher(url).publish(TARGET, REPLY)
    assert len(make_publisher(url).read_back(TARGET)) == stored


def test_a_wrong_key_is_refused(shop: Storefront, make_publisher: MakePublisher) -> None:
    with pytest.raises(CredentialRejectedError):
        make_publisher(shop.start(port=0), key="wrong-key").publish(TARGET, REPLY)


def test_a_deleted_article_is_refused_and_cannot_be_read(
    shop: Storefront, publisher: Publisher
) -> None:
    shop.control({"delete": {"shop": "saebyeok", "no": 7}})
    with pytest.raises(PublicationRefusedError) as caught:
        publisher.publish(TARGET, REPLY)
    assert caught.value.code == PublicationRefusedError.GONE
    with pytest.raises(PublicationRefusedError):
        publisher.read_back(TARGET)


def test_a_shop_that_is_down_has_stored_nothing(shop: Storefront, publisher: Publisher) -> None:
    shop.stop()
    with pytest.raises(ChannelUnavailableError):
        publisher.publish(TARGET, REPLY)


def test_an_unfit_reply_never_leaves(shop: Storefront, publisher: Publisher) -> None:
    for text in ("가" * 1001, "", " \n", "반쪽 \ud83d"):
        with pytest.raises(PublicationRefusedError):
            publisher.publish(TARGET, text)
    with pytest.raises(PublicationRefusedError):
        publisher.publish(ReplyTarget("7/../8", FeedbackKind.REVIEW, {}), REPLY)
    assert shop.reply_counts("saebyeok") == {}


def test_the_longest_reply_fits(publisher: Publisher) -> None:
    assert len(publisher.publish(TARGET, "가" * 1000).text) == 1000


def test_length_is_counted_in_the_channels_unit() -> None:
    rules = ReplyRules(max_length=10, unit=LengthUnit.BYTES, encoding="cp949")
    refuse_unfit(rules, "가나다라마")
    with pytest.raises(PublicationRefusedError, match="12 bytes"):
        refuse_unfit(rules, "가나다라마바")


def test_it_says_that_repeating_is_not_safe(publisher: Publisher) -> None:
    assert not publisher.idempotent
    assert publisher.timeout_s > SPEC.timeout_s
    assert publisher.slowest_commit_s > 0


@pytest.mark.parametrize(
    "body", [None, [], {}, {"replies": {}}, {"replies": [{}]}, {"replies": ["x"]}]
)
def test_replies_of_another_shape_are_an_alarm(body: object) -> None:
    with pytest.raises(LayoutChangedError):
        parse_replies(body, NOW)
